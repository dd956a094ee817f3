package androidtv_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/androidtv"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/androidtv"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

func stands(status int64) map[mi.Key]mi.Value {
	return map[mi.Key]mi.Value{"pairing/status": mi.Int(status)}
}

// TestPairing goes from a TV that nobody paired over wrong codes to one that obeys.
func TestPairing(t *testing.T) {
	in(t, false, func(h *house) {
		h.Want(stands(0))
		if err := h.Try("television/on", mi.Bool(false)); !errors.Is(err, mi.ErrInvalid) || !strings.Contains(err.Error(), "press Pair") {
			h.Errorf("an order before the pairing = %v", err)
		}
		if err := h.driver.Pair(h.Context(), tvDID); err != nil {
			h.Fatal(err)
		}
		code := h.tv.Code()
		for _, wrong := range []string{"", "12345", "not hex", flip(code, 0)} {
			if err := h.driver.Finish(h.Context(), tvDID, wrong); !errors.Is(err, mi.ErrInvalid) {
				h.Errorf("code %q = %v", wrong, err)
			}
			h.Want(stands(1)) // and may be typed again
		}
		if err := h.driver.Finish(h.Context(), tvDID, strings.ToLower(code[:3]+" "+code[3:])); err != nil {
			h.Fatal(err)
		}
		h.Want(isOn(20, false, tvHome, "Home (Google TV)"))
		if s := h.tv.State(); s.Denied != 0 || h.tv.Code() != "" {
			h.Errorf("%d connections before the pairing; the screen shows %q", s.Denied, h.tv.Code())
		}
		if err := h.driver.Pair(h.Context(), "atv.none"); !errors.Is(err, mi.ErrUnsupported) {
			h.Errorf("another TV = %v", err)
		}
	})
}

// flip changes one digit of a code.
func flip(code string, at int) string {
	digit := byte('0')
	if code[at] == '0' {
		digit = '1'
	}
	return code[:at] + string(digit) + code[at+1:]
}

// TestNothingIsReportedThatIsNotSo looks at what a TV is reported to be while it is
// paired: never off, as it is on.
func TestNothingIsReportedThatIsNotSo(t *testing.T) {
	in(t, false, func(h *house) {
		h.befriend()
		h.Want(isOn(20, false, tvHome, "Home (Google TV)"))
		off, paired := mi.Change{Prop: 0, Value: mi.Bool(false)}, mi.Change{Prop: 6, Value: mi.Int(2)}
		if h.sink.reported(off) || !h.sink.reported(paired) {
			h.Errorf("it reported %v", h.sink.all)
		}
	})
}

// TestACodeThatOnlyTheTVCanRefuse has a wrong code whose first two digits are
// nevertheless right for it, as one of 256 is.
func TestACodeThatOnlyTheTVCanRefuse(t *testing.T) {
	in(t, false, func(h *house) {
		if err := h.Run("pair"); err != nil {
			h.Fatal(err)
		}
		var err error
		for i := 0; err == nil || strings.Contains(err.Error(), "look again"); i++ {
			if code := fmt.Sprintf("%s%04X", h.tv.Code()[:2], i); code != h.tv.Code() {
				err = h.Run("enter-code", mi.Text(code))
			}
		}
		if !errors.Is(err, mi.ErrInvalid) || !strings.Contains(err.Error(), "not the code on the TV's screen") {
			h.Errorf("a wrong code = %v", err)
		}
		synctest.Wait()
		h.Want(stands(0)) // the TV shows a new one next time
		h.befriend()
		h.Want(isOn(20, false, tvHome, "Home (Google TV)"))
	})
}

func TestACodeThatNobodyTypes(t *testing.T) {
	in(t, false, func(h *house) {
		if err := h.Run("pair"); err != nil {
			h.Fatal(err)
		}
		old := h.tv.Code()
		if err := h.Run("pair"); err != nil || h.tv.Code() == old || h.tv.Code() == "" {
			h.Errorf("asked twice: %v, %q after %q", err, h.tv.Code(), old)
		}
		h.Want(stands(1))
		after(11 * time.Minute)
		h.Want(stands(0))
		if err := h.Run("enter-code", mi.Text(old)); !errors.Is(err, mi.ErrInvalid) || !strings.Contains(err.Error(), "press Pair first") {
			h.Errorf("too late = %v", err)
		}
	})
}

// TestAPairingThatTheTVForgot says so once, is not tried for ever, and ends with a
// new one.
func TestAPairingThatTheTVForgot(t *testing.T) {
	for name, old := range map[string]bool{"TLS 1.3": false, "TLS 1.2": true} {
		t.Run(name, func(t *testing.T) { forgotten(t, old) })
	}
}

func forgotten(t *testing.T, old bool) {
	in(t, false, func(h *house) {
		h.tv.Hurt(virtual.Trouble{Old: old})
		h.befriend()
		h.Want(isOn(20, false, tvHome, "Home (Google TV)"))
		h.tv.Forget()
		synctest.Wait()
		after(2 * time.Second)
		h.Want(stands(3))
		if err := h.Run("home"); !errors.Is(err, mi.ErrInvalid) || !strings.Contains(err.Error(), "press Pair") {
			h.Errorf("a key = %v", err)
		}
		after(6 * time.Hour)
		if s := h.tv.State(); s.Denied > 40 {
			h.Errorf("%d attempts in six hours", s.Denied)
		}
		if n := strings.Count(h.log.String(), "does not know the bridge any more"); n != 1 {
			h.Errorf("said %d times: %s", n, h.log.String())
		}
		h.befriend()
		h.Want(isOn(20, false, tvHome, "Home (Google TV)"))
	})
}

// TestThePairingOutlivesARestart has another driver with the same memory.
func TestThePairingOutlivesARestart(t *testing.T) {
	in(t, true, func(h *house) {
		h.Want(isOn(20, false, tvHome, "Home (Google TV)"))
		_ = h.Link.Close()
		bridge := h.net.Machine(world.Topology{Prefix: netip.MustParsePrefix("192.168.7.201/24")})
		h.driver = androidtv.New(mi.World{Net: bridge, Now: time.Now}, androidtv.Options{Memory: h.memory})
		h.open()
		h.Want(isOn(20, false, tvHome, "Home (Google TV)"))
		if h.Spec().Model != "xiaomi.androidtv.mitv_afr0" {
			h.Errorf("model %s", h.Spec().Model)
		}
	})
}

// TestHangs lets a TV hang: reads fail in time and are not many, and all is well
// when it comes to itself.
func TestHangs(t *testing.T) {
	in(t, true, func(h *house) {
		h.Want(isOn(20, false, tvHome, "Home (Google TV)"))
		h.tv.Hurt(virtual.Trouble{Hangs: true})
		after(20 * time.Second)
		for range 3 {
			start := time.Now()
			if _, err := h.Read(); !errors.Is(err, mi.ErrTimeout) {
				h.Errorf("read = %v", err)
			}
			if took := time.Since(start); took > 10*time.Second {
				h.Errorf("it took %v", took)
			}
			if err := h.Run("pair"); !errors.Is(err, mi.ErrTimeout) {
				h.Errorf("pair = %v", err)
			}
		}
		h.tv.Hurt(virtual.Trouble{})
		after(21 * time.Second)
		h.Want(isOn(20, false, tvHome, "Home (Google TV)"))
		h.tv.Hurt(virtual.Trouble{Garbage: true})
		after(10 * time.Second)
		h.tv.Hurt(virtual.Trouble{})
		after(2 * time.Minute)
		h.Want(isOn(20, false, tvHome, "Home (Google TV)"))
	})
}

// TestAnotherTVAtTheAddress is not operated in its place.
func TestAnotherTVAtTheAddress(t *testing.T) {
	in(t, true, func(h *house) {
		h.Want(isOn(20, false, tvHome, "Home (Google TV)"))
		_ = h.Link.Close()
		h.memory.mu.Lock()
		h.memory.files["androidtv-ffffffffff01"] = h.memory.files["androidtv-024154560001"]
		h.memory.mu.Unlock()
		link, err := h.driver.Open(h.Context(), mi.Info{DID: "atv.ffffffffff01", Addr: tvAddr}, h.sink)
		if err != nil {
			h.Fatal(err)
		}
		h.Link = link
		h.Want(isOff())
		link.(mi.Mover).Move(mi.Info{Addr: "192.168.7.99:6466"})
		h.Want(isOff())
		if s := h.tv.State(); len(s.Keys) != 0 {
			h.Errorf("it got %v", s.Keys)
		}
	})
}

// TestATVThatMoved is followed.
func TestATVThatMoved(t *testing.T) {
	in(t, true, func(h *house) {
		_ = h.Link.Close()
		link, err := h.driver.Open(h.Context(), mi.Info{DID: tvDID, Addr: "192.168.7.99:6466"}, h.sink)
		if err != nil {
			h.Fatal(err)
		}
		h.Link = link
		h.Want(isOff())
		link.(mi.Mover).Move(info())
		after(time.Second)
		h.Want(isOn(20, false, tvHome, "Home (Google TV)"))
	})
}

// TestSecretsStayInside looks for the bridge's key and for codes in everything that
// leaves the driver: logs, errors and values.
func TestSecretsStayInside(t *testing.T) {
	in(t, false, func(h *house) {
		var out []string
		if err := h.Run("pair"); err != nil {
			h.Fatal(err)
		}
		code := h.tv.Code()
		out = append(out, fmt.Sprint(h.Run("enter-code", mi.Text(flip(code, 5)))))
		if h.tv.Code() == "" {
			h.Skip("one of 256: the wrong code looked right")
		}
		out = append(out, fmt.Sprint(h.Run("enter-code", mi.Text(code))))
		h.tv.Forget()
		after(time.Hour)
		got, err := h.Read()
		out = append(out, fmt.Sprint(got, err), fmt.Sprintf("%+v", h.Spec()), h.log.String())
		key := string(h.memory.files[androidtv.KeyName][8:40])
		for _, text := range out {
			if strings.Contains(text, code) || strings.Contains(text, flip(code, 5)) || strings.Contains(text, key) {
				h.Errorf("a secret shows in %s", text)
			}
		}
	})
}
