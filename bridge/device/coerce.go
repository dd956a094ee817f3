package device

import "github.com/mihome2mqtt/mihome2mqtt/bridge/mi"

// coerce turns v into the property's format: firmware says "on", 1 and true for
// the same thing. What cannot be read as that format becomes unknown; a value
// outside the property's range or list is kept, entities judge it.
func coerce(p *mi.Property, v mi.Value) mi.Value {
	if !v.Known() {
		return v
	}
	switch p.Format {
	case mi.FormatBool:
		if b, ok := v.Bool(); ok {
			return mi.Bool(b)
		}
	case mi.FormatInt:
		if i, ok := v.Int(); ok {
			return mi.Int(i)
		}
	case mi.FormatFloat:
		if f, ok := v.Float(); ok {
			return mi.Float(f)
		}
	default:
		if v.Kind() == mi.KindText {
			return v
		}
		return mi.Text(v.String())
	}
	return mi.Value{}
}
