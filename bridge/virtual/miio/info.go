package miio

import (
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// about is the answer to miIO.info. The token is in it, as real devices have it.
func (d *Device) about() any {
	ip := "0.0.0.0"
	if d.conn != nil {
		ip = d.conn.LocalAddr().Addr().String()
	}
	return map[string]any{
		"life":        int(time.Since(d.born) / time.Second),
		"model":       d.model.name,
		"token":       d.info.Token.Reveal(),
		"fw_ver":      d.model.firmware,
		"hw_ver":      "Linux",
		"mcu_fw_ver":  "0008",
		"wifi_fw_ver": "SD878x-14.76.36.p79-702.1.0-WM",
		"mac":         d.info.MAC,
		"mmfree":      72_456,
		"ap":          map[string]any{"ssid": "Virtual home", "bssid": "02:00:00:00:00:01", "rssi": -40 - int(d.did%30)},
		"netif":       map[string]any{"localIp": ip, "mask": "255.255.255.0", "gw": gatewayOf(ip)},
	}
}

// arguments turns JSON of a request into values: the elements of a list, or
// one value of anything else.
func arguments(raw []byte) []mi.Value {
	var list []mi.Value
	if err := unmarshal(raw, &list); err == nil {
		return list
	}
	v, err := mi.ParseJSON(raw)
	if err != nil {
		return nil
	}
	return []mi.Value{v}
}
