package pages

import (
	"fmt"
	"slices"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// LogLevel implements web.Process.
func (p *Pages) LogLevel(level string) error {
	if p.opt.SetLogLevel == nil {
		return fmt.Errorf("the log level cannot be changed here: %w", mi.ErrUnsupported)
	}
	if level == "trace" && !p.opt.Config.RawAccess {
		return fmt.Errorf("trace shows every byte; MIHOME2MQTT_RAW_ACCESS=true allows it: %w", mi.ErrDenied)
	}
	return p.opt.SetLogLevel(level)
}

// Restart implements web.Process.
func (p *Pages) Restart() error {
	if p.opt.Restart == nil {
		return fmt.Errorf("the bridge cannot start itself again here: %w", mi.ErrUnsupported)
	}
	if slices.Contains(p.opt.Config.Forbid, "restart") {
		return fmt.Errorf("restarts are not taken; MIHOME2MQTT_FORBID says so: %w", mi.ErrDenied)
	}
	go p.opt.Restart()
	return nil
}

// Clean implements web.Process.
func (p *Pages) Clean(text string) string {
	if p.opt.Clean == nil {
		return text
	}
	return p.opt.Clean(text)
}
