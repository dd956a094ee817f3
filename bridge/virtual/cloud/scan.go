package cloud

import (
	"fmt"
	"html"
	"net/http"
	"slices"
	"strings"
	"time"
)

// scan is a QR code that waits for a phone.
type scan struct {
	ticket  string
	sid     string
	born    time.Time // on the wall clock
	life    time.Duration
	scanned bool
	over    chan struct{} // closed by the verdict
	who     *person       // who confirmed; nil when the verdict was no
	denied  bool
}

const (
	scanLife = 5 * time.Minute
	codeOver = 70031 // the QR code is too old; which number Xiaomi uses is not known
)

// offerScan makes a QR code.
func (s *Server) offerScan(v *visit) reply {
	sid := v.Form.Get("sid")
	if callback(sid) == "" || v.Form.Get("callback") != callback(sid) || v.Form.Get("qs") == "" {
		return refused(codeBadRequest, "qs, callback and sid are needed")
	}
	c := &scan{ticket: "lp_" + s.word(24), sid: sid, born: v.now, life: s.mood.ScanLife, over: make(chan struct{})}
	if c.life == 0 {
		c.life = scanLife
	}
	if room(s.scans); len(s.scans) == 0 {
		s.queue = nil
	}
	s.scans[c.ticket] = c
	s.queue = append(s.queue, c.ticket)
	base := s.account(v)
	return told(object{
		"code": 0, "desc": "成功", "result": "ok", "qrTips": "Scan with the Mi Home app", "timeout": int(c.life / time.Second), "timeInterval": 0,
		"qr": base + "/pass/qr?ticket=" + c.ticket, "loginUrl": base + "/scan?ticket=" + c.ticket, "lp": base + "/lp/s?k=" + c.ticket,
	})
}

// poll waits for the verdict on a QR code.
func (s *Server) poll(v *visit) reply {
	s.mu.Lock()
	c := s.scans[v.Form.Get("k")]
	s.mu.Unlock()
	if c == nil {
		return refused(codeBadRequest, "no such code")
	}
	left := time.NewTimer(c.life - v.now.Sub(c.born))
	defer left.Stop()
	select {
	case <-c.over:
		return s.verdict(v, c)
	case <-left.C:
		return refused(codeOver, "the code has expired")
	case <-v.Context().Done():
	case <-s.done:
	}
	panic(http.ErrAbortHandler)
}

func (s *Server) verdict(v *visit, c *scan) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.denied {
		return refused(codeLogin, "denied on the phone")
	}
	return s.let(s.admission(v, s.admit(c.who, c.sid, s.passFor(c.who))))
}

// Scans returns the tickets of the QR codes that wait for a phone, oldest first.
func (s *Server) Scans() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var open []string
	for _, ticket := range s.queue {
		if s.scans[ticket].open(s.now()) {
			open = append(open, ticket)
		}
	}
	return open
}

func (c *scan) open(now time.Time) bool {
	select {
	case <-c.over:
		return false
	default:
		return now.Sub(c.born) < c.life
	}
}

// Confirm plays the phone of a user that scans a QR code and says yes. user "" is
// the first of the people.
func (s *Server) Confirm(ticket, user string) error { return s.judge(ticket, user, true) }

// Deny plays the phone that says no.
func (s *Server) Deny(ticket string) error { return s.judge(ticket, "", false) }

func (s *Server) judge(ticket, user string, yes bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, who := s.scans[ticket], s.people[0]
	if user != "" {
		who = s.find(user)
	}
	switch {
	case c == nil || !c.open(s.now()):
		return fmt.Errorf("cloud: scan %.8s: no such code, or it has expired", ticket)
	case who == nil:
		return fmt.Errorf("cloud: scan %.8s: nobody is called %q", ticket, user)
	}
	c.scanned, c.denied, c.who = true, !yes, who
	close(c.over)
	return nil
}

// handmade serves what a person opens: the page behind a QR code, where a browser
// plays the phone, and the letter box with the codes. They are no part of what
// Xiaomi has, and bad weather does not touch them.
func (s *Server) handmade(w http.ResponseWriter, v *visit) bool {
	switch v.URL.Path {
	case "/scan":
		s.phone(v).write(w)
	case "/mailbox":
		s.mailbox().write(w)
	default:
		return false
	}
	return true
}

// mailbox shows the codes, newest first, one a line.
func (s *Server) mailbox() reply {
	var b strings.Builder
	for _, m := range slices.Backward(s.Mails()) {
		fmt.Fprintf(&b, "%s %s\n", m.Code, m.To)
	}
	return reply{kind: typeText, body: []byte(b.String())}
}

// phone is the page behind a QR code.
func (s *Server) phone(v *visit) reply {
	ticket := v.Form.Get("ticket")
	if v.Method == http.MethodPost {
		if err := s.judge(ticket, v.Form.Get("user"), v.Form.Get("do") == "confirm"); err != nil {
			return s.sheet("<p id=done>This code is no longer valid.</p>", http.StatusGone)
		}
		return s.sheet("<p id=done>Done. Go back to where you came from.</p>", 0)
	}
	s.mu.Lock()
	c := s.scans[ticket]
	usable := c != nil && c.open(v.now)
	if usable {
		c.scanned = true
	}
	var people strings.Builder
	for _, p := range s.people {
		fmt.Fprintf(&people, "<option value=%s>%s (%s)</option>", p.id(), html.EscapeString(p.Name), html.EscapeString(p.Email))
	}
	s.mu.Unlock()
	if !usable {
		return s.sheet("<p id=done>This code is no longer valid.</p>", http.StatusGone)
	}
	return s.sheet(`<form method=post><input type=hidden name=ticket value="`+html.EscapeString(ticket)+`"><p><label>Sign in as <select name=user>`+people.String()+
		`</select></label></p><p><button id=confirm name=do value=confirm>Confirm</button> <button id=deny name=do value=deny>Deny</button></p></form>`, 0)
}

// sheet is a page of the virtual phone.
func (s *Server) sheet(text string, status int) reply {
	return reply{status: status, kind: typeHTML, body: []byte(`<!DOCTYPE html>
<html lang=en><head><meta charset=utf-8><meta name=viewport content="width=device-width"><title>Virtual phone</title>
<style>body{font:16px sans-serif;max-width:24em;margin:3em auto;padding:0 1em}button{font:inherit;padding:.6em 1.4em}</style></head>
<body><h1>Virtual phone</h1><p>This page plays the Mi Home app of a virtual account.</p>` + text + "</body></html>\n")}
}

// Scanned reports whether the page behind a QR code was opened.
func (s *Server) Scanned(ticket string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.scans[ticket]
	return c != nil && c.scanned
}
