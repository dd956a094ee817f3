package cloud

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	homePrefix = "home." // of the did of a home
	homeModel  = "mihome.home.scenes"
)

// house is a home of the account: a device whose actions are its manual scenes.
type house struct {
	home   Home
	scenes []Scene
	sheet  *sheet
}

func (h *house) did() string { return homePrefix + h.home.ID }

func (h *house) info() mi.Info {
	return mi.Info{DID: h.did(), Model: homeModel, Name: strings.TrimSpace("Mi Home " + h.home.Name)}
}

// newHouses makes a house of every home with scenes. One that did not change keeps
// its sheet.
func (d *Driver) newHouses(k Known) map[string]*house {
	old := d.devices.Load().houses
	out := map[string]*house{}
	for _, home := range k.Homes {
		h := &house{home: home}
		for _, s := range k.Scenes {
			if s.Home == home.ID && s.Account == home.Account && s.Region == home.Region {
				h.scenes = append(h.scenes, s)
			}
		}
		before := old[h.did()]
		if out[h.did()] != nil || len(h.scenes) == 0 && before == nil {
			continue // another account sees the same home, or there is nothing to run
		}
		if before != nil && slices.Equal(before.scenes, h.scenes) {
			h.sheet = before.sheet
		} else {
			h.sheet = d.sceneSheet(h)
		}
		out[h.did()] = h
	}
	return out
}

func sameHouses(a, b map[string]*house) bool {
	return maps.EqualFunc(a, b, func(x, y *house) bool { return x.sheet == y.sheet })
}

func (d *Driver) sceneSheet(h *house) *sheet {
	ids := make([]string, len(h.scenes))
	for i, s := range h.scenes {
		ids[i] = s.ID
	}
	all := make([]button, len(h.scenes))
	for i, n := range d.numbers.of(h.did(), ids) {
		scene := h.scenes[i]
		all[i] = button{n, scene.Name, func(ctx context.Context) error { return d.o.Account.RunScene(ctx, scene) }}
	}
	return newSheet(homeModel, "home", "mi-home-scenes", "run-scene", "Scenes", all)
}

// scenes returns the sheet of the home.
func (s *session) scenes(context.Context) (*sheet, error) {
	if h := s.d.devices.Load().houses[s.did]; h != nil {
		return h.sheet, nil
	}
	return nil, errRemoved
}
