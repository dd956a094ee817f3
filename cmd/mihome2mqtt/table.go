package main

import (
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// table prints aligned columns. On a terminal it fits into the width.
type table struct {
	out    io.Writer
	screen screen
	rows   [][]string
}

func newTable(p *process, header ...string) *table {
	t := &table{out: p.out, screen: p.screen}
	t.row(header...)
	return t
}

// row adds a line; an empty cell shows as a dash.
func (t *table) row(cells ...string) {
	cells = slices.Clone(cells)
	for i, cell := range cells {
		if cell == "" {
			cells[i] = "-"
		}
	}
	t.rows = append(t.rows, cells)
}

const (
	gutter   = 2
	narrowly = 8 // no column is cut narrower
)

// end prints what was collected.
func (t *table) end() error {
	widths := t.widths()
	var b strings.Builder
	for _, row := range t.rows {
		for i, cell := range row {
			cell = cut(cell, widths[i])
			b.WriteString(t.paint(cell))
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-columns(cell)+gutter))
			}
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(t.out, b.String())
	return err
}

// widths returns the width of every column; the widest give way where the screen
// is too narrow.
func (t *table) widths() []int {
	widths := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], columns(cell))
		}
	}
	total := gutter * (len(widths) - 1)
	for _, w := range widths {
		total += w
	}
	for t.screen.columns > 0 && total > t.screen.columns && slices.Max(widths) > narrowly {
		widths[slices.Index(widths, slices.Max(widths))]--
		total--
	}
	return widths
}

// paint colours the mark that a cell begins with.
func (t *table) paint(cell string) string {
	mark, rest, found := strings.Cut(cell, " ")
	if !found {
		return cell
	}
	return t.screen.mark(mark) + " " + rest
}

// columns is how wide a terminal shows text.
func columns(text string) int {
	n := 0
	for _, r := range text {
		n += runeColumns(r)
	}
	return n
}

func runeColumns(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// cut shortens text to a width, and shows that it did.
func cut(text string, limit int) string {
	if columns(text) <= limit {
		return text
	}
	var b strings.Builder
	n := 0
	for _, r := range text {
		if n += runeColumns(r); n > limit-1 {
			break
		}
		b.WriteRune(r)
	}
	return b.String() + "…"
}

// count writes a number with its noun: 1 device, 2 devices.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
