package miio

import "github.com/mihome2mqtt/mihome2mqtt/bridge/mi"

// screen is where the television keeps whether it is on. It is no property.
const screen = "screen"

// television is a TV as MIoT shows it. It answers while it is off.
func television() *model {
	become := func(key string, on bool) func(*Device, []mi.Value) ([]mi.Value, int) {
		return func(d *Device, _ []mi.Value) ([]mi.Value, int) {
			d.put(key, mi.Bool(on))
			return nil, codeOK
		}
	}
	post := func(d *Device, in []mi.Value) ([]mi.Value, int) {
		if in[0].Kind() != mi.KindText {
			return nil, codeArguments
		}
		d.put(said, in[0])
		return []mi.Value{mi.Text("ok")}, codeOK
	}
	return &model{
		name: "xiaomi.tv.eaffh1", label: "Kitchen TV", room: "Kitchen", firmware: "2.4.10",
		values: facts("2.1", 4, "4.1", 30, "4.2", false, "7.1", false, "8.1", false),
		act: actions{
			"2.1": become(screen, false), "3.1": become("7.1", true), "3.2": become("7.1", false), "5.1": post, "6.1": become(screen, true),
			"7.2": nothing, "7.5": nothing, "7.10": nothing,
		},
	}
}
