package problem

// kinds is the table. The sentences are fixed: what still works comes second, what
// to do last.
var kinds = []Kind{
	{
		ID: "net.foreign_subnet", Severity: Broken,
		Sentence: "{name} answers a ping, but not the bridge. It is at {ip}, the bridge at {ours}. Many Xiaomi devices only talk to their own network.",
		Else: map[string]string{
			Heard: "Xiaomi's cloud hears {name}, but the bridge does not. It is at {ip}, the bridge at {ours}. Many Xiaomi devices only talk to their own network.",
		},
		ToDo: "Give the bridge an address in {net}, or let your router translate (masquerade).",
	},
	{
		ID: "net.bridge_network", Severity: Broken, Whole: true,
		Sentence: "The bridge runs in a container network of its own, so it cannot hear devices calling. Devices whose address it knows still work.",
		ToDo:     "Use `network_mode: host` to find new ones.",
	},
	{
		ID: "net.no_broadcast", Severity: Warn, Whole: true,
		Sentence: "Your network does not pass broadcasts to the bridge. Known devices work; new ones are not found by themselves.",
		ToDo:     "Switch off the isolation of Wi-Fi clients and the filtering of multicast (IGMP) on the router.",
	},
	{
		ID: "net.none", Severity: Broken,
		Sentence: "Nobody hears {name}: not the network, not Xiaomi's cloud. It is most likely without power or Wi-Fi.",
		Else: map[string]string{
			Near:    "Nobody in the network hears {name}. It is most likely without power or Wi-Fi.",
			Air:     "No Bluetooth receiver hears {name} any more. It is most likely out of reach, or its battery is empty.",
			Hub:     "Its gateway hears nothing of {name} any more. It is most likely out of reach, or its battery is empty.",
			Far:     "Xiaomi's cloud does not reach {name}. It is most likely without power or Wi-Fi.",
			Waiting: "{name} has not been found in the network yet, and nobody knows its address.",
		},
		ToDo: "Look at the device, then try again.",
	},
	{
		ID: "net.moved", Severity: Note,
		Sentence: "{name} has a new address, {ip}. Already in use, nothing to do.",
	},
	{
		ID: "net.port_blocked", Severity: Broken,
		Sentence: "{name} is on, but its port 54321 (UDP) does not answer. A firewall or client isolation may be in between.",
		Else: map[string]string{
			Service: "{name} is on, but its port {port} does not answer. A firewall, or a switch in its app, may be in between.",
		},
		ToDo: "Allow port {port} between the bridge and the device.",
	},
	{
		ID: "token.wrong", Severity: Broken,
		Sentence: "{name} hears the bridge but does not understand it. Its key has most likely changed; that happens when it was added to Mi Home again.",
		ToDo:     "Get the new key: sign in to the Xiaomi account, or type it in.",
	},
	{
		ID: "token.missing", Severity: Broken,
		Sentence: "{name} was found, but its key is missing.",
		ToDo:     "Sign in to the Xiaomi account, or type the key in.",
	},
	{
		ID: "token.hidden", Severity: Broken,
		Sentence: "{name} keeps its key to itself (they all do once they are set up). The account has it.",
		ToDo:     "Sign in to the Xiaomi account.",
	},
	{
		ID: "device.asleep", Severity: Note,
		Sentence: "{name} switches its Wi-Fi off when idle. That is normal.",
		Else: map[string]string{
			Out: "{name} is not near, or switched off. That is normal.",
		},
	},
	{
		ID: "device.busy", Severity: Warn,
		Sentence: "{name} is overloaded and answers every {n}th question. Asking less often.",
		Else: map[string]string{
			Second: "{name} is overloaded and answers every 2nd question. Asking less often.",
			Third:  "{name} is overloaded and answers every 3rd question. Asking less often.",
			Mute:   "{name} says hello but answers no question: it is overloaded. Asking less often.",
		},
		ToDo: "Close other apps that ask it.",
	},
	{
		ID: "device.refused", Severity: Warn,
		Sentence: "{name} refused {role}: {meaning} ({code}).",
		Else: map[string]string{
			Codeless: "{name} refused {role}: {meaning}.",
		},
	},
	{
		ID: "device.spec_missing", Severity: Warn,
		Sentence: "What {model} can do is not known yet, and the list could not be fetched. Trying again in {t}.",
		Else: map[string]string{
			Unlisted: "What {model} can do is not known: nobody has published it at miot-spec.org. Looking again in {t}.",
			Offline:  "What {model} can do is not known, and the settings keep the bridge from fetching it.",
		},
		ToDo: "Import a file with the model's list.",
	},
	{
		ID: "device.cloud_only", Severity: Note,
		Sentence: "{name} can only be reached by Xiaomi's cloud.",
	},
	{
		ID: "account.login", Severity: Broken, Whole: true,
		Sentence: "Xiaomi has ended the sign-in. {n} local devices are not affected; {m} are.",
		ToDo:     "Sign in again.",
	},
	{
		ID: "account.expiring", Severity: Warn, Whole: true,
		Sentence: "Your Xiaomi sign-in ends soon.",
		ToDo:     "Sign in again.",
	},
	{
		ID: "account.verify", Severity: Broken, Whole: true,
		Sentence: "Xiaomi wants you to confirm the sign-in in a browser. The bridge has stopped trying so that the account is not locked.",
		ToDo:     "Open the confirmation.",
	},
	{
		ID: "account.empty", Severity: Broken, Whole: true,
		Sentence: "You are signed in, but this account has no devices in any of the {n} regions. Are they in another account, or shared with this one under an invitation not yet accepted?",
	},
	{
		ID: "account.limited", Severity: Warn, Whole: true,
		Sentence: "Xiaomi asks us to slow down. Cloud devices update every {t} until {time}.",
	},
	{
		ID: "cloud.away", Severity: Broken, Whole: true,
		Sentence: "Xiaomi's cloud does not answer (since {time}). Local devices are not affected.",
	},
	{
		ID: "ble.no_receiver", Severity: Broken,
		Sentence: "{name} speaks Bluetooth, and no receiver is there.",
		ToDo:     "Any of: Bluetooth of this machine, an ESPHome proxy, OpenMQTTGateway, a Xiaomi gateway.",
	},
	{
		ID: "ble.receiver_silent", Severity: Warn, Whole: true,
		Sentence: "The receiver {r} has gone quiet. Devices heard by others are not affected.",
		ToDo:     "Restart the receiver.",
	},
	{
		ID: "ble.key_missing", Severity: Broken,
		Sentence: "{name} sends encrypted; its key is missing.",
		ToDo:     "Sign in to the Xiaomi account, or type the key in.",
	},
	{
		ID: "gateway.key", Severity: Broken,
		Sentence: "The gateway {name} wants its LAN key to obey.",
		ToDo:     "Give the key that the gateway's page in Mi Home shows under the local network protocol.",
	},
	{
		ID: "gateway.closed", Severity: Note,
		Sentence: "{name} offers no local access with this firmware. Its devices come by the cloud.",
	},
	{
		ID: "mqtt.away", Severity: Broken, Whole: true,
		Sentence: "No connection to the broker {url}: {cause}. {n} values wait.",
	},
	{
		ID: "mqtt.takeover", Severity: Broken, Whole: true,
		Sentence: "Another program uses the name {client id} at the broker. Is a second bridge running?",
	},
	{
		ID: "ha.not_seen", Severity: Note, Whole: true,
		Sentence: "Home Assistant has not been seen at this broker. Is its MQTT integration on, at the same broker?",
	},
	{
		ID: "disk.readonly", Severity: Warn, Whole: true,
		Sentence: "The data folder cannot be written ({cause}). The bridge goes on, but forgets new keys at the next start.",
	},
	{
		ID: "map.invalid", Severity: Warn, Whole: true,
		Sentence: "{file}:{line}:{col}: {what}. The built-in mapping is used.",
		Else: map[string]string{
			Kept: "{file}:{line}:{col}: {what}. The mapping of before stays in use.",
		},
	},
	{
		ID: "config.open", Severity: Note, Whole: true,
		Sentence: "The pages are shut from outside because no password is set.",
		ToDo:     "Set `MIHOME2MQTT_WEB_PASSWORD`.",
	},
	{
		ID: "clock.wrong", Severity: Warn, Whole: true,
		Sentence: "This machine's clock is {d} off. Sign-in fails with a wrong clock.",
	},
	{
		ID: "tv.wake", Severity: Warn,
		Sentence: "{name} can be switched off but not on: no way to wake it is known.",
		ToDo:     "Give the TV's MAC address, or name the route that can wake it.",
	},
}
