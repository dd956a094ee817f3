package bluetooth

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// maxMessage is more than a gateway's longest: 255 octets in hex and what it
// decoded of them.
const maxMessage = 8 << 10

// message is what OpenMQTTGateway and Theengs publish of one advert, in so far as
// we take it. What they decoded themselves is left aside.
type message struct {
	ID      string  `json:"id"` // AA:BB:CC:DD:EE:FF
	Name    string  `json:"name"`
	RSSI    float64 `json:"rssi"`
	Service string  `json:"servicedata"`      // hex without its UUID
	UUID    string  `json:"servicedatauuid"`  // 0xfe95, fe95 or the long form
	Maker   string  `json:"manufacturerdata"` // hex with its company in front
}

// parseMessage reads one message. The address may be the topic's last level only.
func parseMessage(topic string, payload []byte) (mi.Advert, bool) {
	var m message
	if err := json.Unmarshal(payload, &m); err != nil {
		if _, odd := errors.AsType[*json.UnmarshalTypeError](err); !odd {
			return mi.Advert{}, false
		}
	}
	addr, ok := ParseAddress(m.ID)
	if !ok && m.ID == "" {
		addr, ok = ParseAddress(topic[strings.LastIndexByte(topic, '/')+1:])
	}
	if !ok {
		return mi.Advert{}, false
	}
	a := mi.Advert{Addr: addr, Name: m.Name, RSSI: strength(m.RSSI)}
	m.addService(&a)
	m.addMaker(&a)
	return a, true
}

// strength returns a signal strength in dBm, 0 for what none can be.
func strength(dBm float64) int {
	if dBm < -127 || dBm > 20 {
		return 0
	}
	return int(dBm)
}

func (m *message) addService(a *mi.Advert) {
	uuid, ok := ShortUUID(m.UUID)
	data, err := hex.DecodeString(m.Service)
	if ok && err == nil && len(data) > 0 {
		a.Service = append(a.Service, mi.ServiceData{UUID: uuid, Data: data})
	}
}

func (m *message) addMaker(a *mi.Advert) {
	data, err := hex.DecodeString(m.Maker)
	if err == nil && len(data) >= 2 {
		a.Manufacturer = append(a.Manufacturer, mi.ManufacturerData{Company: binary.LittleEndian.Uint16(data), Data: data[2:]})
	}
}
