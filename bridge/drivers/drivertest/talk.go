package drivertest

import (
	"maps"
	"slices"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Talk speaks with an open device by the names in its Spec.
type Talk struct {
	*testing.T
	Link mi.Link
}

// Spec returns what the device has.
func (k *Talk) Spec() *mi.Spec {
	k.Helper()
	spec, err := k.Link.Spec(k.Context())
	if err != nil {
		k.Fatalf("Spec = %v", err)
	}
	return spec
}

// Prop returns the index of a property.
func (k *Talk) Prop(key mi.Key) int {
	k.Helper()
	i := slices.IndexFunc(k.Spec().Props, func(p mi.Property) bool { return p.Key == key })
	if i < 0 {
		k.Fatalf("no property %s", key)
	}
	return i
}

// Read returns every value that the device tells and knows, by its key.
func (k *Talk) Read() (map[mi.Key]mi.Value, error) {
	k.Helper()
	spec := k.Spec()
	var props []int
	for i := range spec.Props {
		if spec.Props[i].Access&mi.Read != 0 {
			props = append(props, i)
		}
	}
	got, err := k.Link.(mi.Getter).Get(k.Context(), props, nil)
	out := map[mi.Key]mi.Value{}
	for _, c := range got {
		if c.Value.Known() {
			out[spec.Props[c.Prop].Key] = c.Value
		}
	}
	return out, err
}

// Want checks everything that the device tells.
func (k *Talk) Want(want map[mi.Key]mi.Value) {
	k.Helper()
	if got, err := k.Read(); err != nil || !maps.Equal(got, want) {
		k.Errorf("the device shows %v, %v, want %v", got, err, want)
	}
}

// Shows checks one value that the device tells.
func (k *Talk) Shows(key mi.Key, want mi.Value) {
	k.Helper()
	if got, err := k.Read(); err != nil || got[key] != want {
		k.Errorf("%s = %v, %v, want %v", key, got[key], err, want)
	}
}

// Try sets a property.
func (k *Talk) Try(key mi.Key, v mi.Value) error {
	k.Helper()
	return k.Link.(mi.Setter).Set(k.Context(), []mi.Change{{Prop: k.Prop(key), Value: v}})
}

// Set sets a property, which must succeed.
func (k *Talk) Set(key mi.Key, v mi.Value) {
	k.Helper()
	if err := k.Try(key, v); err != nil {
		k.Errorf("set %s to %s = %v", key, v, err)
	}
}

// Run runs an action by its name.
func (k *Talk) Run(name string, args ...mi.Value) error {
	k.Helper()
	i := slices.IndexFunc(k.Spec().Actions, func(a mi.Action) bool { return a.Name == name })
	_, err := k.Link.(mi.Caller).Call(k.Context(), i, args)
	return err
}
