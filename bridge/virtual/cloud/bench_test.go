package cloud

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
)

// BenchmarkRead150 is what a full batch costs the cloud, without HTTP.
func BenchmarkRead150(b *testing.B) {
	s := darkWith(b, Options{Away: miio.Options{Models: []string{"cuco.plug.cp5pro"}, Count: 1000}})
	var p strings.Builder
	for i := range maxProps {
		fmt.Fprintf(&p, `,{"did":"%d","siid":2,"piid":1}`, firstAway+i)
	}
	q := &ask{server: s, who: s.people[0], region: "de", path: "/miotspec/prop/get", data: []byte(`{"params":[` + p.String()[1:] + `]}`), now: time.Now()}
	for b.Loop() {
		if text := marshal(q.answer()); len(text) < 150*60 {
			b.Fatalf("%s", text)
		}
	}
}
