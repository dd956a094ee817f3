package miio

import "github.com/mihome2mqtt/mihome2mqtt/bridge/mi"

// said is where the speaker keeps what it was told to say. It is no property.
const said = "said"

// speaker plays and says what it is told.
func speaker() *model {
	say := func(d *Device, in []mi.Value) ([]mi.Value, int) {
		if in[0].Kind() != mi.KindText {
			return nil, codeArguments
		}
		d.put(said, in[0])
		return nil, codeOK
	}
	return &model{
		name: "xiaomi.wifispeaker.l05b", label: "小爱音箱", room: "Living room", firmware: "1.76.4",
		values: facts("2.1", 35, "2.2", false, "3.1", 1, "3.3", 1, "4.1", false, "6.1", false, "6.2", 1, "6.3", 0, "6.4", 2),
		act: actions{
			"3.1": nothing, "3.2": nothing, "3.3": nothing, "3.4": nothing, "3.5": nothing, "3.6": nothing,
			"5.1": nothing, "5.2": nothing, "5.3": say, "5.4": say, "5.5": nothing, "6.1": become("6.2", 1),
		},
	}
}
