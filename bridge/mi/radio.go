package mi

import "context"

// Advert is one Bluetooth LE advertisement as one receiver heard it. Slices are
// valid only during the call that hands it over.
type Advert struct {
	Addr         Address
	Name         string // local name; "" when it was not in the packet
	RSSI         int    // dBm, -127..20; 0 when the receiver did not say
	Service      []ServiceData
	Manufacturer []ManufacturerData
	Receiver     string // name of the receiver, for people
	// Vouched says that the receiver itself opened what the device had sealed, with
	// the device's own key: what stands here in the open is as good as sealed.
	Vouched bool
}

// Address is a Bluetooth device address, most significant octet first, as people
// write it.
type Address [6]byte

// ServiceData is AD type 0x16: the payload without its 16 bit UUID.
type ServiceData struct {
	UUID uint16 // 0xFE95 is Xiaomi's
	Data []byte
}

// ManufacturerData is AD type 0xFF: the payload without its company.
type ManufacturerData struct {
	Company uint16
	Data    []byte
}

// Receiver hears Bluetooth advertisements.
type Receiver interface {
	// Listen hands every advertisement over until ctx ends, and reconnects to
	// whatever it hears by on its own. heard may be called from any goroutine and
	// must not block.
	Listen(ctx context.Context, heard func(Advert)) error
	// Hearing reports whether the receiver works at the moment, and why not.
	Hearing() error
	// Name says which receiver it is, for people.
	Name() string
}

// Central connects to Bluetooth peripherals, one at a time.
type Central interface {
	// Connect waits for a free slot and for the peripheral. It returns ErrOffline
	// when nobody answers and ErrBusy when somebody else is connected.
	Connect(ctx context.Context, addr Address) (Peripheral, error)
	Name() string
}

// Peripheral is a connection to one device. Characteristics are named by their
// 128 bit UUID in lower case.
type Peripheral interface {
	Read(ctx context.Context, characteristic string) ([]byte, error)
	// Write sends data, with a response when the device is to acknowledge it.
	Write(ctx context.Context, characteristic string, data []byte, response bool) error
	// Notify hands every notification over until the connection ends. got must not
	// block; the slice is valid only during the call.
	Notify(ctx context.Context, characteristic string, got func([]byte)) error
	// Done is closed when the connection has ended.
	Done() <-chan struct{}
	Close() error
}

// Bus carries messages of others over the broker, such as those of a Bluetooth
// gateway that publishes there.
type Bus interface {
	// Subscribe hands what matches filter to arrived until ctx ends, through every
	// reconnect. Retained messages are handed over with retained set: they are news
	// of any age. arrived must not block; payload is valid only during the call.
	Subscribe(ctx context.Context, filter string, arrived func(topic string, payload []byte, retained bool)) error
	// Publish sends a message that is not retained. It drops it while the broker is
	// away, and says so.
	Publish(ctx context.Context, topic string, payload []byte) error
}
