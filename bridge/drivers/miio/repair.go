package miio

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"unicode/utf8"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// repair returns text as valid JSON. Firmware breaks it in known ways; each cure
// is tried alone in this order, then all of them together.
func repair(text []byte) ([]byte, error) {
	text = bytes.TrimRight(text, "\x00")
	if json.Valid(text) {
		return text, nil
	}
	for _, cure := range cures() {
		if fixed := cure(text); json.Valid(fixed) {
			return fixed, nil
		}
	}
	all := text
	for _, cure := range cures() {
		all = cure(all)
	}
	if json.Valid(all) {
		return all, nil
	}
	return nil, fmt.Errorf("the text is no JSON: %w", mi.ErrProtocol)
}

// cures lists the known defects' cures. An empty slot of a list must become null
// before doubled commas are dropped: otherwise a positional reply shifts by one.
func cures() []func([]byte) []byte {
	return []func([]byte) []byte{
		// zimi.powerstrip without internet, in miIO.info.
		func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(`,,"otu_stat"`), []byte(`,"otu_stat"`)) },
		cutAtNUL,
		// 090615.curtain.jldj03.
		func(b []byte) []byte { return zeros.ReplaceAll(b, []byte(`"value":0$1`)) },
		// Gateway children with empty values, lumi.sensor_motion.aq2.
		func(b []byte) []byte { return fixCommas(b, '[') },
		// xiaomi.vacuum.b112, firmware 2.2.4_0049.
		func(b []byte) []byte { return fixCommas(b, '{') },
		// xiaomi.vacuum.b112, firmware 2.2.4_0050.
		func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(`"result":,`), nil) },
		dropControls,
		func(b []byte) []byte { return bytes.ToValidUTF8(b, []byte("\uFFFD")) },
	}
}

var zeros = regexp.MustCompile(`"value":00([,}\]\s])`)

// cutAtNUL drops what some answers carry behind their end, as that of
// _sync.batch_gen_room_up_url.
func cutAtNUL(b []byte) []byte {
	if i := bytes.LastIndexByte(b, 0); i >= 0 {
		return bytes.TrimRight(b[:i], "\x00")
	}
	return b
}

// fixCommas mends empty slots inside the containers that open with kind: in a
// list they become null, in an object they vanish.
func fixCommas(b []byte, kind byte) []byte {
	out := make([]byte, 0, len(b)+16)
	var open []byte // brackets around the position
	var last byte   // last byte that is no blank, outside texts
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c == '"' {
			end := textEnd(b, i)
			out, last, i = append(out, b[i:end]...), c, end-1
			continue
		}
		inside := len(open) > 0 && open[len(open)-1] == kind
		switch {
		case inside && kind == '[' && (c == ',' || c == ']') && (last == ',' || last == '[' && c == ','):
			out = append(out, "null"...)
		case inside && kind == '{' && c == ',' && last == ',':
			continue
		}
		switch c {
		case '[', '{':
			open = append(open, c)
		case ']', '}':
			open = open[:max(0, len(open)-1)]
		}
		out = append(out, c)
		if c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			last = c
		}
	}
	return out
}

// textEnd returns the index behind the JSON string that starts at i.
func textEnd(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

// dropControls removes control characters, as code points: as bytes they are
// parts of others. Line ends stay.
func dropControls(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		control := r < 0x20 && r != '\n' && r != '\r' || r >= 0x7f && r <= 0x9f
		if !control {
			out = append(out, b[:n]...)
		}
		b = b[n:]
	}
	return out
}
