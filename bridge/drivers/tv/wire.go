package tv

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	dialTime   = 1500 * time.Millisecond // a TV that is off does not answer at all
	answerTime = 3 * time.Second         // for a whole call
	maxAnswer  = 1 << 20                 // bytes of a body
	maxHead    = 1 << 16                 // bytes before it
)

// ask makes one call. The error is ErrOffline when nobody is there or the
// connection ends without an answer, as that of a TV with its screen off does, and
// ErrTimeout when the TV takes the call and never answers.
func ask(ctx context.Context, n mi.Network, addr, call string) (data json.RawMessage, err error) {
	err = fetch(ctx, n, addr, call, func(body []byte) (err error) {
		data, err = parseReply(body)
		return err
	})
	return data, err
}

// fetch makes one call and hands the whole body of the answer to take.
func fetch(ctx context.Context, n mi.Network, addr, call string, take func(body []byte) error) error {
	outer := ctx
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	conn, err := dial(ctx, n, addr)
	if err == nil {
		defer conn.Close()
		var body []byte
		if body, err = exchange(ctx, conn, addr, call); err == nil {
			err = take(body)
		}
	}
	if err == nil {
		return nil
	}
	if outer.Err() != nil {
		err = outer.Err()
	}
	return fmt.Errorf("tv: %s: %w", strings.TrimPrefix(what(call), "action="), err)
}

// what names a call without its arguments.
func what(call string) string {
	_, q, _ := strings.Cut(call, "?")
	name, _, _ := strings.Cut(q, "&")
	return name
}

func dial(ctx context.Context, n mi.Network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn, err := n.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("the TV does not answer at %s: it is off, or elsewhere: %w", addr, mi.ErrOffline)
	}
	return conn, nil
}

// exchange sends the request on a fresh connection and returns the body.
func exchange(ctx context.Context, conn net.Conn, addr, call string) ([]byte, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	request, err := http.NewRequest(http.MethodGet, "http://"+addr+call, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", mi.ErrInvalid, err)
	}
	request.Close = true
	if err := request.Write(conn); err != nil {
		return nil, broken(ctx, err)
	}
	response, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, maxAnswer+maxHead)), request)
	if err != nil {
		return nil, broken(ctx, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, broken(ctx, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the TV answers with status %d: %w", response.StatusCode, mi.ErrInvalid)
	}
	return body, nil
}

// broken says what the end of a connection without an answer means.
func broken(ctx context.Context, err error) error {
	var lost net.Error
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("the TV took the call and did not answer in %v; if this lasts, take it off the mains for a moment: %w", answerTime, mi.ErrTimeout)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe), errors.As(err, &lost):
		return fmt.Errorf("the TV ended the connection: %w", mi.ErrOffline)
	}
	return fmt.Errorf("%w: %w", mi.ErrProtocol, err)
}

// spellAddr writes host or host:port as host:port.
func spellAddr(addr string) string {
	if _, _, err := net.SplitHostPort(addr); err == nil || addr == "" {
		return addr
	}
	return net.JoinHostPort(strings.Trim(addr, "[]"), Port)
}
