package entity_test

import (
	"errors"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func FuzzMappingFile(f *testing.F) {
	for _, seed := range []string{
		corrected, "services:\n  - {rule: x, services: [x], component: light, needs: [state], roles: {state: [x]}}\n",
		"properties:\n  - {rule: x, properties: [\"*\"], class: a|b}\n", "a: &b [*b]\n", "[[[[", "latches: [{}]", "words: {a: {b: [c]}}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := sketch(t, "brand.thing.v1", "light", lampLines)
		for _, name := range []string{"models/a.yaml", "rules/a.yaml", "lang/de.yaml"} {
			rules, err := entity.Load(one(name, text))
			if err != nil {
				continue
			}
			c := rules.Correct(s)
			m := rules.Build(c, entity.Options{Language: "de"})
			v := m.Sample()
			for i := range m.Entities {
				m.Render(i, v, nil)
			}
		}
	})
}

func FuzzCommand(f *testing.F) {
	for _, seed := range []string{"ON", "TOGGLE", "255", `{"state":"ON","brightness":1e400}`, `{"color":{"h":1}}`, "1,2,3", "[1,[2]]", `{"command":{}}`, "null", "\xff", "-0", "NaN"} {
		f.Add(seed)
	}
	rules := shipped(f)
	var models []*entity.Model
	for _, lines := range []string{lampLines, airLines, irLines, bathLines, fanLines, stepless, curtainLines, airerLines, vacuumLines, humidifierLines, boilerLines, armLines, speakerLines} {
		for _, kind := range []string{"light", "vacuum", "bath-heater"} {
			models = append(models, rules.Build(sketch(f, "", kind, lines), entity.Options{Mired: true}))
		}
	}
	f.Fuzz(func(t *testing.T, payload string) {
		for _, m := range models {
			v := m.Sample()
			for i := range m.Entities {
				for _, b := range m.Entities[i].Binds {
					o, err := m.Order(i, b.Role, payload, v)
					if err != nil && !errors.Is(err, mi.ErrInvalid) {
						t.Errorf("%s/%s: error of the wrong kind: %v", m.Entities[i].ID, b.Role, err)
					}
					if err == nil && b.Command {
						checkOrder(t, m.Spec, &m.Entities[i], &b, payload, o)
					}
				}
			}
		}
	})
}
