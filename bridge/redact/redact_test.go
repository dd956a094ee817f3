package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// The canaries hold what every encoding has to escape.
var canaries = []mi.Secret{`pa+ss/w=rd&"<x>`, "ünïcödé-Geheim", "00112233445566778899aabbccddeeff", "plain-password"}

// encodings are the ways in which text leaves a program.
var encodings = map[string]func(string) string{
	"raw":          func(s string) string { return s },
	"hex":          func(s string) string { return hex.EncodeToString([]byte(s)) },
	"HEX":          func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) },
	"hex spaces":   func(s string) string { return fmt.Sprintf("% x", s) },
	"hex colons":   func(s string) string { return strings.ReplaceAll(fmt.Sprintf("% x", s), " ", ":") },
	"base64":       func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64 url":   func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) },
	"query":        url.QueryEscape,
	"query twice":  func(s string) string { return url.QueryEscape(url.QueryEscape(s)) },
	"path":         url.PathEscape,
	"path twice":   func(s string) string { return url.PathEscape(url.PathEscape(s)) },
	"user info":    func(s string) string { return url.UserPassword("me", s).String() },
	"%q":           func(s string) string { return fmt.Sprintf("%q", s) },
	"%+q":          func(s string) string { return fmt.Sprintf("%+q", s) },
	"%v of bytes":  func(s string) string { return fmt.Sprint([]byte(s)) },
	"JSON":         func(s string) string { b, _ := json.Marshal(s); return string(b) },
	"JSON slashes": func(s string) string { b, _ := json.Marshal(s); return strings.ReplaceAll(string(b), "/", `\/`) },
	"HTML":         html.EscapeString,
}

func TestCleanMasksEveryForm(t *testing.T) {
	var s Secrets
	s.Add(canaries...)
	for name, encode := range encodings {
		for _, c := range canaries {
			text := encode("before " + c.Reveal() + " after")
			if bare := encode(c.Reveal()); !strings.Contains(s.Clean(bare), Mask) {
				t.Errorf("%s: %q is not masked", name, bare)
			}
			if !strings.Contains(s.Clean(text), Mask) {
				t.Errorf("%s: %q is not masked in other text", name, text)
			}
		}
	}
}

func TestCleanMasksBase64AtEveryOffset(t *testing.T) {
	var s Secrets
	s.Add("plain-password")
	for offset := range 3 {
		got := s.Clean(base64.StdEncoding.EncodeToString([]byte("abc"[:offset] + "plain-password" + "xyz")))
		if !strings.Contains(got, Mask) {
			t.Errorf("offset %d: %q", offset, got)
		}
	}
}

func TestCleanMasksTheBytesBehindAToken(t *testing.T) {
	var s Secrets
	s.Add("00112233445566778899aabbccddeeff")
	raw, _ := hex.DecodeString("00112233445566778899aabbccddeeff")
	for _, text := range []string{fmt.Sprint(raw), fmt.Sprintf("% x", raw), base64.StdEncoding.EncodeToString(raw), string(raw)} {
		if !strings.Contains(s.Clean(text), Mask) {
			t.Errorf("%q is not masked", text)
		}
	}
}

func TestCleanLeavesTheRest(t *testing.T) {
	var s Secrets
	if got := s.Clean("device online"); got != "device online" {
		t.Errorf("got %q", got)
	}
	s.Add("", "abc", "secret-1", "secret-1")
	if got, want := s.Clean("abc secret-1 def secret-12"), "abc ••• def •••2"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLongerSecretLeavesNoTail(t *testing.T) {
	var s Secrets
	s.Add("secret", "secret-tail")
	if got := s.Clean("x secret-tail y"); got != "x ••• y" {
		t.Errorf("got %q", got)
	}
}

func TestWriterSeesASecretCutInTwo(t *testing.T) {
	var s Secrets
	var out bytes.Buffer
	s.Add("open-sesame")
	w := s.Writer(&out)
	for _, part := range []string{"say open-", "sesame\nand op", "en-sesame again"} {
		if n, err := w.Write([]byte(part)); n != len(part) || err != nil {
			t.Errorf("Write = %d, %v", n, err)
		}
	}
	if got := out.String(); got != "say •••\n" {
		t.Errorf("before Flush: %q", got)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != "say •••\nand ••• again" {
		t.Errorf("after Flush: %q", got)
	}
}

func TestWriterLetsAnEndlessLineGo(t *testing.T) {
	var s Secrets
	var out bytes.Buffer
	w := s.Writer(&out)
	w.Write(bytes.Repeat([]byte("x"), longest+1))
	if out.Len() != longest+1 {
		t.Errorf("%d bytes came through", out.Len())
	}
}

func TestWriterReportsFailure(t *testing.T) {
	broken := errors.New("pipe closed")
	r, p := io.Pipe()
	r.CloseWithError(broken)
	var s Secrets
	if _, err := s.Writer(p).Write([]byte("line\n")); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestSecretsAreLearntWhileWriting(t *testing.T) {
	var s Secrets
	w := s.Writer(io.Discard)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			s.Add(mi.Secret(fmt.Sprintf("secret number %d", i)))
			fmt.Fprintf(w, "line %d\n", i)
		})
	}
	wg.Wait()
	if got := s.Clean("secret number 3"); got != Mask {
		t.Errorf("got %q", got)
	}
}

func TestLongListIsLeftToTheSecretsInIt(t *testing.T) {
	var s Secrets
	var list strings.Builder
	for i := range 1000 {
		token := fmt.Sprintf("%016x%016x", uint64(i+1)*0x9e3779b97f4a7c15, i)
		fmt.Fprintf(&list, "%d,%s\n", 100_000_000+i, token)
		s.Add(mi.Secret(token))
	}
	known := len(s.index.secrets)
	s.Add(mi.Secret(list.String()))
	if len(s.index.secrets) != known {
		t.Error("a list of many secrets is looked for as one")
	}
	if n := strings.Count(s.Clean(list.String()), Mask); n != 1000 {
		t.Errorf("%d of the list's 1000 secrets are masked", n)
	}
}

func FuzzClean(f *testing.F) {
	f.Add("open-sesame", "before ", " after")
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		if len(secret) < least || len(secret) > most || strings.Contains(Mask, secret) {
			return
		}
		var s Secrets
		s.Add(mi.Secret(secret))
		got := s.Clean(before + secret + after)
		if !strings.Contains(got, Mask) {
			t.Errorf("%q shows in %q", secret, got)
		}
	})
}

func BenchmarkCleanWithTenThousandTokens(b *testing.B) {
	var s Secrets
	for i := range 10_000 {
		s.Add(mi.Secret(fmt.Sprintf("%032x", uint64(i)*0x9e3779b97f4a7c15)))
	}
	line := `{"level":"info","device":"123456789","model":"zhimi.airpurifier.mb3","route":"lan","message":"device online"}` + "\n"
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		s.Clean(line)
	}
}
