package tv_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"image/jpeg"
	"testing"
	"testing/synctest"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	virtual "github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/tv"
	"github.com/mihome2mqtt/mihome2mqtt/mappings"
)

// album is a mi.Sink that keeps what happened.
type album struct{ happened []mi.Happening }

func (*album) Changed([]mi.Change)       {}
func (a *album) Happened(h mi.Happening) { a.happened = append(a.happened, h) }
func (*album) Seen()                     {}

// TestScreenshot follows a picture from the order to the bytes of its topic.
func TestScreenshot(t *testing.T) {
	rules, err := entity.Load(mappings.FS)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, virtual.Options{})
		defer h.tv.Close()
		sink := &album{}
		link, err := h.driver.Open(t.Context(), info(), sink)
		if err != nil {
			t.Fatal(err)
		}
		defer link.Close()
		h.Link = link
		if err := h.Run("take-screenshot"); err != nil || len(sink.happened) != 1 {
			t.Fatalf("%v, and %d events", err, len(sink.happened))
		}
		model := rules.Build(h.Spec(), entity.Options{})
		shown := model.RenderEvent(sink.happened[0], nil)
		if len(shown) != 1 || shown[0].Role != "image" || !shown[0].Momentary {
			t.Fatalf("the event shows as %+v", shown)
		}
		if e := model.Entities[shown[0].Entity]; e.Component != "image" || e.Name != "Screenshot" || e.Enabled {
			t.Errorf("the picture belongs to %+v", e)
		}
		if screen, err := jpeg.Decode(bytes.NewReader([]byte(shown[0].Text))); err != nil || screen.Bounds().Dx() != 320 {
			t.Errorf("the picture is %v", err)
		}
		h.tv.Hurt(virtual.Trouble{Unsigned: true})
		if err := h.Run("take-screenshot"); !errors.Is(err, mi.ErrInvalid) {
			t.Errorf("a TV that seals differently: %v", err)
		}
		h.tv.Hurt(virtual.Trouble{Garbage: true})
		if err := h.Run("take-screenshot"); !errors.Is(err, mi.ErrProtocol) {
			t.Errorf("a TV that sends nonsense: %v", err)
		}
		h.tv.Hurt(virtual.Trouble{Hangs: true})
		if err := h.Run("take-screenshot"); !errors.Is(err, mi.ErrTimeout) {
			t.Errorf("a TV that hangs: %v", err)
		}
		h.tv.Hurt(virtual.Trouble{})
		if err := h.Run("take-screenshot"); err != nil || len(sink.happened) != 2 {
			t.Errorf("after all that: %v, %d events", err, len(sink.happened))
		}
	})
}

// TestAPictureThatIsNone shows nothing.
func TestAPictureThatIsNone(t *testing.T) {
	rules, err := entity.Load(mappings.FS)
	if err != nil {
		t.Fatal(err)
	}
	in(t, virtual.Options{}, func(h *house) {
		model := rules.Build(h.Spec(), entity.Options{})
		for _, args := range [][]mi.Value{nil, {{}}, {mi.Text("no base 64!")}, {mi.Text(base64.StdEncoding.EncodeToString(nil))}} {
			if shown := model.RenderEvent(mi.Happening{Args: args}, nil); len(shown) > 0 {
				h.Errorf("%v shows as %+v", args, shown)
			}
		}
	})
}
