package miio

import (
	"fmt"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// model is one sort of device: what it is when it leaves the factory and how it
// behaves. Its functions are called with the device locked.
type model struct {
	name     string // vendor.type.version
	label    string // what people call it
	room     string
	firmware string
	push     bool // takes miIO.sub
	values   []fact
	trouble  Trouble
	quietIDs bool // answers a message id once, as roborock vacuums do
	lenient  bool // runs actions whose arguments are missing

	step   func(d *Device, dt time.Duration) // lets time go by
	wrote  func(d *Device, key string)       // an order or a hand changed key
	act    actions                           // by iid
	legacy methods                           // of the time before MIoT
	both   bool                              // speaks MIoT too, though it has legacy methods
}

// oldOnly reports whether the model speaks no MIoT.
func (m *model) oldOnly() bool { return m.legacy != nil && !m.both }

// fact is the value of a property.
type fact struct {
	key   string
	value mi.Value
}

// facts lists key, value, key, value, …
func facts(pairs ...any) []fact {
	out := make([]fact, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, fact{pairs[i].(string), valueOf(pairs[i+1])})
	}
	return out
}

func valueOf(x any) mi.Value {
	switch x := x.(type) {
	case bool:
		return mi.Bool(x)
	case int:
		return mi.Int(int64(x))
	case int64:
		return mi.Int(x)
	case float64:
		return mi.Float(x)
	case string:
		return mi.Text(x)
	}
	panic(fmt.Sprintf("virtual: no value: %T", x))
}

// catalogue lists every model, in the order in which a home is furnished.
func catalogue() []*model {
	return []*model{
		plug(), purifier(), lamp(), cooker(), vacuum(), curtain(), humidifier(), conditioner(), waterHeater(), kettle(),
		fan(), gateway(), speaker(), valve(),
		oldCooker(), oldPurifier(), oldBulb(), oldPlug(), oldVacuum(), television(),
	}
}

// Models returns the names of the virtual models.
func Models() []string {
	var names []string
	for _, m := range catalogue() {
		names = append(names, m.name)
	}
	return names
}

// actions are what a device can be told to do, by iid. The code is 0 or a MIoT
// error.
type actions map[string]func(d *Device, in []mi.Value) (out []mi.Value, code int)

// methods are legacy calls by name.
type methods map[string]method
