package homeassistant

import (
	"net"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/topic"
)

// Device is what a home platform shows of a device itself. Empty fields are left
// out.
type Device struct {
	ID           string // topic.Segment of the did
	Name         string // shown; Model, ModelID or ID stand in for it
	Manufacturer string
	Model        string // in words: "Air Purifier"
	ModelID      string // vendor.type.version
	SW, HW       string
	Serial       string // the did as Xiaomi writes it
	MAC          string // lower case, colon separated; anything else is left out
	Area         string // room
	Parent       string // ID of the announced gateway that serves it; "" is the bridge
	ConfigURL    string // page that shows the device
}

// NewDevice describes the device of info. spec may be nil.
func NewDevice(info mi.Info, spec *mi.Spec) Device {
	d := Device{
		ID: topic.Segment(info.DID), Name: info.Name, Manufacturer: Maker(info.Model), ModelID: info.Model,
		SW: info.Firmware, HW: info.Hardware, Serial: info.DID, MAC: info.MAC, Area: info.Room, Parent: topic.Segment(info.Parent),
	}
	if spec != nil {
		d.Model = spec.Text
	}
	return d
}

func (d *Device) name() string {
	for _, name := range []string{d.Name, d.Model, d.ModelID} {
		if name = strings.TrimSpace(name); name != "" {
			return name
		}
	}
	return d.ID
}

// block is the value of the key "device".
func (d *Device) block(opt Options) string {
	fields := make([]field, 0, 12)
	add := func(key, value string) {
		if value != "" {
			fields = append(fields, text(key, value))
		}
	}
	add("configuration_url", d.ConfigURL)
	if mac, err := net.ParseMAC(d.MAC); err == nil && len(mac) == 6 {
		fields = append(fields, raw("connections", `[["mac","`+mac.String()+`"]]`))
	}
	add("hw_version", d.HW)
	fields = append(fields, list("identifiers", []string{product + "_" + d.ID}))
	add("manufacturer", d.Manufacturer)
	add("model", d.Model)
	add("model_id", d.ModelID)
	add("name", d.name())
	add("serial_number", d.Serial)
	if opt.Areas {
		add("suggested_area", d.Area)
	}
	add("sw_version", d.SW)
	add("via_device", d.via(BridgeID(opt.Layout)))
	return string(appendObject(make([]byte, 0, 512), fields))
}

func (d *Device) via(bridge string) string {
	switch {
	case d.ID == bridge:
		return ""
	case d.Parent != "":
		return product + "_" + d.Parent
	}
	return product + "_" + bridge
}

// Maker names the company behind a model by the vendor that the model begins
// with; everybody in the ecosystem who is not listed is shown as Xiaomi.
func Maker(model string) string {
	vendor, _, _ := strings.Cut(model, ".")
	if name, ok := makers[vendor]; ok {
		return name
	}
	return "Xiaomi"
}

var makers = map[string]string{
	"aqara": "Aqara", "lumi": "Aqara", "yeelink": "Yeelight", "yeelight": "Yeelight", "philips": "Philips",
	"zhimi": "Zhimi", "deerma": "Deerma", "dmaker": "Dmaker", "chunmi": "Chunmi", "viomi": "Viomi",
	"roborock": "Roborock", "rockrobo": "Roborock", "dreame": "Dreame", "ijai": "Ijai", "mijia": "Mijia",
	"chuangmi": "Chuangmi", "cuco": "Cuco", "cubee": "Cubee", "qmi": "Qingmi", "zimi": "Zimi", "leshow": "Leshow",
	"nwt": "New Widetech", "hyd": "Hyd", "isa": "Isa", "linp": "Linptech", "ninebot": "Ninebot", "opple": "Opple",
	"huayi": "Huayi", "smartmi": "Smartmi", "cgllc": "Qingping", "miaomiaoce": "Miaomiaoce", "soocare": "Soocas",
	"mmgg": "Mmgg", "careli": "Careli", "midea": "Midea", "madv": "Madv", "xiaovv": "Xiaovv", "imilab": "Imilab",
	"roidmi": "Roidmi", "trouver": "Trouver", "tinymu": "Tinymu", "fawad": "Fawad", "airdog": "Airdog",
	"shuii": "Shuii", "hfjh": "Hfjh", "yunmi": "Viomi", "090615": "Yeelight", "babai": "Babai", "lemesh": "Lemesh",
}
