package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// prompter asks a person.
type prompter struct {
	p     *process
	lines *bufio.Reader
	tty   int // file descriptor of a terminal; -1 when nobody types
}

// newPrompter asks whoever is at the other end of in.
func (p *process) newPrompter(in io.Reader) *prompter {
	a := &prompter{p: p, lines: bufio.NewReader(in), tty: -1}
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		a.tty = int(f.Fd())
	}
	return a
}

var errNobody = &failure{exitSignIn, errors.New("nobody is there to answer. Sign in on the pages of the bridge, or run this in a terminal")}

// ask reads one line. The question goes to standard error.
func (a *prompter) ask(ctx context.Context, question string) (string, error) {
	return a.answer(ctx, question, func() (string, error) { return a.lines.ReadString('\n') })
}

// secret reads one line that is not shown.
func (a *prompter) secret(ctx context.Context, question string) (mi.Secret, error) {
	read := func() (string, error) { return a.lines.ReadString('\n') }
	if a.tty >= 0 {
		state, err := term.GetState(a.tty)
		if err != nil {
			return "", err
		}
		defer func() {
			_ = term.Restore(a.tty, state) // the terminal may be gone
			fmt.Fprintln(a.p.talk)
		}()
		read = func() (string, error) {
			text, err := term.ReadPassword(a.tty)
			return string(text), err
		}
	}
	text, err := a.answer(ctx, question, read)
	a.p.secrets.Add(mi.Secret(text))
	return mi.Secret(text), err
}

func (a *prompter) answer(ctx context.Context, question string, read func() (string, error)) (string, error) {
	fmt.Fprint(a.p.talk, question+": ")
	if err := a.p.talk.Flush(); err != nil {
		return "", err
	}
	type line struct {
		text string
		err  error
	}
	got := make(chan line, 1)
	go func() { // it ends with the input, or with the process
		text, err := read()
		got <- line{strings.TrimSpace(text), err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case l := <-got:
		if l.err != nil && l.text == "" {
			fmt.Fprintln(a.p.talk)
			return "", errNobody
		}
		return l.text, nil
	}
}
