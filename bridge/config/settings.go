// Package config reads every setting of the bridge. All of them are environment
// variables with one prefix; this file is the whole list, and the table in the
// README is generated from its comments.
package config

import (
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Prefix starts the name of every variable.
const Prefix = "MIHOME2MQTT_"

// Config is everything that can be set. The doc comment of a field is what
// people read in the README; the tag choices lists the only words allowed, min
// and max limit a duration.
type Config struct {
	filed map[string]bool // variables that were read from a file

	MQTT   MQTT   `envPrefix:"MQTT_"`
	Broker Broker `envPrefix:"BROKER_"`
	Web    Web    `envPrefix:"WEB_"`

	// What programs show as `Authorization: Bearer` to use the API without a password, 20 characters at least.
	APIToken mi.Secret `env:"API_TOKEN"`

	// First level of every topic.
	BaseTopic string `env:"BASE_TOPIC" envDefault:"mihome2mqtt"`
	// Where devices are announced: a list of prefix:form, form being `device` (Home Assistant, openHAB from 5.2) or `single` (Domoticz, older openHAB); `off` announces nothing.
	Discovery Announcements `env:"DISCOVERY" envDefault:"homeassistant:device"`
	// Suggest the room of each device to Home Assistant as its area.
	Areas bool `env:"AREAS" envDefault:"false"`
	// Language of the names, such as `en`, `de` or `zh`. Option and enum values always stay English.
	Language string `env:"LANGUAGE" envDefault:"en"`
	// How many entities are switched on from the start.
	Detail string `env:"DETAIL" envDefault:"normal" choices:"minimal,normal,all"`

	// Devices to talk to, separated by `;` or line: did or host, token, model. As a file also the JSON or CSV that token extractors write.
	Devices mi.Secret `env:"DEVICES"`
	// Only these devices: did, model (`*` stands for anything) or room.
	Include List `env:"INCLUDE"`
	// None of these devices, by the same words.
	Exclude List `env:"EXCLUDE"`
	// Network interfaces to look for devices on; all when empty.
	Interfaces List `env:"INTERFACES"`

	// Xiaomi TVs, separated by `;`: host, then if you like MAC and name. TVs on the bridge's own network are found by themselves.
	TVs TVs `env:"TVS"`
	// Xiaomi routers, separated by `;` or line: host, password of the admin page, and if you like a name.
	Routers mi.Secret `env:"ROUTERS"`
	// Whom the routers tell to be home or away: MAC addresses or the names that the router shows, or `all`.
	Presence List `env:"PRESENCE"`
	// How long somebody, or a vehicle, must be missing to be away.
	AwayAfter time.Duration `env:"AWAY_AFTER" envDefault:"3m" min:"10s" max:"24h"`
	// Let Wi-Fi and guest networks of the routers be switched and moved to other channels.
	RouterWrites bool `env:"ROUTER_WRITES" envDefault:"false"`
	// Keys of lumi gateways, separated by `;` or line: did or sid of the gateway, then its key of 16 characters.
	GatewayKeys mi.Secret `env:"GATEWAY_KEYS"`
	// Multimode gateways whose own MQTT broker answers, separated by `;`: host, then if you like a name and the did.
	Multimode Gateways `env:"MULTIMODE_GATEWAYS"`
	// Switch "LAN control" on at Yeelight lamps whose token is known.
	YeelightLAN bool `env:"YEELIGHT_LAN_CONTROL" envDefault:"true"`
	// Send bursts of orders, beyond what a Yeelight lamp takes a minute, over a connection that the lamp opens to the bridge.
	YeelightMusic bool `env:"YEELIGHT_MUSIC" envDefault:"false"`
	// Action cameras and the Mi Drone's camera (experimental), separated by `;`: host, then if you like a name.
	Cameras Cameras `env:"CAMERAS"`
	// Android and Google TVs, separated by `;`: host, then if you like MAC and name. Those on the bridge's own network are found by themselves; each shows a code to pair with.
	AndroidTVs TVs `env:"ANDROID_TVS"`
	BLE        BLE `envPrefix:"BLE_"`
	// Segway and Ninebot minis and scooters, separated by `;`: Bluetooth address, then if you like `mini` `scooter` `crypto` `pair` (it may be paired) or a Mi scooter's token, and a name; `all` also reads others.
	Ninebots mi.Secret `env:"NINEBOTS"`
	// Let scooters be locked and lit.
	NinebotWrites bool `env:"NINEBOT_WRITES" envDefault:"false"`
	// Time between two visits to a mini or scooter that is near.
	NinebotPoll time.Duration `env:"NINEBOT_POLL" envDefault:"5m" min:"1m" max:"24h"`
	// How long after the last movement a motion sensor still says motion.
	MotionClear time.Duration `env:"MOTION_CLEAR" envDefault:"90s" min:"1s" max:"1h"`

	// Use the Xiaomi accounts that sign in on the pages: their devices with names, rooms and keys, and the cloud where nothing else reaches a device.
	Cloud bool `env:"CLOUD" envDefault:"true"`
	// Read from the accounts what devices used today and this month, as a meter beside each device that measures it.
	Energy bool `env:"CLOUD_ENERGY" envDefault:"true"`
	// Devices whose events are read from the accounts' log every five minutes and shown as times, delayed: did, model (`*` stands for anything), room or `all`. For what reports by nothing else.
	CloudEvents List `env:"CLOUD_EVENTS"`
	// Regions of the cloud that are asked, of `cn` `de` `us` `sg` `ru` `tw` `i2`; all when empty.
	Regions List `env:"REGIONS"`
	// Accounts that are signed in already, separated by `;` or line: user id, passToken (both are cookies of account.xiaomi.com).
	Accounts mi.Secret `env:"ACCOUNTS"`
	// User-Agent towards Xiaomi, for when the built-in version of the app is refused (HTTP 426).
	UserAgent string `env:"ACCOUNT_USER_AGENT"`
	// Passphrase that encrypts tokens, keys and accounts in the data folder, 12 characters at least.
	DataKey mi.Secret `env:"DATA_KEY"`
	// The former DATA_KEY, for one start after it was changed: what it encrypted is encrypted anew.
	DataKeyOld mi.Secret `env:"DATA_KEY_OLD"`

	// Folder where the bridge keeps what it learns.
	Data string `env:"DATA" envDefault:"data"`
	// Folder with MIoT specs for use without internet: files MODEL.json, or sets as lines (.jsonl, .jsonl.gz).
	Specs string `env:"SPECS"`
	// Ask miot-spec.org for the spec of a model that is not known yet.
	SpecsOnline bool `env:"SPECS_ONLINE" envDefault:"true"`
	// Folder with mapping files of your own, laid over the built-in ones.
	Mappings string `env:"MAPPINGS"`

	// Time between two reads of a device that does not report by itself.
	Poll time.Duration `env:"POLL" envDefault:"30s" min:"1s" max:"24h"`
	// The same for 20 s after an order and while something moves.
	PollFast time.Duration `env:"POLL_FAST" envDefault:"2s" min:"500ms" max:"1h"`
	// The same for counters and filters.
	PollSlow time.Duration `env:"POLL_SLOW" envDefault:"5m" min:"10s" max:"24h"`
	// Longest time an order waits for its device; then it fails and is never carried out later.
	OrderTimeout time.Duration `env:"ORDER_TIMEOUT" envDefault:"10s" min:"1s" max:"1m"`
	Gone         Gone          `envPrefix:"GONE_"`

	// Kinds of commands that are not taken, by MQTT, pages, API or command line, separated by commas: `unlock` `alarm` `gate` `gas` `cook` `stop` `erase` `update` `restart` `remove`; `off` forbids none.
	Forbid Forbidden `env:"FORBID" envDefault:"unlock"`
	// Allow reading, writing and calling anything at all by `bridge/request/get`, `set` and `action`.
	RawAccess bool `env:"RAW_ACCESS" envDefault:"false"`

	// Least important message that is logged.
	LogLevel string `env:"LOG_LEVEL" envDefault:"info" choices:"trace,debug,info,warn,error"`
	// Form of the log.
	LogFormat string `env:"LOG_FORMAT" envDefault:"text" choices:"text,json"`
}

// MQTT is how to reach a broker of the user's.
type MQTT struct {
	// Broker to use: `mqtt://`, `mqtts://`, `ws://` or `wss://` with host and port. Without it a broker runs inside the bridge.
	URL string `env:"URL"`
	// User name at the broker.
	User string `env:"USER"`
	// Password at the broker.
	Password mi.Secret `env:"PASSWORD"`
	// File with the certificate authority (PEM) that signed the broker's certificate.
	CA string `env:"CA"`
	// File with the client certificate (PEM).
	Cert string `env:"CERT"`
	// File with the key (PEM) of the client certificate.
	Key string `env:"KEY"`
	// Accept any certificate of the broker. Whoever sits in between can then read and change everything.
	Insecure bool `env:"INSECURE" envDefault:"false"`
}

// Broker is the broker inside the bridge, used when MQTT.URL is empty.
type Broker struct {
	// Address of the broker inside the bridge. Anything but loopback needs user and password.
	Listen string `env:"LISTEN" envDefault:"127.0.0.1:1883"`
	// User name that clients of the broker inside the bridge must give.
	User string `env:"USER"`
	// Password that clients of the broker inside the bridge must give, 12 characters at least.
	Password mi.Secret `env:"PASSWORD"`
	// File with the certificate (PEM) of the broker inside the bridge, which speaks TLS alone then.
	Cert string `env:"CERT"`
	// File with the key (PEM) of that certificate.
	Key string `env:"KEY"`
}

// Web is the bridge's pages and API.
type Web struct {
	// Address of the pages; `off` has none. Without WEB_PASSWORD only this machine and Home Assistant may look.
	Listen string `env:"LISTEN" envDefault:"127.0.0.1:8099"`
	// Password of the pages for everybody else, 12 characters at least.
	Password mi.Secret `env:"PASSWORD"`
	// Names by which the pages may be asked for, besides addresses and this machine's own name.
	Hosts List `env:"HOSTS"`
	// Path under which a proxy shows the pages, if it does not take it off: `/mihome`.
	Prefix string `env:"PREFIX"`
	// Show the pages inside Home Assistant without a password. The app sets it by itself.
	Ingress bool `env:"INGRESS" envDefault:"false"`
}

// BLE is how Bluetooth devices are heard.
type BLE struct {
	// Topics on which OpenMQTTGateway and Theengs gateways publish what they hear; `off` listens to none.
	MQTT string `env:"MQTT" envDefault:"home/+/BTtoMQTT/#"`
	// Bluetooth adapter of this machine: `auto` listens with the first one where there is any, `off` with none, `hci1` with that one.
	BlueZ string `env:"BLUEZ" envDefault:"auto"`
	// ESPHome nodes that are Bluetooth proxies, separated by `;` or line: host, then if it has one its encryption key, and a name.
	ESPHome mi.Secret `env:"ESPHOME"`
	// Keys of devices that send encrypted, separated by `;` or line: Bluetooth address or did, then the key in hexadecimal digits.
	Keys mi.Secret `env:"KEYS"`
	// Devices to listen to, by address or did. When empty: all of Xiaomi's formats, and of the open format BTHome those with a key; `all` is everything that is understood.
	Devices List `env:"DEVICES"`
}

// Gone is, for each class of device, how long it may be silent before it counts
// as gone.
type Gone struct {
	// Silence after which a Wi-Fi device counts as gone (and three reads missed).
	WiFi time.Duration `env:"WIFI" envDefault:"1m" min:"10s" max:"168h"`
	// Silence after which a Zigbee device on mains counts as gone.
	Zigbee time.Duration `env:"ZIGBEE" envDefault:"35m" min:"1m" max:"168h"`
	// Silence after which a Zigbee device on battery counts as gone.
	ZigbeeBattery time.Duration `env:"ZIGBEE_BATTERY" envDefault:"170m" min:"1m" max:"168h"`
	// Silence after which a Bluetooth device counts as gone.
	BLE time.Duration `env:"BLE" envDefault:"65m" min:"1m" max:"168h"`
	// Silence after which a Bluetooth mesh device counts as gone.
	Mesh time.Duration `env:"MESH" envDefault:"50m" min:"1m" max:"168h"`
}
