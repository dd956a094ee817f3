package entity_test

import (
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func BenchmarkBuild(b *testing.B) {
	rules := shipped(b)
	var typical *mi.Spec
	corpus(b, func(s *mi.Spec) {
		if s.Model == "zhimi.airpurifier.m1" {
			typical = s
		}
	})
	b.ReportAllocs()
	for b.Loop() {
		rules.Build(typical, entity.Options{})
	}
}

func BenchmarkRender(b *testing.B) {
	s := sketch(b, "", "light", lampLines)
	m := shipped(b).Build(s, entity.Options{})
	v := m.Sample()
	var out []entity.Payload
	b.ReportAllocs()
	for b.Loop() {
		out = m.Render(0, v, out[:0])
	}
}
