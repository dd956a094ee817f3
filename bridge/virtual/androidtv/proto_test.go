package androidtv

import (
	"bufio"
	"bytes"
	"testing"
)

// FuzzProto feeds whatever a client may send to the reader of messages.
func FuzzProto(f *testing.F) {
	f.Add(lengthFirst(proto(1, 2, 2, 200, 40, proto(1, "secret"))))
	f.Fuzz(func(t *testing.T, b []byte) {
		message, err := readLengthFirst(bufio.NewReader(bytes.NewReader(b)))
		if err != nil {
			return
		}
		for _, part := range message {
			inner(message, part.num)
		}
	})
}
