package homeassistant

// LogLevels are the values of the bridge's log_level topic and request.
var LogLevels = []string{"trace", "debug", "info", "warn", "error"}

// BridgeMessages returns the messages that announce the bridge's own device.
// configURL is its page, "" when it has none. Its states are the plain topics
// bridge/availability, version, device_count, problem_count and log_level, its orders
// the requests restart, scan and log_level. What the problems are is in the attributes.
func BridgeMessages(form Form, prefix, configURL string, opt Options) []Message {
	d := Device{
		ID: BridgeID(opt.Layout), Name: product, Manufacturer: product, Model: opt.say("Bridge"),
		SW: opt.Version, ConfigURL: configURL,
	}
	w := newWriter(form, d, 8, opt)
	w.shared = availability(opt.Layout.BridgeAvailability())
	w.bridgeStates()
	w.bridgeOrders()
	return w.messages(prefix)
}

// AccountStates are how things can stand with the Xiaomi accounts.
var AccountStates = []string{"none", "ok", "expiring", "login_needed", "verify", "limited", "away"}

func (w *writer) bridgeStates() {
	l := w.opt.Layout
	w.own("binary_sensor", "connection_state", "Connection state",
		// Nothing may hide this one: it says that the bridge is away.
		raw("availability", "[]"),
		text("device_class", "connectivity"), text("entity_category", "diagnostic"), text("state_topic", l.BridgeAvailability()),
		text("payload_on", "online"), text("payload_off", "offline"))
	w.own("sensor", "devices", "Devices",
		text("entity_category", "diagnostic"), text("state_topic", l.Bridge("device_count")), text("state_class", "measurement"),
		text("icon", "mdi:devices"))
	w.own("sensor", "problems", "Problems",
		text("entity_category", "diagnostic"), text("state_topic", l.Bridge("problem_count")), text("state_class", "measurement"),
		text("json_attributes_topic", l.Bridge("problems")), text("icon", "mdi:alert-circle-outline"))
	w.own("sensor", "version", "Version",
		text("entity_category", "diagnostic"), text("state_topic", l.Bridge("version")), text("icon", "mdi:tag-outline"))
	if w.opt.Account {
		w.own("sensor", "account", "Xiaomi account",
			text("entity_category", "diagnostic"), text("device_class", "enum"), list("options", AccountStates),
			text("state_topic", l.Bridge("account")), text("icon", "mdi:account-key-outline"))
	}
}

func (w *writer) bridgeOrders() {
	l := w.opt.Layout
	w.own("select", "log_level", "Log level",
		text("entity_category", "config"), text("state_topic", l.Bridge("log_level")), text("command_topic", l.Request("log_level")),
		list("options", LogLevels), text("icon", "mdi:text-box-search-outline"))
	w.own("button", "restart", "Restart",
		text("entity_category", "config"), text("device_class", "restart"), text("command_topic", l.Request("restart")),
		text("payload_press", "{}"))
	w.own("button", "scan", "Scan now",
		text("entity_category", "config"), text("command_topic", l.Request("scan")), text("payload_press", "{}"), text("icon", "mdi:radar"))
}

func (w *writer) own(platform, id, name string, more ...field) {
	w.begin(platform, id)
	w.identity(id)
	w.add(text("name", w.opt.say(name)))
	w.add(more...)
	w.finish()
}
