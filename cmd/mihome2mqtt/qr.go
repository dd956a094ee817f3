package main

import (
	"strings"

	"rsc.io/qr"
)

// quietZone is the light frame that a QR code needs, in modules.
const quietZone = 4

// picture is a QR code with its frame: rows of modules, true is dark.
type picture [][]bool

func newPicture(text string) (picture, error) {
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		return nil, err
	}
	side := code.Size + 2*quietZone
	p := make(picture, side)
	for y := range p {
		p[y] = make([]bool, side)
		for x := range p[y] {
			p[y][x] = code.Black(x-quietZone, y-quietZone)
		}
	}
	return p, nil
}

// Black on white, whatever the terminal's colours are.
const (
	blackOnWhite = "\x1b[30;107m"
	whiteOnBlack = "\x1b[97;40m"
	usualColours = "\x1b[0m"
)

// small draws two modules in each character.
func (p picture) small() string {
	var b strings.Builder
	for y := 0; y < len(p); y += 2 {
		b.WriteString(blackOnWhite)
		for x := range p[y] {
			upper, lower := p[y][x], y+1 < len(p) && p[y+1][x]
			switch {
			case upper && lower:
				b.WriteString("█")
			case upper:
				b.WriteString("▀")
			case lower:
				b.WriteString("▄")
			default:
				b.WriteByte(' ')
			}
		}
		b.WriteString(usualColours + "\n")
	}
	return b.String()
}

// large draws a module in two characters.
func (p picture) large() string {
	var b strings.Builder
	for _, row := range p {
		for x, dark := range row {
			switch {
			case dark && (x == 0 || !row[x-1]):
				b.WriteString(whiteOnBlack)
			case !dark && (x == 0 || row[x-1]):
				b.WriteString(blackOnWhite)
			}
			b.WriteString("  ")
		}
		b.WriteString(usualColours + "\n")
	}
	return b.String()
}

// ascii draws with nothing that a terminal could lack.
func (p picture) ascii() string {
	var b strings.Builder
	for _, row := range p {
		for _, dark := range row {
			if dark {
				b.WriteString("##")
			} else {
				b.WriteString("  ")
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// The ways to draw a QR code.
const (
	qrAuto  = "auto"
	qrSmall = "small"
	qrLarge = "large"
	qrASCII = "ascii"
	qrNone  = "none"
)

// drawQR draws text in a way; auto draws nothing where there is no room for it. The
// link always says the same.
func drawQR(text, way string, s screen) string {
	p, err := newPicture(text)
	if err != nil || way == qrNone {
		return ""
	}
	side := len(p)
	if way == qrAuto {
		switch {
		case !s.terminal:
			return ""
		case s.colour && side <= s.columns && (side+1)/2 < s.rows:
			way = qrSmall
		case !s.colour && 2*side <= s.columns && side < s.rows:
			way = qrASCII
		}
	}
	switch way {
	case qrSmall:
		return p.small()
	case qrLarge:
		return p.large()
	case qrASCII:
		return p.ascii()
	}
	return ""
}
