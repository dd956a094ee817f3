package bridge

import (
	"context"
	"net"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/bluetooth"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/bluetooth/bluez"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/bluetooth/esphome"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/ninebot"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Radio is what hears Bluetooth devices and connects to them.
type Radio struct {
	Receivers []mi.Receiver
	Centrals  []mi.Central
}

// radio gathers the receivers of the settings and those that the options bring.
func (b *Bridge) radio() (Radio, error) {
	o, c := &b.opt, &b.opt.Config.BLE
	all := Radio{Centrals: o.Radio.Centrals}
	receivers := o.Radio.Receivers
	if c.MQTT != "off" {
		receivers = append(receivers, bluetooth.NewGateways(b.topics.Bus(), c.MQTT, o.Log))
	}
	if b.adapter() {
		a := bluez.New(o.World.Net, bluez.Options{Adapter: adapterName(c.BlueZ), Log: o.Log})
		receivers, all.Centrals = append(receivers, a), append(all.Centrals, a)
	}
	nodes, _ := c.Nodes() // config has checked them
	for _, n := range nodes {
		node, err := esphome.New(o.World.Net, esphome.Options{Addr: n.Host, Key: n.Key, Name: n.Name, Log: o.Log})
		if err != nil {
			return all, err
		}
		receivers, all.Centrals = append(receivers, node), append(all.Centrals, node)
	}
	for _, r := range receivers {
		all.Receivers = append(all.Receivers, bluetooth.Share(r))
	}
	return all, nil
}

// adapter reports whether this machine's Bluetooth is to be used. Most have none,
// and nobody wants to read of that unless they asked for it.
func (b *Bridge) adapter() bool {
	switch b.opt.Config.BLE.BlueZ {
	case "off":
		return false
	case "auto":
		if b.opt.Alone {
			return false
		}
		conn, err := b.opt.World.Net.DialContext(context.Background(), "unix", strings.TrimPrefix(bluez.DefaultBus, "unix:path="))
		if err != nil {
			b.opt.Log.Debug().Err(err).Msg("no D-Bus here: this machine's Bluetooth is not used")
			return false
		}
		_ = conn.Close() // it was only tried
	}
	return true
}

func adapterName(setting string) string {
	if setting == "auto" {
		return ""
	}
	return setting
}

// vehicles are the Ninebot vehicles of the settings, and whether others count too.
func vehicles(c *config.Config) (out []ninebot.Config, all bool) {
	list, all, _ := c.NinebotList() // config has checked them
	for _, v := range list {
		mac, _ := net.ParseMAC(v.MAC)
		out = append(out, ninebot.Config{Addr: mi.Address(mac), Name: v.Name, Kind: ninebot.Kind(v.Kind), Token: v.Token, Pair: v.Pair})
	}
	return out, all
}
