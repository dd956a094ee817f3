package cloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
)

// Regions lists the servers of the API. The virtual home is in "de", a second home
// in "cn"; the others are empty.
func Regions() []string { return []string{"cn", "de", "us", "ru", "tw", "sg", "in", "i2"} }

// Options say what the cloud serves.
type Options struct {
	// Addr is the host:port of account, service tokens and everything else; "" is a
	// free port of 127.0.0.1. Each region has a port of its own beside it.
	Addr string
	// Home are devices that have a LAN; nil means none.
	Home *miio.Home
	// Listed are further devices that the cloud only knows by name, such as those of
	// a protocol of their own.
	Listed []mi.Info
	// Away furnishes the devices that have no LAN. No model means a plug and a fan.
	Away miio.Options
	// Deaf leaves out the two Bluetooth sensors, for homes without a receiver that
	// hears them.
	Deaf bool
	// People may log in; none means Anna and Otto.
	People []Person
	// Lasting logins outlive the cloud: another one of the same seed knows them.
	Lasting bool
}

// Server is the cloud. Everything it does may be asked for from anywhere.
type Server struct {
	world   mi.World
	lasting bool
	doors   []door
	server  *http.Server
	away    *miio.Home
	done    chan struct{} // ends with Close
	once    sync.Once

	mu       sync.Mutex // guards the fields below and is never held while an answer leaves
	draw     *rand.Rand
	mood     Mood
	people   []*person
	sessions map[string]*session // by serviceToken
	passes   map[string]*pass    // by passToken
	captchas map[string]string   // text by cookie ick
	checks   map[string]*check   // by context and by cookie identity_session
	grants   map[string]*grant   // by ticket
	scans    map[string]*scan    // by ticket
	queue    []string            // tickets of scans, oldest first
	sent     map[int64]int       // codes by user
	mail     []Mail
	requests []*Request
	houses   []*house
	things   map[string]*thing
	order    []string // dids, as the lists have them
	pressed  []string
	ran      []string
	types    map[string]string // URN by model
}

// door is where a part of the cloud listens.
type door struct {
	host     string // as Xiaomi calls it; "" for what has no region
	listener net.Listener
}

// New opens the cloud's sockets. Run lets it answer; Close is for one that never
// runs.
func New(w mi.World, o Options) (*Server, error) {
	s := &Server{
		world: w, done: make(chan struct{}), draw: w.Rand("cloud"),
		sessions: map[string]*session{}, passes: map[string]*pass{}, captchas: map[string]string{}, checks: map[string]*check{},
		grants: map[string]*grant{}, scans: map[string]*scan{}, sent: map[int64]int{}, things: map[string]*thing{}, types: map[string]string{},
	}
	s.settle(o.People)
	if s.lasting = o.Lasting; s.lasting {
		s.rememberAll()
	}
	if err := s.open(o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.furnish(o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.server = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: time.Minute,
		BaseContext: func(l net.Listener) context.Context {
			return context.WithValue(context.Background(), hostKey{}, s.hostOf(l))
		},
	}
	return s, nil
}

// hostKey finds the host that a listener plays in a request's context.
type hostKey struct{}

func (s *Server) hostOf(l net.Listener) string {
	i := slices.IndexFunc(s.doors, func(d door) bool { return d.listener == l })
	if i < 0 {
		return ""
	}
	return s.doors[i].host
}

func (s *Server) open(o Options) error {
	addr := cmp.Or(o.Addr, "127.0.0.1:0")
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("cloud: listen on %s: %w", addr, err)
	}
	if err := s.listen("", addr); err != nil {
		return err
	}
	for _, r := range Regions() {
		if err := s.listen(apiHost(r), net.JoinHostPort(host, "0")); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) listen(host, addr string) error {
	l, err := s.world.Net.Listen(context.Background(), addr)
	if err != nil {
		return fmt.Errorf("cloud: %w", err)
	}
	s.doors = append(s.doors, door{host, l})
	return nil
}

// Run lets the cloud answer, and its own devices live, until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	var tasks sync.WaitGroup
	var life error
	tasks.Go(func() { life = s.away.Run(ctx) })
	for _, d := range s.doors {
		tasks.Go(func() { _ = s.server.Serve(d.listener) }) // it ends with Close
	}
	<-ctx.Done()
	stop()
	err := s.Close()
	tasks.Wait()
	return errors.Join(err, life)
}

// Close takes the cloud off the network; calls that wait end without an answer.
func (s *Server) Close() error {
	var errs []error
	s.once.Do(func() {
		close(s.done)
		if s.server != nil {
			errs = append(errs, s.server.Close())
		}
		for _, d := range s.doors {
			if err := d.listener.Close(); !errors.Is(err, net.ErrClosed) {
				errs = append(errs, err)
			}
		}
		if s.away != nil {
			errs = append(errs, s.away.Close())
		}
	})
	return errors.Join(errs...)
}

// URLs are where the parts of the cloud answer, such as "http://127.0.0.1:4321".
type URLs struct {
	Account string            // stands for https://account.xiaomi.com
	STS     string            // stands for https://sts.api.io.mi.com
	API     map[string]string // by region: stand for https://<region>.api.io.mi.com
}

// URLs returns where the parts of the cloud answer. A request that names a host of
// Xiaomi's in its header Host is answered as that host at any of them.
func (s *Server) URLs() URLs {
	u := URLs{API: map[string]string{}}
	for i, d := range s.doors {
		at := "http://" + d.listener.Addr().String()
		if i == 0 {
			u.Account, u.STS = at, at
			continue
		}
		u.API[Regions()[i-1]] = at
	}
	return u
}

// now is the wall clock.
func (s *Server) now() time.Time {
	if s.world.Now == nil {
		return time.Now()
	}
	return s.world.Now()
}
