package main

import (
	"io"
	"os"

	"golang.org/x/term"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
)

// screen is what a stream can show.
type screen struct {
	terminal      bool
	colour        bool
	columns, rows int // 0 where nothing needs to fit
}

// usualColumns is the width of a terminal that does not tell it.
const usualColumns = 80

func newScreen(environ []string, w io.Writer) screen {
	var s screen
	dumb := config.Lookup(environ, "TERM") == "dumb"
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		s.terminal, s.colour, s.columns = true, !dumb, usualColumns
		if columns, rows, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			s.columns, s.rows = columns, rows
		}
	}
	if force := config.Lookup(environ, "CLICOLOR_FORCE"); force != "" && force != "0" && !dumb {
		s.colour = true
	}
	if config.Lookup(environ, "NO_COLOR") != "" {
		s.colour = false
	}
	return s
}

// Marks of lines: never colour alone.
const (
	markGood = "ok"
	markWarn = "!"
	markBad  = "x"
)

// mark writes a mark in its colour.
func (s screen) mark(mark string) string {
	codes := map[string]string{markGood: "32", markWarn: "33", markBad: "31"}
	code, known := codes[mark]
	if !s.colour || !known {
		return mark
	}
	return "\x1b[" + code + "m" + mark + "\x1b[0m"
}
