package ninebot

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// The characteristics of Xiaomi's authentication.
const (
	miControl = "00000010-0000-1000-8000-00805f9b34fb"
	miParcels = "00000019-0000-1000-8000-00805f9b34fb"
)

// The kinds of parcels.
const (
	parcelInfo    = 0x00 // the device's identity; ours to it, encrypted
	parcelKey     = 0x03 // a public key
	parcelAppSign = 0x0A
	parcelApp     = 0x0B // what the app drew
	parcelSign    = 0x0C
	parcelDevice  = 0x0D // what the device drew
)

const (
	parcelPiece = 18 // bytes behind the number of each piece
	mostPieces  = 16
	stepIn      = 3 * time.Second
)

// desk exchanges the parcels of Xiaomi's authentication: a parcel is announced,
// taken, sent in numbered pieces and confirmed.
type desk struct {
	p       mi.Peripheral
	control chan []byte
	parcels chan []byte
}

// openDesk listens to both characteristics.
func openDesk(ctx context.Context, p mi.Peripheral) (*desk, error) {
	d := &desk{p: p, control: make(chan []byte, backlog), parcels: make(chan []byte, backlog)}
	for name, to := range map[string]chan []byte{miControl: d.control, miParcels: d.parcels} {
		err := p.Notify(ctx, name, func(b []byte) {
			select {
			case to <- bytes.Clone(b):
			default: // the exchange fails by its deadline
			}
		})
		if err != nil {
			if errors.Is(err, mi.ErrUnsupported) {
				err = errStrange
			}
			return nil, fmt.Errorf("listen for the login: %w", err)
		}
	}
	return d, nil
}

// next returns the next notification of one characteristic.
func (d *desk) next(ctx context.Context, from chan []byte) ([]byte, error) {
	timer := time.NewTimer(stepIn)
	defer timer.Stop()
	select {
	case b := <-from:
		return b, nil
	case <-d.p.Done():
		return nil, errLost
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
		return nil, fmt.Errorf("log in: %w", mi.ErrTimeout)
	}
}

// command tells the device what comes next.
func (d *desk) command(ctx context.Context, code byte) error {
	return d.p.Write(ctx, miControl, []byte{code, 0, 0, 0}, false)
}

// verdict waits for the device's yes.
func (d *desk) verdict(ctx context.Context, yes byte) error {
	b, err := d.next(ctx, d.control)
	if err != nil {
		return err
	}
	if len(b) == 0 || b[0] != yes {
		return fmt.Errorf("it refuses: %w", mi.ErrDenied)
	}
	return nil
}

// Confirmations of parcels.
const (
	parcelDone  = 0
	parcelReady = 1
)

func (d *desk) confirm(ctx context.Context, what byte) error {
	return d.p.Write(ctx, miParcels, []byte{0, 0, 1, what}, false)
}

func (d *desk) confirmed(ctx context.Context, what byte) error {
	b, err := d.next(ctx, d.parcels)
	if err != nil {
		return err
	}
	if !bytes.Equal(b, []byte{0, 0, 1, what}) {
		return fmt.Errorf("log in: it does not take a parcel: %w", mi.ErrDenied)
	}
	return nil
}

// send hands a parcel over.
func (d *desk) send(ctx context.Context, kind byte, data []byte) error {
	pieces := cut(data)
	if err := d.p.Write(ctx, miParcels, []byte{0, 0, 0, kind, byte(len(pieces)), 0}, false); err != nil {
		return err
	}
	if err := d.confirmed(ctx, parcelReady); err != nil {
		return err
	}
	for _, piece := range pieces {
		if err := d.p.Write(ctx, miParcels, piece, false); err != nil {
			return err
		}
	}
	return d.confirmed(ctx, parcelDone)
}

// cut numbers the pieces of a parcel, from 1.
func cut(data []byte) (pieces [][]byte) {
	for len(data) > 0 {
		n := min(parcelPiece, len(data))
		number := binary.LittleEndian.AppendUint16(nil, uint16(len(pieces)+1))
		pieces = append(pieces, append(number, data[:n]...))
		data = data[n:]
	}
	return pieces
}

// receive takes a parcel of that kind and length.
func (d *desk) receive(ctx context.Context, kind byte, size int) ([]byte, error) {
	b, err := d.next(ctx, d.parcels)
	if err != nil {
		return nil, err
	}
	n, err := announced(b, kind)
	if err != nil {
		return nil, err
	}
	if err := d.confirm(ctx, parcelReady); err != nil {
		return nil, err
	}
	var data []byte
	for i := range n {
		if b, err = d.next(ctx, d.parcels); err != nil {
			return nil, err
		}
		if data, err = join(data, b, i+1); err != nil {
			return nil, err
		}
	}
	if len(data) < size {
		return nil, fmt.Errorf("log in: a parcel of %d bytes instead of %d: %w", len(data), size, mi.ErrProtocol)
	}
	return data[:size], d.confirm(ctx, parcelDone)
}

// announced reads the announcement of a parcel: how many pieces come.
func announced(b []byte, kind byte) (int, error) {
	if len(b) < 6 || b[0] != 0 || b[1] != 0 || b[2] != 0 {
		return 0, fmt.Errorf("log in: no parcel but %d other bytes: %w", len(b), mi.ErrProtocol)
	}
	if n := int(word(b, 4)); b[3] == kind && n > 0 && n <= mostPieces {
		return n, nil
	}
	return 0, fmt.Errorf("log in: an unexpected parcel %02x: %w", b[3], mi.ErrProtocol)
}

// join appends a piece, if it is the one that follows.
func join(data, piece []byte, number int) ([]byte, error) {
	if len(piece) < 3 || int(word(piece, 0)) != number {
		return nil, fmt.Errorf("log in: piece %d of a parcel is missing: %w", number, mi.ErrProtocol)
	}
	return append(data, piece[2:]...), nil
}
