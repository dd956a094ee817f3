package tv

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// photograph lets the TV draw its screen and tells the picture, which nobody
// keeps. It is fetched from the TV itself, whatever host the TV names.
func (s *session) photograph(ctx context.Context) error {
	data, err := s.ask(ctx, callScreen(s.now()))
	if err != nil {
		return err
	}
	call, err := parsePicture(data, s.now())
	if err != nil {
		return fmt.Errorf("tv: screenshot: %w", err)
	}
	picture, err := s.fetch(ctx, call)
	if err != nil {
		return err
	}
	s.sink.Happened(mi.Happening{
		Event: eventScreenshot, At: s.d.w.Now(), Args: []mi.Value{mi.Text(base64.StdEncoding.EncodeToString(picture))},
	})
	return nil
}

// fetch gets a picture.
func (s *session) fetch(ctx context.Context, call string) (picture []byte, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(s.ctx, cancel)
	defer stop()
	err = fetch(ctx, s.d.w.Net, s.addr, call, func(body []byte) error {
		if !isPicture(body) || len(body) == maxAnswer {
			return fmt.Errorf("%w: %d bytes are no whole picture", mi.ErrProtocol, len(body))
		}
		picture = body
		return nil
	})
	if s.ctx.Err() != nil {
		return nil, fmt.Errorf("tv: closed: %w", mi.ErrOffline)
	}
	return picture, err
}
