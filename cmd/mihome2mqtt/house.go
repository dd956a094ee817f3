package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// ask lists the devices of the running bridge.
func (c *devicesCmd) ask(p *process, r *running) error {
	all, err := collect[apiDevice](p.ctx, r, "devices")
	if err != nil {
		return told(err)
	}
	if p.JSON {
		return p.json(apiPage[apiDevice]{Items: all, Total: len(all)})
	}
	header := []string{"NAME", "ROOM", "MODEL", "STATE", "ROUTE", "NOW", "SEEN"}
	if !p.screen.terminal {
		header = append(header, "DID")
	}
	t := newTable(p, header...)
	for i := range all {
		d := &all[i]
		row := []string{d.Name, d.Room, d.Model, stateWord(d.State), routeName(d.Route), d.Main, p.seen(d.LastSeen)}
		t.row(append(row, d.DID)[:len(header)]...)
	}
	if err := t.end(); err != nil {
		return err
	}
	p.hint("%s", tally(all))
	return nil
}

// tally counts the devices, and says how to learn why one does not answer.
func tally(all []apiDevice) string {
	answering, silent := 0, ""
	for i := range all {
		switch all[i].State {
		case web.Online:
			answering++
		case web.NoAnswer:
			silent = all[i].Name
		}
	}
	text := fmt.Sprintf("%s, %d %s.", count(len(all), "device", "devices"), answering, verb(answering))
	if silent != "" {
		text += "  Why not? mihome2mqtt doctor " + quoted(handy(silent, all))
	}
	return text
}

// handy returns the last word of a name that no other device has; the name itself
// when there is none.
func handy(name string, all []apiDevice) string {
	words := strings.Fields(strings.ToLower(name))
	for _, word := range slices.Backward(words) {
		n := 0
		for i := range all {
			if strings.Contains(strings.ToLower(all[i].Name+"\n"+all[i].Room+"\n"+all[i].Model), word) {
				n++
			}
		}
		if n == 1 && !strings.HasPrefix(word, "-") {
			return word
		}
	}
	return name
}

// stateWord writes a state with its mark.
func stateWord(state string) string {
	switch state {
	case web.NoAnswer:
		return markBad + " no answer"
	case web.Unproven:
		return markWarn + " key missing"
	}
	return state
}

// seen writes a moment: for people how long ago it was.
func (p *process) seen(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	if !p.screen.terminal {
		return at.UTC().Format(time.RFC3339)
	}
	return ago(at)
}

// ago says how long a moment is past.
func ago(at time.Time) string {
	past := max(0, time.Since(at))
	switch {
	case past < time.Minute:
		return fmt.Sprintf("%d s", past/time.Second)
	case past < time.Hour:
		return fmt.Sprintf("%d min", past/time.Minute)
	case past < 48*time.Hour:
		return fmt.Sprintf("%d h", past/time.Hour)
	}
	return fmt.Sprintf("%d d", past/(24*time.Hour))
}

// quoted writes a word as a shell takes it.
func quoted(word string) string {
	plain := word != "" && !strings.ContainsFunc(word, func(r rune) bool {
		return strings.ContainsRune(" \t\n'\"\\$&|;<>()*?[]#~=%!{}`", r)
	})
	if plain {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// sentence begins text with a capital letter.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}
