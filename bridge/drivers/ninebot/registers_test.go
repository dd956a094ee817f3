package ninebot

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// sense says what another program's name of a register is to us, and how it shows
// the value: nil is as we do.
type sense struct {
	field int
	shows func(v mi.Value, raw uint32) string
}

// unread are registers that the driver does not ask for: their words are read only
// here. A pairing code is nobody's business, and two names share the trip's time.
const unread = -1

// senses are all registers that ninebot-ble knows.
func senses() map[string]sense {
	hours := func(_ mi.Value, raw uint32) string { return rounded(float64(raw) / 3600) }
	tenth := func(v mi.Value, _ uint32) string {
		f, _ := v.Float()
		return rounded(f)
	}
	word := func(_ mi.Value, raw uint32) string { return fmt.Sprint(raw) }
	truth := func(v mi.Value, raw uint32) string { return only(v == mi.Bool(raw != 0), raw) }
	release := func(v mi.Value, raw uint32) string { return only(v == mi.Text(version(uint16(raw))), raw) }
	one := func(degrees func(raw uint32) uint32) func(mi.Value, uint32) string { // we show the warmer one
		return func(v mi.Value, raw uint32) string {
			return only(v == mi.Int(int64(max(raw&0xFF, raw>>8))-20), int64(degrees(raw))-20)
		}
	}
	return map[string]sense{
		"NB_INF_SN": {field: fieldSerial}, "NB_FW_VER": {field: fieldFirmware}, "NB_INF_VER_BLE": {field: fieldRadioFirmware},
		"NB_INF_BTPASSWORD": {field: unread}, "NB_INF_ERROR": {field: fieldError}, "NB_INF_ALERM": {field: fieldWarning},
		"NB_INF_BOOL_LIMITSPEED": {field: fieldLimited}, "NB_INF_BOOL_LOCK": {field: fieldLocked}, "NB_INF_BOOL_BEEP": {field: fieldAlarm},
		"NB_INF_BOOL_BAT2_IN": {field: fieldSecondBattery}, "NB_INF_BOOL_ACT": {field: fieldActivated},
		"NB_INF_ACTUAL_MIL": {field: fieldActualRange}, "NB_INF_PRD_RID_MIL": {field: fieldRange}, "NB_INF_RID_MIL": {fieldMileage, tenth},
		// Seconds like the time of riding, which ninebot-ble takes for thousandths of an hour.
		"NB_INF_RUN_TIM": {fieldOperated, func(_ mi.Value, raw uint32) string { return rounded(float64(raw) / 1000) }},
		"NB_INF_RID_TIM": {fieldRidden, hours}, "NB_INF_BODY_TEMP": {field: fieldTemperature}, "NB_INF_DRV_VOLT": {field: fieldVoltage},
		"NB_INF_AVRSPEED": {field: fieldAverage}, "NB_INF_VER_BMS2": {unread, word},
		"NB_CTL_LIMIT_SPD": {field: fieldLimit}, "NB_CTL_NOMALSPEED": {field: fieldNormalLimit}, "NB_CTL_LITSPEED": {field: fieldReducedLimit},
		"NB_CTL_WORKMODE": {fieldMode, label(fieldMode)}, "NB_CTL_KERS": {fieldRecovery, label(fieldRecovery)},
		"NB_CTL_CRUISE": {fieldCruise, truth}, "NB_CTL_TAIL_LIGHT": {fieldLight, truth},
		"NB_SINGLE_MIL": {field: fieldTrip}, "NB_SINGLE_RUN_TIM": {fieldTripTime, hours}, "NB_POWER": {unread, word},
		"BAT_SN":     {fieldCellsSerial, func(v mi.Value, _ uint32) string { return fmt.Sprintf("%X", v.String()) }},
		"BAT_SW_VER": {fieldCellsFirmware, release}, "BAT_CAPACITY": {field: fieldCapacity},
		"BAT_OVERFLOW_TIMES": {field: fieldOvercharges}, "BAT_OVERDISCHARGE_TIMES": {field: fieldOverdischarges},
		"BAT_REMAINING_CAP": {field: fieldLeft}, "BAT_REMAINING_CAP_PERCENT": {unread, word},
		"BAT_CURRENT_CUR": {field: fieldCurrent}, "BAT_VOLTAGE_CUR": {field: fieldVoltage}, "BAT_HEALTHY": {field: fieldHealth},
		"BAT_TEMP_CUR1":     {fieldCellTemperature, one(func(raw uint32) uint32 { return raw & 0xFF })},
		"BAT_TEMP_CUR2":     {fieldCellTemperature, one(func(raw uint32) uint32 { return raw >> 8 })},
		"BAT_BALANCE_STATU": {unread, word}, "BAT_ODIS_STATE": {unread, word}, "BAT_OCHG_STATE": {unread, word},
	}
}

// only shows a value when ours is right.
func only(right bool, v any) string {
	if !right {
		return "what we read is wrong"
	}
	return fmt.Sprint(v)
}

func rounded(f float64) string { return mi.Float(math.Round(f*10) / 10).String() }

// label shows a value by the word of its list, as loud as ninebot-ble does.
func label(field int) func(mi.Value, uint32) string {
	return func(v mi.Value, _ uint32) string {
		for _, c := range append(properties(false), inside()...)[field].List {
			if c.Value == v {
				return strings.ToUpper(c.Label)
			}
		}
		return ""
	}
}

// TestRegistersAsOthersReadThem holds every register that ninebot-ble knows to what
// it reads, by the way that the driver takes it.
func TestRegistersAsOthersReadThem(t *testing.T) {
	known := senses()
	met := map[string]bool{}
	for _, r := range load(t).Registers {
		s, ok := known[r.Name]
		if !ok {
			t.Errorf("what is %s?", r.Name)
			continue
		}
		met[r.Name] = true
		b := unhex(t, r.Bytes)
		raw := binary.LittleEndian.Uint32(append(bytes.Clone(b), 0, 0)) // of longer ones it is no use
		got, _ := text(b)
		if s.field != unread {
			v := taken(t, r.Board == "bms 0x22", r.Index, b)[s.field]
			if got = v.String(); !v.Known() {
				t.Errorf("nothing reads %s", r.Name)
			}
			if s.shows != nil {
				got = s.shows(v, raw)
			}
		} else if s.shows != nil {
			got = s.shows(mi.Value{}, raw)
		}
		if want := fmt.Sprint(r.Value); got != want {
			t.Errorf("%s of %x is %v, want %v", r.Name, b, got, want)
		}
	}
	for name := range known {
		if !met[name] {
			t.Errorf("no vector holds %s", name)
		}
	}
}

// taken lets the driver take a register out of an answer that holds it.
func taken(t *testing.T, cells bool, register int, b []byte) (v values) {
	t.Helper()
	// Some registers are read where the live block repeats them.
	if at, ok := map[int]int{0x1B: 0xB0, 0x1C: 0xB1, 0x1D: 0xB2, 0x29: 0xB7, 0x3E: 0xBB, 0x65: 0xB6}[register]; ok && !cells {
		register = at
	}
	if register >= regLive && !cells {
		block := make([]byte, liveSize)
		copy(block[2*(register-regLive):], b)
		v.live(block, Crypto) // whose scale of speeds is that of the register
		return v
	}
	for _, k := range []Kind{Mini, Scooter} {
		for _, r := range readings(k) {
			at := 2 * (register - int(r.register))
			if (r.board == boardCells) == cells && at >= 0 && at+len(b) <= r.size {
				answer := make([]byte, r.size)
				copy(answer[at:], b)
				r.take(&v, answer)
			}
		}
	}
	return v
}
