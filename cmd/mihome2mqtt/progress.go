package main

import (
	"fmt"
	"strings"
	"time"
)

const (
	barColumns = 20
	barAfter   = time.Second      // a quick thing shows none
	lineEvery  = 10 * time.Second // where no bar can be shown
)

// progress tells on standard error what is waited for: by a bar that moves on a
// terminal, else by a line now and then.
type progress struct {
	p     *process
	began time.Time
	said  time.Time
	shown bool // a bar stands on the line
}

func (p *process) newProgress() *progress { return &progress{p: p, began: time.Now()} }

// set shows how far a thing is: part from 0 to 1, less than 0 when nobody knows.
func (b *progress) set(text string, part float64, left string) {
	switch {
	case b.p.Quiet:
	case b.p.side.terminal:
		if time.Since(b.began) < barAfter {
			return
		}
		b.shown = true
		fmt.Fprintf(b.p.talk, "\r\x1b[K%s  %s  %s", text, bar(part), left)
		_ = b.p.talk.Flush() // the end of the process reports what cannot be written
	case b.said.IsZero() || time.Since(b.said) >= lineEvery:
		b.said = time.Now()
		fmt.Fprintln(b.p.talk, strings.TrimSpace(text+" "+left))
	}
}

// end takes the bar away.
func (b *progress) end() {
	if b != nil && b.shown {
		b.shown = false
		fmt.Fprint(b.p.talk, "\r\x1b[K")
		_ = b.p.talk.Flush()
	}
}

// bar draws a part of a whole.
func bar(part float64) string {
	if part < 0 {
		return ""
	}
	full := min(barColumns, int(part*barColumns))
	return strings.Repeat("━", full) + strings.Repeat("─", barColumns-full)
}
