package esphome

import (
	"fmt"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/bluetooth"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Types of messages of the native API, as ESPHome's api.proto numbers them.
const (
	helloRequest       = 1
	helloResponse      = 2
	loginRequest       = 3
	loginResponse      = 4
	disconnectRequest  = 5
	disconnectResponse = 6
	pingRequest        = 7
	pingResponse       = 8
	infoRequest        = 9
	infoResponse       = 10
	timeRequest        = 36

	subscribeAdverts  = 66
	parsedAdvert      = 67
	deviceRequest     = 68
	deviceConnection  = 69
	servicesRequest   = 70
	servicesResponse  = 71
	servicesDone      = 72
	readRequest       = 73
	readResponse      = 74
	writeRequest      = 75
	writeDescriptor   = 77
	notifyRequest     = 78
	notifyData        = 79
	subscribeFree     = 80
	connectionsFree   = 81
	gattError         = 82
	writeResponse     = 83
	notifyResponse    = 84
	unsubscribeAdvert = 87
	rawAdverts        = 93
)

// The version of the API that we say we speak: later ones change what nodes send.
const apiMajor, apiMinor = 1, 10

// Flags of what a Bluetooth proxy can do.
const (
	canHear    = 1 << 0
	canConnect = 1 << 1
	canRaw     = 1 << 5
)

const wantRaw = 1 // flag of subscribeAdverts

// Kinds of deviceRequest.
const (
	disconnectDevice = 1
	connectDevice    = 5 // without services from an earlier time
)

// hello is a HelloResponse.
type hello struct {
	major  uint64
	server string
	name   string
}

func parseHello(b []byte) (h hello, err error) {
	err = eachField(b, func(f field) {
		switch f.num {
		case 1:
			h.major = f.n
		case 3:
			h.server = f.text()
		case 4:
			h.name = f.text()
		}
	})
	return h, err
}

func makeHello() []byte {
	b := appendBytes(nil, 1, "mihome2mqtt")
	b = appendNumber(b, 2, apiMajor)
	return appendNumber(b, 3, apiMinor)
}

// info is what is of use of a DeviceInfoResponse.
type info struct {
	name, version, friendly string
	proxy                   uint64 // flags
}

func parseInfo(b []byte) (i info, err error) {
	err = eachField(b, func(f field) {
		switch f.num {
		case 2:
			i.name = f.text()
		case 4:
			i.version = f.text()
		case 13:
			i.friendly = f.text()
		case 15:
			i.proxy = f.n
		}
	})
	return i, err
}

// refusedLogin reports whether a login response says that the password is wrong.
func refusedLogin(b []byte) (refused bool) {
	_ = eachField(b, func(f field) { refused = refused || f.num == 1 && f.yes() }) // damage is no refusal
	return refused
}

// packet is one advertisement of a proxy.
type packet struct {
	advert mi.Advert
	kind   byte // of its address
	whole  bool // its AD structures make sense
}

// eachRaw calls each for the packets of a BluetoothLERawAdvertisementsResponse.
func eachRaw(b []byte, each func(packet)) error {
	var damaged error
	err := eachField(b, func(f field) {
		if f.num != 1 || f.wire != wireBytes {
			return
		}
		p, err := parseRaw(f.data)
		if err != nil {
			damaged = err
			return
		}
		each(p)
	})
	if err == nil {
		err = damaged
	}
	return err
}

func parseRaw(b []byte) (p packet, err error) {
	var data []byte
	err = eachField(b, func(f field) {
		switch f.num {
		case 1:
			p.advert.Addr = bluetooth.FromNumber(f.n)
		case 2:
			p.advert.RSSI = strength(f.zigzag())
		case 3:
			p.kind = byte(f.n)
		case 4:
			data = f.data
		}
	})
	p.whole = bluetooth.ReadStructures(data, &p.advert)
	return p, err
}

func strength(dBm int) int {
	if dBm < -127 || dBm > 20 {
		return 0
	}
	return dBm
}

// parseParsed reads a BluetoothLEAdvertisementResponse, which nodes send that do
// not know raw ones.
func parseParsed(b []byte) (p packet, err error) {
	p.whole = true
	err = eachField(b, func(f field) {
		switch f.num {
		case 1:
			p.advert.Addr = bluetooth.FromNumber(f.n)
		case 2:
			p.advert.Name = f.text()
		case 3:
			p.advert.RSSI = strength(f.zigzag())
		case 5:
			if uuid, data, ok := parseData(f.data); ok {
				p.advert.Service = append(p.advert.Service, mi.ServiceData{UUID: uuid, Data: data})
			}
		case 6:
			if company, data, ok := parseData(f.data); ok {
				p.advert.Manufacturer = append(p.advert.Manufacturer, mi.ManufacturerData{Company: company, Data: data})
			}
		case 7:
			p.kind = byte(f.n)
		}
	})
	return p, err
}

// parseData reads a BluetoothServiceData: a UUID or company, and octets, which old
// nodes send one by one.
func parseData(b []byte) (id uint16, data []byte, ok bool) {
	var legacy []uint64
	err := eachField(b, func(f field) {
		switch f.num {
		case 1:
			id, ok = bluetooth.ShortUUID(f.text())
		case 2:
			legacy = numbers(f, legacy)
		case 3:
			data = f.data
		}
	})
	if len(data) == 0 {
		for _, v := range legacy {
			data = append(data, byte(v))
		}
	}
	return id, data, ok && err == nil
}

// reply is what a proxy says about a connection.
type reply struct {
	addr   uint64
	handle uint64
	yes    bool // connected
	err    int
	data   []byte
}

// parseReply reads the messages about a connection, which number alike fields
// alike but for deviceConnection.
func parseReply(kind uint64, b []byte) (r reply, err error) {
	err = eachField(b, func(f field) {
		switch {
		case f.num == 1:
			r.addr = f.n
		case kind == deviceConnection && f.num == 2:
			r.yes = f.yes()
		case kind == deviceConnection && f.num == 4, kind == gattError && f.num == 3:
			r.err = f.signed()
		case f.num == 2:
			r.handle = f.n
		case f.num == 3:
			r.data = f.data
		}
	})
	return r, err
}

// characteristic is one of a device's.
type characteristic struct {
	handle     uint64
	properties uint64
	config     uint64 // handle of the descriptor that switches notifications on; 0 for none
}

const (
	canNotify    = 1 << 4 // of properties
	configUUID   = 0x2902
	maxDescribed = 1024 // characteristics of one device
)

// readServices adds the characteristics of a BluetoothGATTGetServicesResponse to
// all, by UUID. The first of the same UUID stays.
func readServices(b []byte, all map[string]characteristic) error {
	return eachField(b, func(f field) {
		if f.num != 2 || f.wire != wireBytes {
			return
		}
		_ = eachField(f.data, func(f field) { // a damaged service has those that came before
			if f.num != 3 || f.wire != wireBytes || len(all) >= maxDescribed {
				return
			}
			uuid, c := parseCharacteristic(f.data)
			if _, known := all[uuid]; !known {
				all[uuid] = c
			}
		})
	})
}

func parseCharacteristic(b []byte) (uuid string, c characteristic) {
	var long []uint64
	var short uint64
	_ = eachField(b, func(f field) {
		switch f.num {
		case 1:
			long = numbers(f, long)
		case 2:
			c.handle = f.n
		case 3:
			c.properties = f.n
		case 4:
			if name, handle := parseDescriptor(f.data); name == bluetooth.LongUUID(configUUID) {
				c.config = handle
			}
		case 5:
			short = f.n
		}
	})
	return spellUUID(long, short), c
}

func parseDescriptor(b []byte) (uuid string, handle uint64) {
	var long []uint64
	var short uint64
	_ = eachField(b, func(f field) {
		switch f.num {
		case 1:
			long = numbers(f, long)
		case 2:
			handle = f.n
		case 3:
			short = f.n
		}
	})
	return spellUUID(long, short), handle
}

// spellUUID writes a UUID that comes as two halves, or as a short one.
func spellUUID(long []uint64, short uint64) string {
	if len(long) < 2 {
		return fmt.Sprintf("%08x%s", uint32(short), bluetooth.LongUUID(0)[8:])
	}
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", long[0]>>32, long[0]>>16&0xFFFF, long[0]&0xFFFF, long[1]>>48, long[1]&(1<<48-1))
}
