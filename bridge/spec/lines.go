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

// maxLines limits what one set may unpack to.
const maxLines = 512 << 20

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
	plain := io.Reader(in)
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return fmt.Errorf("spec: set: %w", err)
		}
		plain = z
	}
	scan := bufio.NewScanner(io.LimitReader(plain, maxLines))
	scan.Buffer(nil, MaxSize)
	for n := 1; scan.Scan(); n++ {
		if err := oneLine(scan.Bytes(), each); err != nil {
			return fmt.Errorf("spec: line %d: %w", n, err)
		}
	}
	if errors.Is(scan.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("spec: a line is longer than %d bytes: %w", MaxSize, mi.ErrProtocol)
	}
	return scan.Err()
}

func oneLine(raw []byte, each func(Line) error) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	var l Line
	if err := json.Unmarshal(raw, &l); err != nil {
		return fmt.Errorf("not {\"model\":…,\"instance\":{…}}: %v: %w", err, mi.ErrProtocol)
	}
	l.Instance = bytes.Clone(l.Instance)
	return each(l)
}
