package ninebot

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// The registers that are read or written, counted in words.
const (
	regSerial   = 0x10
	regFirmware = 0x1A
	regActual   = 0x24
	regRange    = 0x25
	regTimes    = 0x32 // since it was made: switched on, ridden
	regVoltage  = 0x47
	regRadio    = 0x68 // firmware of the Bluetooth board
	regLimits   = 0x72 // of the speed: now, normal, reduced; and the mode
	regHabits   = 0x7B // energy recovery, cruise control
	regLock     = 0x70
	regUnlock   = 0x71
	regLight    = 0x7D
	regLive     = 0xB0
)

// Registers of the battery's own board.
const (
	regBuild  = 0x17 // firmware, capacity
	regAbuse  = 0x1F // times that it was charged and discharged too far
	regCells  = 0x31 // charge, percent, current, voltage, temperatures
	regHealth = 0x3B
)

const (
	liveSize   = 32
	serialSize = 14
	cellsSize  = 10
	askTwice   = 2
)

// values are what is known of a vehicle, by field. Zero entries are unknown.
type values [fieldCount]mi.Value

// quantity makes a number with a decimal scale.
func quantity[T int16 | uint16 | uint32](v T, scale int) mi.Value {
	return mi.Float(float64(v) / float64(scale))
}

func bit(flags uint16, n int) mi.Value { return mi.Bool(flags>>n&1 != 0) }

// live reads the block that holds what changes on a ride.
func (v *values) live(b []byte, k Kind) {
	code, warning, flags := word(b, 0), word(b, 2), word(b, 4)
	v[fieldError], v[fieldWarning] = mi.Int(int64(code)), mi.Int(int64(warning))
	v[fieldProblem] = mi.Bool(code != 0)
	v[fieldLimited], v[fieldLocked], v[fieldAlarm] = bit(flags, 0), bit(flags, 1), bit(flags, 2)
	v[fieldSecondBattery], v[fieldActivated] = bit(flags, 9), bit(flags, 11)
	v[fieldBattery] = mi.Int(int64(word(b, 8)))
	v[fieldSpeed] = quantity(signed(b, 10), k.speedScale())
	v[fieldAverage] = quantity(word(b, 12), k.speedScale())
	v[fieldMileage] = quantity(binary.LittleEndian.Uint32(b[14:]), 1000)
	v[fieldTrip] = quantity(word(b, 18), 100)
	v[fieldTripTime] = mi.Int(int64(word(b, 20)))
	v[fieldTemperature] = quantity(signed(b, 22), 10)
	if k == Mini {
		v.charge(signed(b, 26))
	}
}

// charge takes the current of the battery, in 10 mA: it is negative while the
// battery is charged, and when a vehicle brakes.
func (v *values) charge(current int16) {
	v[fieldCurrent] = quantity(current, 100)
	standing, _ := v[fieldSpeed].Float()
	state := int64(notCharging)
	if current < 0 && standing == 0 {
		state = charging
	}
	v[fieldCharging] = mi.Int(state)
}

// cells reads what the battery's own board says.
func (v *values) cells(b []byte) {
	v[fieldLeft] = mi.Int(int64(word(b, 0)))
	v.charge(signed(b, 4))
	v[fieldVoltage] = quantity(word(b, 6), 100)
	v[fieldCellTemperature] = mi.Int(int64(max(b[8], b[9])) - 20)
}

// times reads how long a vehicle was used, in seconds.
func (v *values) times(b []byte) {
	v[fieldOperated] = mi.Int(int64(binary.LittleEndian.Uint32(b)))
	v[fieldRidden] = mi.Int(int64(binary.LittleEndian.Uint32(b[4:])))
}

// limits reads how fast a scooter goes, in 0.1 km/h. Nothing ever writes them.
func (v *values) limits(b []byte) {
	for i, field := range []int{fieldLimit, fieldNormalLimit, fieldReducedLimit} {
		v[field] = quantity(signed(b, 2*i), 10)
	}
	v[fieldMode] = mi.Int(int64(word(b, 6)))
}

// reading is one register with what it tells.
type reading struct {
	board    byte
	register byte
	size     int
	once     bool // it does not change
	take     func(v *values, b []byte)
}

// readings are asked behind the live block.
func readings(k Kind) []reading {
	all := []reading{
		{k.board(), regSerial, serialSize, true, func(v *values, b []byte) {
			if s, ok := text(b); ok {
				v[fieldSerial] = mi.Text(s)
			}
		}},
		{k.board(), regFirmware, 2, true, func(v *values, b []byte) { v[fieldFirmware] = mi.Text(version(word(b, 0))) }},
		{k.board(), regRange, 2, false, func(v *values, b []byte) { v[fieldRange] = quantity(word(b, 0), 100) }},
	}
	if k == Mini {
		return append(all, reading{k.board(), regVoltage, 2, false, func(v *values, b []byte) { v[fieldVoltage] = quantity(word(b, 0), 100) }})
	}
	return append(append(all,
		reading{k.board(), regLight, 2, false, func(v *values, b []byte) { v[fieldLight] = mi.Bool(word(b, 0) != 0) }},
		reading{boardCells, regCells, cellsSize, false, (*values).cells},
		reading{boardCells, regHealth, 2, false, func(v *values, b []byte) { v[fieldHealth] = mi.Int(int64(word(b, 0))) }},
	), details(k)...)
}

// details are what a scooter is asked for last.
func details(k Kind) []reading {
	return []reading{
		{k.board(), regActual, 2, false, func(v *values, b []byte) { v[fieldActualRange] = quantity(word(b, 0), 100) }},
		{k.board(), regTimes, 8, false, (*values).times},
		{k.board(), regLimits, 8, false, (*values).limits},
		{k.board(), regHabits, 4, false, func(v *values, b []byte) {
			v[fieldRecovery], v[fieldCruise] = mi.Int(int64(word(b, 0))), mi.Bool(word(b, 2) != 0)
		}},
		{k.board(), regRadio, 2, true, func(v *values, b []byte) { v[fieldRadioFirmware] = mi.Text(version(word(b, 0))) }},
		{boardCells, regSerial, serialSize, true, func(v *values, b []byte) {
			if s, ok := text(b); ok {
				v[fieldCellsSerial] = mi.Text(s)
			}
		}},
		{boardCells, regBuild, 4, true, func(v *values, b []byte) {
			v[fieldCellsFirmware], v[fieldCapacity] = mi.Text(version(word(b, 0))), mi.Int(int64(word(b, 2)))
		}},
		{boardCells, regAbuse, 2, false, func(v *values, b []byte) {
			v[fieldOvercharges], v[fieldOverdischarges] = mi.Int(int64(b[0])), mi.Int(int64(b[1]))
		}},
	}
}

// readAll asks a vehicle for everything. That it has no answer to a single
// question is no failure; what is not told stays as it was.
func readAll(ctx context.Context, w *wire, k Kind, v *values, first bool) error {
	if err := readLive(ctx, w, k, v); err != nil {
		return err
	}
	silent := 0
	for _, r := range readings(k) {
		if r.once && !first {
			continue
		}
		b, err := w.read(ctx, r.board, r.register, r.size, askTwice)
		switch {
		case err == nil:
			r.take(v, b)
		case !errors.Is(err, mi.ErrTimeout) || ctx.Err() != nil:
			return err
		default:
			if silent++; silent == 3 {
				return nil // it has said what it has to say
			}
		}
	}
	return nil
}

func readLive(ctx context.Context, w *wire, k Kind, v *values) error {
	b, err := w.read(ctx, k.board(), regLive, liveSize, 3)
	if err == nil {
		v.live(b, k)
	}
	return err
}
