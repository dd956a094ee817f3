package spec

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Limits of a set of specs. What is packed is limited by what comes out.
const (
	maxLines = 512 << 20 // unpacked
	maxRatio = 200       // unpacked to packed, after the first MiB
	freeOut  = 1 << 20
)

// Line is one model of a set of specs.
type Line struct {
	Model      string          `json:"model"`
	URN        string          `json:"urn"`
	DeviceType string          `json:"device_type"`
	Status     string          `json:"status"` // released, preview or debug
	Instance   json.RawMessage `json:"instance"`
}

// Spec parses the line's instance.
func (l *Line) Spec() (*mi.Spec, error) {
	s, err := Parse(l.Instance)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.Model, err)
	}
	s.Model = l.Model
	return s, nil
}

// Lines reads a set of specs, a JSON object a line, packed by gzip or not, and
// calls each for every line until it returns an error. Errors tell the line.
func Lines(r io.Reader, each func(Line) error) error {
	in := bufio.NewReader(r)
	magic, _ := in.Peek(2)
	if !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return scan(&limited{from: in}, each)
	}
	packed := &counted{from: in}
	z, err := gzip.NewReader(packed)
	if err != nil {
		return fmt.Errorf("spec: set: %w: %w", err, mi.ErrProtocol)
	}
	return scan(&limited{from: z, packed: packed}, each)
}

func scan(r io.Reader, each func(Line) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, MaxSize)
	for n := 1; lines.Scan(); n++ {
		if err := oneLine(lines.Bytes(), each); err != nil {
			return fmt.Errorf("spec: line %d: %w", n, err)
		}
	}
	err := lines.Err()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, bufio.ErrTooLong):
		return fmt.Errorf("spec: a line is longer than %d bytes: %w", MaxSize, mi.ErrProtocol)
	}
	return fmt.Errorf("spec: set: %w: %w", err, mi.ErrProtocol)
}

func oneLine(raw []byte, each func(Line) error) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	var l Line
	if err := json.Unmarshal(raw, &l); err != nil {
		return fmt.Errorf("not {\"model\":…,\"instance\":{…}}: %w: %w", err, mi.ErrProtocol)
	}
	return each(l)
}

// counted counts what is read.
type counted struct {
	from io.Reader
	n    int64
}

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n += int64(n)
	return n, err
}

// limited ends with an error when more comes out than a set may hold, or than
// honest text of so many packed bytes could.
type limited struct {
	from   io.Reader
	packed *counted // nil when it is not packed
	n      int64
}

// Read implements io.Reader.
func (l *limited) Read(p []byte) (int, error) {
	n, err := l.from.Read(p)
	l.n += int64(n)
	if l.n > maxLines {
		return 0, fmt.Errorf("more than %d bytes", maxLines)
	}
	if l.packed != nil && l.n > freeOut && l.n > maxRatio*l.packed.n {
		return 0, fmt.Errorf("packed more than %d to 1", maxRatio)
	}
	return n, err
}
