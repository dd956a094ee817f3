package androidtv_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/androidtv"
)

func TestVolumesThatAreNotOurs(t *testing.T) {
	in(t, true, func(h *house) {
		h.tv.Hurt(virtual.Trouble{Coarse: true})
		h.Set("speaker/volume", mi.Int(42)) // from 10 of 50 by threes
		if s := h.tv.State(); s.Level != 19 || len(s.Keys) != 3 {
			h.Errorf("level %d after %d keys", s.Level, len(s.Keys))
		}
		h.tv.Hurt(virtual.Trouble{Deaf: true})
		h.tv.Press(24)
		synctest.Wait()
		for _, key := range []mi.Key{"speaker/volume", "speaker/mute"} {
			if got, err := h.Read(); err != nil || got[key].Known() {
				h.Errorf("%s of a TV that does not tell = %v, %v", key, got[key], err)
			}
		}
		if err := h.Try("speaker/volume", mi.Int(50)); !errors.Is(err, mi.ErrInvalid) || !strings.Contains(err.Error(), "volume buttons") {
			h.Errorf("volume = %v", err)
		}
	})
}

// TestAnAppThatNobodyKnows comes to the front and is on the list from then on.
func TestAnAppThatNobodyKnows(t *testing.T) {
	in(t, true, func(h *house) {
		h.Shows("pairing/status", mi.Int(2))
		h.tv.Start("com.example.radio")
		synctest.Wait()
		h.Want(isOn(20, false, "com.example.radio", "com.example.radio"))
		_ = h.Link.Close()
		h.open()
		list := h.Spec().Props[h.Prop("app-launcher/app")].List
		if list[len(list)-1] != (mi.Choice{Value: mi.Text("com.example.radio"), Label: "com.example.radio"}) {
			h.Errorf("the list ends with %v", list[len(list)-1])
		}
		if h.Spec().Model != "xiaomi.androidtv.mitv_afr0" {
			h.Errorf("model %s", h.Spec().Model)
		}
	})
}

func TestWhatIsRefused(t *testing.T) {
	in(t, true, func(h *house) {
		for name, err := range map[string]error{
			"a package that is none": h.Try("app-launcher/app", mi.Text("netflix&x=y")),
			"an input that is none":  h.Try("television/input-control", mi.Text("hdmi9")),
			"too loud":               h.Try("speaker/volume", mi.Int(101)),
			"what only is read":      h.Try("app-launcher/current-app", mi.Text("a.b")),
			"no address":             h.Run("play-url", mi.Text("what?")),
			"a code nobody asked":    h.Run("enter-code", mi.Text("A1B2C3")),
		} {
			if !errors.Is(err, mi.ErrInvalid) {
				h.Errorf("%s: %v", name, err)
			}
		}
	})
}
