package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Options are what the pages are made of.
type Options struct {
	Bridge  Bridge
	Orders  Orders
	Process Process
	// Accounts, when set, are the Xiaomi accounts.
	Accounts Accounts
	World    mi.World
	Memory   mi.Memory // keeps the key of sessions across restarts
	Random   io.Reader // unpredictable bytes
	Log      zerolog.Logger
	Version  string

	Listen   string        // host:port
	Password mi.Secret     // for everybody who is neither on this machine nor Home Assistant
	Token    mi.Secret     // of programs that use the API; "" for none
	Hosts    []string      // names by which the pages may be asked for, besides this machine's own
	Host     string        // name of this machine
	Prefix   string        // path that a proxy in front does not take off; "" for none
	Ingress  netip.Addr    // address of Home Assistant's ingress; invalid when there is none
	MaxWait  time.Duration // longest that an order may take; a minute when 0
	PageSize int           // devices on one page; 100 when 0
	LogLevel string        // of the settings, to which the log goes back
}

// Server serves pages, API, health and metrics.
type Server struct {
	opt     Options
	log     zerolog.Logger
	texts   texts
	pages   pages
	assets  assets
	keys    keys
	tries   *tries
	hub     *hub
	exam    *exam
	lines   *ring
	loud    loud
	handler http.Handler
	began   time.Time
}

const (
	maxHeader   = 16 << 10
	maxBody     = 1 << 20
	maxConns    = 100
	headerWait  = 5 * time.Second
	bodyWait    = 20 * time.Second
	answerWait  = 90 * time.Second // longest answer but for live events
	idleWait    = time.Minute
	farewell    = 3 * time.Second
	firstRetry  = 2 * time.Second // when the address is taken
	lastRetry   = time.Minute
	defaultPage = 100
)

// New makes a server. Nothing listens before Run.
func New(o Options) (*Server, error) {
	o.PageSize = cmp.Or(o.PageSize, defaultPage)
	o.MaxWait = cmp.Or(o.MaxWait, maxWait)
	s := &Server{opt: o, log: o.Log, began: o.World.Now(), tries: newTries(), lines: newRing(maxLines)}
	var err error
	if s.keys, err = newKeys(o); err != nil {
		return nil, err
	}
	if s.texts, err = loadTexts(); err != nil {
		return nil, err
	}
	if s.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	if s.pages, err = loadPages(); err != nil {
		return nil, err
	}
	s.hub = newHub(o.Bridge, o.World.Now)
	s.exam = &exam{bridge: o.Bridge, hub: s.hub, now: o.World.Now, state: Checked{Checks: []Check{}}}
	s.handler = s.guarded(s.mux())
	return s, nil
}

// Handler answers requests.
func (s *Server) Handler() http.Handler { return s.handler }

// Run listens and serves until ctx ends. When the address is taken it tries again:
// the bridge does not depend on its pages.
func (s *Server) Run(ctx context.Context) {
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		l, err := s.opt.World.Net.Listen(ctx, s.opt.Listen)
		if err == nil {
			s.log.Info().Str("address", l.Addr().String()).Msg("pages are served")
			err = s.Serve(ctx, l)
			if ctx.Err() != nil {
				return
			}
		}
		if wait == firstRetry {
			s.log.Warn().Err(err).Str("address", s.opt.Listen).Msg("no pages: the address cannot be used; MIHOME2MQTT_WEB_LISTEN chooses another one")
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// Serve serves the connections of l until ctx ends.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server := http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: headerWait,
		ReadTimeout:       bodyWait,
		WriteTimeout:      answerWait,
		IdleTimeout:       idleWait,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          quiet(s.log),
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	go s.hub.run(ctx)
	if s.opt.Accounts != nil {
		go s.opt.Accounts.Watch(ctx, s.hub.login)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		<-ctx.Done()
		last, stop := context.WithTimeout(context.WithoutCancel(ctx), farewell)
		defer stop()
		if server.Shutdown(last) != nil {
			server.Close()
		}
	}()
	err := server.Serve(limited(l, maxConns))
	cancel()
	<-ended
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("web: serve: %w", err)
}

// mux says who answers what. Every path is as the page sees it, without prefix.
func (s *Server) mux() *http.ServeMux {
	m := http.NewServeMux()
	m.HandleFunc("GET /{$}", s.overview)
	m.HandleFunc("GET /devices", s.devices)
	m.HandleFunc("GET /devices/{id}", s.device)
	m.HandleFunc("GET /devices/{id}/report", s.deviceReport)
	m.HandleFunc("POST /devices/{id}/set", s.deviceSet)
	m.HandleFunc("POST /devices/{id}/call", s.deviceCall)
	m.HandleFunc("POST /devices/{id}/options", s.deviceOptions)
	m.HandleFunc("POST /devices/{id}/refresh", s.deviceRefresh)
	m.HandleFunc("POST /devices/{id}/remove", s.deviceRemove)
	m.HandleFunc("GET /routes", s.routes)
	m.HandleFunc("GET /problems", s.problems)
	m.HandleFunc("POST /problems/check", s.check)
	m.HandleFunc("GET /logs", s.logs)
	m.HandleFunc("GET /logs/download", s.logsDownload)
	m.HandleFunc("POST /logs/level", s.logsLevel)
	m.HandleFunc("GET /settings", s.settings)
	m.HandleFunc("POST /look", s.look)
	m.HandleFunc("POST /settings/restart", s.restart)
	m.HandleFunc("GET /about", s.about)
	m.HandleFunc("GET /about/report", s.report)
	m.HandleFunc("GET /more", s.more)
	m.HandleFunc("GET /login", s.login)
	m.HandleFunc("POST /import", s.importDevices)
	m.HandleFunc("POST /login/begin", s.loginBegin)
	m.HandleFunc("POST /login/answer", s.loginAnswer)
	m.HandleFunc("POST /login/cancel", s.loginCancel)
	m.HandleFunc("POST /login/out", s.signOut)
	m.HandleFunc("GET /unlock", s.unlock)
	m.HandleFunc("POST /unlock", s.unlocked)
	m.HandleFunc("POST /lock", s.lock)
	m.HandleFunc("GET /asset/{name}", s.asset)
	m.HandleFunc("GET /healthz", s.healthz)
	m.Handle("GET /metrics", s.metrics())
	s.api(m)
	m.HandleFunc("/", s.missing)
	return m
}
