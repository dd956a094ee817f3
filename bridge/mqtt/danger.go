package mqtt

import (
	"fmt"
	"slices"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// forbid returns an error when order is of a kind that is not taken from MQTT.
func forbid(kinds []string, spec *mi.Spec, order mi.Order) error {
	for _, kind := range entity.Harm(spec, order) {
		if slices.Contains(kinds, kind) {
			return forbidden(kind)
		}
	}
	return nil
}

func forbidden(kind string) error {
	return fmt.Errorf("commands of the kind %q are not taken from MQTT; MIHOME2MQTT_FORBID says so: %w", kind, mi.ErrUnsupported)
}
