package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/drivers/miio"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

type captureCmd struct {
	Device string `arg:"" help:"Did, host, name or model."`
	Output string `short:"o" help:"File to write; standard output when left out."`
}

// Run asks a device who it is and reads all that can be read, and writes down
// every message without secrets.
func (c *captureCmd) Run(p *process) error {
	r, info, err := p.subject(c.Device)
	if err != nil {
		return err
	}
	out, err := c.writer(p)
	if err != nil {
		return err
	}
	defer out.Close()
	t := &transcript{p: p, out: json.NewEncoder(out), names: newPseudonyms(info)}
	t.out.SetEscapeHTML(false)
	net, err := miio.NewTranscript(r.net, info.Token, t.said)
	if err != nil {
		return fmt.Errorf("%s: %w", label(info), err)
	}
	r.net = net
	ctx, cancel := context.WithTimeout(p.ctx, answerWithin)
	defer cancel()
	dev, err := r.open(ctx, info)
	if err != nil {
		return err
	}
	defer dev.link.Close()
	err = readEverything(ctx, dev)
	t.write(map[string]any{"model": dev.spec.Model, "spec": dev.spec.URN, "bridge": thisBuild().String()})
	if err == nil {
		p.hint("Tokens and passwords are left out, names of your network and numbers of your devices replaced. Still, read it before you pass it on.")
	}
	return err
}

func (c *captureCmd) writer(p *process) (io.WriteCloser, error) {
	if c.Output == "" {
		return nopCloser{p.out}, nil
	}
	return os.OpenFile(c.Output, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

func readEverything(ctx context.Context, dev *conversation) error {
	if d, ok := dev.link.(mi.Describer); ok {
		if _, err := d.Describe(ctx); err != nil {
			return fmt.Errorf("%s: %w", label(dev.info), err)
		}
	}
	getter, ok := dev.link.(mi.Getter)
	if !ok {
		return nil
	}
	if _, err := getter.Get(ctx, readable(dev.spec), nil); err != nil {
		return fmt.Errorf("%s: %w", label(dev.info), err)
	}
	return nil
}

// transcript writes a message a line.
type transcript struct {
	p     *process
	names *pseudonyms

	mu  sync.Mutex // guards out
	out *json.Encoder
}

// message is a line of the transcript.
type message struct {
	From  string          `json:"from"` // "bridge" or "device"
	Hello bool            `json:"hello,omitempty"`
	Stamp uint32          `json:"stamp"`
	JSON  json.RawMessage `json:"json,omitempty"`
	Text  string          `json:"text,omitempty"` // what is no JSON, as some firmware sends it
}

func (t *transcript) said(s miio.Said) {
	m := message{From: "device", Hello: s.Hello, Stamp: s.Stamp}
	if s.Sent {
		m.From = "bridge"
	}
	text := t.names.replace(t.p.secrets.Clean(s.Text))
	if json.Valid([]byte(text)) {
		m.JSON = json.RawMessage(text)
	} else {
		m.Text = text
	}
	t.write(m)
}

func (t *transcript) write(line any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.out.Encode(line); err != nil {
		fmt.Fprintln(t.p.talk, "x the transcript is not complete:", err)
	}
}

// pseudonyms replaces what is private: equal text gets equal names within one
// transcript, and nobody can tell the text from the name.
type pseudonyms struct {
	key   []byte
	exact []string
}

// newPseudonyms takes the key from the device's token, which nobody else knows.
func newPseudonyms(d mi.Info) *pseudonyms {
	host, _, _ := strings.Cut(d.Addr, ":")
	s := &pseudonyms{key: []byte("transcript " + d.Token.Reveal())}
	for _, text := range []string{d.DID, host, d.MAC, d.Name, d.Room} {
		if len(text) >= 4 {
			s.exact = append(s.exact, text)
		}
	}
	return s
}

var (
	privateKey = regexp.MustCompile(`("(?i:token|ssid|bssid|mac|localIp|ip|gw|gw_mac|mask|did|uid|owner|lat|lng|lon|latitude|longitude|passwd|password|psk|bind_key|name|sn|serial|hw_id)"\s*:\s*)("(?:[^"\\]|\\.)*"|-?[0-9.]+)`)
	macAddress = regexp.MustCompile(`\b[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}\b`)
	ipAddress  = regexp.MustCompile(`\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b`)
)

func (s *pseudonyms) replace(text string) string {
	for _, exact := range s.exact {
		text = strings.ReplaceAll(text, exact, s.name(exact))
	}
	text = privateKey.ReplaceAllStringFunc(text, func(pair string) string {
		parts := privateKey.FindStringSubmatch(pair)
		return parts[1] + `"` + s.name(strings.Trim(parts[2], `"`)) + `"`
	})
	return ipAddress.ReplaceAllStringFunc(macAddress.ReplaceAllStringFunc(text, s.name), s.name)
}

// name returns the pseudonym of text; a pseudonym stays as it is.
func (s *pseudonyms) name(text string) string {
	if text == "" || strings.HasPrefix(text, "private-") {
		return text
	}
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(text))
	return "private-" + hex.EncodeToString(mac.Sum(nil))[:8]
}
