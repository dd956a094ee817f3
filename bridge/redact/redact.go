// Package redact keeps secrets out of everything that leaves the process as
// text: log, standard error, topics, reports. It works by value: whatever was
// registered is replaced wherever it shows, in every form it usually takes.
package redact

import (
	"bytes"
	"io"
	"strings"
	"sync"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Mask stands where a secret stood.
const Mask = "•••"

// Shorter texts, in bytes, cannot be told from ordinary ones; longer ones are lists,
// of which each secret is registered by itself. Both are not masked.
const (
	least = 4
	most  = 16 << 10
)

// Secrets is the set of known secrets. The zero value knows none. It is safe for
// concurrent use.
type Secrets struct {
	mu    sync.RWMutex
	known map[mi.Secret]bool
	index index
}

// Add registers secrets. From then on they are masked.
func (s *Secrets) Add(secrets ...mi.Secret) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known = map[mi.Secret]bool{}
	}
	for _, secret := range secrets {
		if len(secret) >= least && len(secret) <= most && !s.known[secret] {
			s.known[secret] = true
			s.index.add(secret.Reveal())
		}
	}
}

// Clean returns text with every registered secret masked.
func (s *Secrets) Clean(text string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out strings.Builder
	done := 0
	for at := 0; at+least <= len(text); {
		n := s.index.match(text[at:])
		if n == 0 {
			at++
			continue
		}
		out.WriteString(text[done:at])
		out.WriteString(Mask)
		at += n
		done = at
	}
	if done == 0 {
		return text
	}
	out.WriteString(text[done:])
	return out.String()
}

// Writer returns a writer that masks what goes to w. It holds back the end of an
// unfinished line, so that a secret cut in two is still seen; Flush lets it go.
func (s *Secrets) Writer(w io.Writer) *Writer { return &Writer{secrets: s, out: w} }

// Writer masks the lines written to it. It is safe for concurrent use.
type Writer struct {
	secrets *Secrets
	out     io.Writer

	mu   sync.Mutex
	line []byte // unfinished line
}

// longest is the longest unfinished line that is held back, in bytes.
const longest = 64 << 10

// Write implements io.Writer.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.line = append(w.line, p...)
	end := bytes.LastIndexByte(w.line, '\n') + 1
	if len(w.line)-end > longest {
		end = len(w.line)
	}
	if err := w.release(end); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush writes the unfinished line.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.release(len(w.line))
}

func (w *Writer) release(end int) error {
	if end == 0 {
		return nil
	}
	_, err := io.WriteString(w.out, w.secrets.Clean(string(w.line[:end])))
	w.line = append(w.line[:0], w.line[end:]...)
	return err
}
