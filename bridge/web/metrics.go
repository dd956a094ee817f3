package web

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// healthy is what /healthz says: no names, only whether all is well.
type healthy struct {
	Status string `json:"status"` // ok, degraded
	Broker string `json:"broker"` // ok, bad
}

// healthz answers who watches over the process. It is well as long as it answers:
// to start it again would not bring back a broker.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	out := healthy{Status: "ok", Broker: "ok"}
	for _, c := range s.opt.Bridge.Overview().Connections {
		if c.What == "mqtt" && c.State != "ok" {
			out.Status, out.Broker = "degraded", c.State
		}
	}
	writeJSON(w, http.StatusOK, out)
}

// Sample is one number for the metrics. Labels are of low cardinality: never a
// device or a name.
type Sample struct {
	Name   string // without the prefix mihome2mqtt_
	Help   string
	Labels []Label
	Value  float64
	Total  bool // only ever grows
}

// Label is one dimension of a sample.
type Label struct{ Name, Value string }

// meter collects what the metrics tell, when they are asked for.
type meter struct{ server *Server }

var _ prometheus.Collector = meter{}

// Describe implements prometheus.Collector: what there is shows when it is
// collected.
func (meter) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (m meter) Collect(out chan<- prometheus.Metric) {
	for _, one := range append(m.devices(), m.server.opt.Bridge.Samples()...) {
		names, values := []string{}, []string{}
		for _, l := range one.Labels {
			names, values = append(names, l.Name), append(values, l.Value)
		}
		kind := prometheus.GaugeValue
		if one.Total {
			kind = prometheus.CounterValue
		}
		desc := prometheus.NewDesc("mihome2mqtt_"+one.Name, one.Help, names, nil)
		metric, err := prometheus.NewConstMetric(desc, kind, one.Value, values...)
		if err != nil {
			metric = prometheus.NewInvalidMetric(desc, err)
		}
		out <- metric
	}
}

// devices counts devices by route and state, and what the pages themselves do.
func (m meter) devices() []Sample {
	type key struct{ route, state string }
	counts := map[key]int{}
	for _, d := range m.server.opt.Bridge.Devices() {
		counts[key{d.Route, d.State}]++
	}
	var all []Sample
	for _, route := range []string{"", LAN, Gateway, Bluetooth, Cloud} {
		for _, state := range []string{Online, NoAnswer, Asleep, Starting, Unproven} {
			n := counts[key{route, state}]
			if n == 0 && (route == "") == (state == Online) {
				continue // cannot be
			}
			name := route
			if name == "" {
				name = "none"
			}
			all = append(all, Sample{Name: "devices", Help: "Devices by the route that serves them and their state.", Labels: []Label{{"route", name}, {"state", state}}, Value: float64(n)})
		}
	}
	s := m.server
	s.hub.mu.Lock()
	readers := s.hub.readers
	s.hub.mu.Unlock()
	return append(all,
		Sample{Name: "web_live_readers", Help: "Pages that listen to live events.", Value: float64(readers)},
		Sample{Name: "problems", Help: "Problems that need somebody.", Value: float64(open(s.opt.Bridge.Problems()))},
		Sample{Name: "start_time_seconds", Help: "When the bridge started, in seconds since 1970.", Value: float64(s.began.Unix())},
		Sample{Name: "build_info", Help: "The version that runs.", Labels: []Label{{"version", s.opt.Version}}, Value: 1},
	)
}

// metrics answers Prometheus.
func (s *Server) metrics() http.Handler {
	return promhttp.HandlerFor(s.registry(), promhttp.HandlerOpts{ErrorLog: quiet(s.log)})
}

func (s *Server) registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(meter{s})
	return r
}
