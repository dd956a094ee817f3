package miio

import (
	"math"
	"strconv"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// puller takes values out of JSON text one by one and allocates nothing but
// texts. It is strict where values are read; whatever does not fit sets bad, and
// the caller turns to repair and encoding/json.
type puller struct {
	b   []byte
	i   int
	bad bool
}

// peek returns the next byte that is no blank, or 0 at the end.
func (p *puller) peek() byte {
	for p.i < len(p.b) {
		switch c := p.b[p.i]; c {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return c
		}
	}
	return 0
}

// take consumes c if it comes next.
func (p *puller) take(c byte) bool {
	if p.bad || p.peek() != c {
		return false
	}
	p.i++
	return true
}

// must consumes c or gives up.
func (p *puller) must(c byte) {
	if !p.take(c) {
		p.bad = true
	}
}

// more reports whether another member of a list or object follows; first is true
// before the first one. It consumes the comma or the closing bracket.
func (p *puller) more(first bool, closing byte) bool {
	if p.bad || p.take(closing) {
		return false
	}
	if !first {
		p.must(',')
	}
	return !p.bad
}

// key reads a member's name and the colon behind it.
func (p *puller) key() []byte {
	k := p.rawText()
	p.must(':')
	return k
}

// rawText reads a text without escapes; the result aliases the input.
func (p *puller) rawText() []byte {
	p.must('"')
	start := p.i
	for p.i < len(p.b) {
		switch c := p.b[p.i]; {
		case c == '"':
			p.i++
			return p.b[start : p.i-1]
		case c == '\\', c < 0x20:
			p.bad = true
			return nil
		}
		p.i++
	}
	p.bad = true
	return nil
}

// number reads a number; ones without fraction and exponent stay whole.
func (p *puller) number() mi.Value {
	p.peek()
	start, v, whole := p.i, int64(0), true
	if p.i < len(p.b) && p.b[p.i] == '-' {
		p.i++
	}
	digits := p.i
	for p.i < len(p.b) {
		c := p.b[p.i]
		switch {
		case c >= '0' && c <= '9':
			v = v*10 + int64(c-'0')
		case c == '.', c == 'e', c == 'E', c == '+', c == '-':
			whole = false
		default:
			return p.numberOf(start, digits, v, whole)
		}
		p.i++
	}
	return p.numberOf(start, digits, v, whole)
}

func (p *puller) numberOf(start, digits int, v int64, whole bool) mi.Value {
	n := p.i - digits
	if n == 0 || n > 1 && p.b[digits] == '0' && whole {
		p.bad = true
		return mi.Value{}
	}
	if whole && n <= 18 {
		if digits > start {
			v = -v
		}
		return mi.Int(v)
	}
	f, err := strconv.ParseFloat(string(p.b[start:p.i]), 64)
	if err != nil || whole || math.IsInf(f, 0) {
		p.bad = true // exact or not at all
		return mi.Value{}
	}
	return mi.Float(f)
}

// word consumes a literal.
func (p *puller) word(w string) {
	if end := p.i + len(w); end <= len(p.b) && string(p.b[p.i:end]) == w {
		p.i = end
		return
	}
	p.bad = true
}

// value reads a bool, number, text or null. Lists and objects do not fit.
func (p *puller) value() mi.Value {
	switch p.peek() {
	case 't':
		p.word("true")
		return mi.Bool(true)
	case 'f':
		p.word("false")
		return mi.Bool(false)
	case 'n':
		p.word("null")
		return mi.Value{}
	case '"':
		return mi.Text(string(p.rawText()))
	}
	return p.number()
}

// integer reads a whole number.
func (p *puller) integer() int {
	v := p.number()
	if v.Kind() != mi.KindInt {
		p.bad = true
	}
	i, _ := v.Int()
	return int(i)
}

// skip passes over one value of any kind and returns its bytes. It checks no more
// than that brackets and quotes close.
func (p *puller) skip() []byte {
	c := p.peek()
	start, depth := p.i, 0
	if c == 0 || c == ',' || c == ']' || c == '}' || c == ':' {
		p.bad = true
		return nil
	}
	for p.i < len(p.b) {
		switch p.b[p.i] {
		case '"':
			p.i = textEnd(p.b, p.i)
			if depth == 0 {
				return p.b[start:min(p.i, len(p.b))]
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return p.b[start:p.i]
			}
			if depth--; depth == 0 {
				p.i++
				return p.b[start:p.i]
			}
		case ',', ' ', '\t', '\n', '\r':
			if depth == 0 {
				return p.b[start:p.i]
			}
		}
		p.i++
	}
	p.bad = p.bad || depth > 0
	return p.b[start:p.i]
}

// element is one entry of a get_properties or set_properties result.
type element struct {
	siid, piid int // 0 when the device leaves them out
	code       int
	hasCode    bool
	value      mi.Value
	hasValue   bool
}

func (p *puller) element() (e element) {
	p.must('{')
	for first := true; p.more(first, '}'); first = false {
		switch string(p.key()) {
		case "siid":
			e.siid = p.integer()
		case "piid":
			e.piid = p.integer()
		case "code":
			e.code, e.hasCode = p.integer(), true
		case "value":
			e.value, e.hasValue = p.value(), true
		default:
			p.skip()
		}
	}
	return e
}

// pullElements hands every element of a result to each. It reports false when the
// text is not simply a list of objects with plain values; each may have been
// called by then.
func pullElements(result []byte, each func(i int, e element)) bool {
	p := puller{b: result}
	p.must('[')
	i := 0
	for first := true; p.more(first, ']'); first = false {
		e := p.element()
		if p.bad {
			return false
		}
		each(i, e)
		i++
	}
	return !p.bad && p.peek() == 0
}
