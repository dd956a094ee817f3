package yeelight

import (
	"bufio"
	"errors"
	"maps"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// listen takes the lamp's lines until the connection ends.
func (s *session) listen(l *line) {
	defer close(l.gone)
	r := bufio.NewReaderSize(l.conn, maxLine)
	skipping := false
	for {
		text, err := r.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			if !skipping {
				s.d.counts.oversized.Add(1)
			}
			skipping = true
		case err != nil:
			return
		case skipping:
			skipping = false
		default:
			s.take(l, text)
		}
	}
}

// take takes one line.
func (s *session) take(l *line, text []byte) {
	m, err := parseLine(text)
	if err != nil {
		s.d.counts.text.Add(1)
		return
	}
	s.sink.Seen()
	if m.answer {
		l.mu.Lock()
		answer := l.waiting[m.id]
		delete(l.waiting, m.id)
		l.mu.Unlock()
		if answer == nil {
			s.d.counts.unasked.Add(1)
			return
		}
		answer <- m
		return
	}
	s.report(m.props)
}

const maxProps = 64 // of a lamp; more is nonsense

// report takes in what a lamp says unasked.
func (s *session) report(props map[string]string) {
	before := s.snapshot()
	s.mu.Lock()
	for name, value := range props {
		if _, had := s.state[name]; had || len(s.state) < maxProps {
			s.state[name] = value
		}
	}
	was := maps.Clone(s.playing)
	for _, of := range []part{mainPart, ground} {
		s.playing[of] = playing(s.playing[of], props[string(of)+"flowing"], props[string(of)+"flow_params"])
	}
	s.mu.Unlock()
	s.compare(before, was)
}

// playing says which effect flows after a report; before is what did until then.
func playing(before int64, flowing, params string) int64 {
	switch n := running(params); {
	case before == numberStop: // until it had its moment
		return before
	case flowing == "0":
		return 0
	case params == "" || n == 0 && before >= numberFirst && effects()[before-numberFirst].drawn:
		return before
	default:
		return n
	}
}

// compare tells what is other than before.
func (s *session) compare(before state, was map[part]int64) {
	m := s.what.Load()
	if m == nil {
		return
	}
	var changes []mi.Change
	s.mu.Lock()
	for i := range m.slots {
		v := m.value(i, s.state, s.playing)
		if v.Known() && v != m.value(i, before, was) {
			changes = append(changes, mi.Change{Prop: i, Value: v})
		}
	}
	s.mu.Unlock()
	if len(changes) > 0 {
		s.sink.Changed(changes)
	}
}
