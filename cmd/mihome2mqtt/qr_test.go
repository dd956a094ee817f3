package main

import (
	"strings"
	"testing"

	"rsc.io/qr"
)

const loginLink = "https://account.example.org/scan?ticket=lp_0123456789abcdefghijklmn&sid=xiaomiio"

// modules turns a drawing back into modules. Every line has to say its colours by
// itself, and the frame has to be light.
func modules(t *testing.T, drawing, dark, light string, wide bool) picture {
	t.Helper()
	var p picture
	for line := range strings.Lines(drawing) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), usualColours)
		if !strings.HasPrefix(line, "\x1b[") && wide {
			t.Fatalf("no colours at the start of %q", line)
		}
		var row []bool
		now := false
		for line != "" {
			switch {
			case strings.HasPrefix(line, dark):
				line, now = line[len(dark):], true
			case strings.HasPrefix(line, light):
				line, now = line[len(light):], false
			default:
				row, line = append(row, now), line[2:]
			}
		}
		p = append(p, row)
	}
	return p
}

// halves reads the drawing with two modules in a character.
func halves(t *testing.T, drawing string) (p picture) {
	t.Helper()
	for line := range strings.Lines(drawing) {
		inner, coloured := strings.CutPrefix(line, blackOnWhite)
		inner, closed := strings.CutSuffix(inner, usualColours+"\n")
		if !coloured || !closed {
			t.Fatalf("the colours of %q", line)
		}
		var upper, lower []bool
		for _, r := range inner {
			upper = append(upper, r == '█' || r == '▀')
			lower = append(lower, r == '█' || r == '▄')
		}
		p = append(p, upper, lower)
	}
	return p
}

func TestDrawingsAreTheCode(t *testing.T) {
	want, err := qr.Encode(loginLink, qr.L)
	if err != nil {
		t.Fatal(err)
	}
	wide := screen{terminal: true, colour: true, columns: 200, rows: 100}
	drawings := map[string]picture{
		"small": halves(t, drawQR(loginLink, qrSmall, screen{})),
		"large": modules(t, drawQR(loginLink, qrLarge, screen{}), whiteOnBlack, blackOnWhite, true),
		"auto":  halves(t, drawQR(loginLink, qrAuto, wide)),
	}
	for name, p := range drawings {
		side := want.Size + 2*quietZone
		if len(p) != side && len(p) != side+1 || len(p[0]) != side {
			t.Fatalf("%s: %d by %d modules, want %d", name, len(p), len(p[0]), side)
		}
		for y := range side {
			for x := range side {
				if p[y][x] != want.Black(x-quietZone, y-quietZone) {
					t.Fatalf("%s: module %d, %d is wrong", name, x, y)
				}
			}
		}
	}
	ascii := strings.Split(drawQR(loginLink, qrASCII, screen{}), "\n")
	if got := ascii[quietZone][2*quietZone:][:14]; got != "##############" {
		t.Errorf("ascii: the corner is %q", got)
	}
}

func TestAutoDrawsWhatFits(t *testing.T) {
	small, ascii := drawQR(loginLink, qrSmall, screen{}), drawQR(loginLink, qrASCII, screen{})
	side := len([]rune(strings.Split(ascii, "\n")[0])) / 2
	for _, tc := range []struct {
		name string
		s    screen
		want string
	}{
		{"pipe", screen{}, ""},
		{"narrow", screen{terminal: true, colour: true, columns: side - 1, rows: 100}, ""},
		{"low", screen{terminal: true, colour: true, columns: 100, rows: (side + 1) / 2}, ""},
		{"just", screen{terminal: true, colour: true, columns: side, rows: (side+1)/2 + 1}, small},
		{"colourless", screen{terminal: true, columns: 2 * side, rows: side + 1}, ascii},
		{"colourless and narrow", screen{terminal: true, columns: 2*side - 1, rows: side + 1}, ""},
	} {
		if got := drawQR(loginLink, qrAuto, tc.s); got != tc.want {
			t.Errorf("%s: %d bytes, want %d", tc.name, len(got), len(tc.want))
		}
	}
	if drawQR(loginLink, qrNone, screen{terminal: true, colour: true, columns: 300, rows: 300}) != "" {
		t.Error("none draws something")
	}
}
