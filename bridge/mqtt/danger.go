package mqtt

import (
	"fmt"
	"slices"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// forbid returns an error when an order's classes of danger hold one that is not
// taken from MQTT.
func forbid(kinds, classes []string) error {
	for _, kind := range classes {
		if slices.Contains(kinds, kind) {
			return forbidden(kind)
		}
	}
	return nil
}

func forbidden(kind string) error {
	return fmt.Errorf("commands of the kind %q are not taken from MQTT; MIHOME2MQTT_FORBID says so: %w", kind, mi.ErrUnsupported)
}
