package cloud

import (
	"slices"
	"time"
)

// Mood is how the cloud treats everybody from now on. The zero Mood is a friendly
// cloud: password, QR code and passToken let people in, every call is answered.
type Mood struct {
	// Captcha demands the text of a picture with every password.
	Captcha bool
	// Identity demands a code by e-mail or text message after every password.
	Identity bool
	// Wary demands that code only of a device id that it has not let in before.
	Wary bool
	// SendCaptcha demands the text of a picture before a code is sent.
	SendCaptcha bool
	// Quota is how many codes it sends; 0 is 5. Refill starts the count again.
	Quota int
	// Relative leaves the host out of the address of the identity check.
	Relative bool
	// Nags puts a page to confirm the phone number into the way after the code.
	Nags bool
	// Chore demands that something be done in a browser first.
	Chore bool
	// Suspects demands the same of who comes with a passToken.
	Suspects bool
	// Distrust refuses right passwords too (70016), as its risk control does.
	Distrust bool
	// Forgets refuses every passToken (70016).
	Forgets bool
	// Taciturn leaves the passToken out of the answer when one is used.
	Taciturn bool
	// Rotates gives a new passToken when one is used; the old one ends.
	Rotates bool
	// ScanLife is how long a QR code lives; 0 is five minutes.
	ScanLife time.Duration
	// Vague says of what was written only that it was accepted (code 1).
	Vague bool
	// OtherHash takes hashes and signatures over something else than clients do.
	OtherHash bool
	// Account is the weather of the account's hosts, API that of the regions.
	Account, API Weather
	// Down lists hosts that end every connection without an answer: regions ("de"),
	// "account", "sts".
	Down []string
}

// Weather is what is wrong with a host. The zero Weather is fine.
type Weather struct {
	Slow    time.Duration // before each answer
	Status  int           // HTTP status instead of an answer, such as 500, 503 or 426
	HTML    bool          // a page instead of JSON, with status 200
	Lies    bool          // JSON of another shape
	Cut     bool          // half of the answer, then the end of the connection
	Limited bool          // too many requests: code 20024, or HTTP 429 of the API
	Expired bool          // API only: 401 to every call
	Stale   bool          // API only: code 0 with SERVICETOKEN_EXPIRED and no result
}

// Change sets how the cloud treats everybody from now on; the zero Mood is friendly.
func (s *Server) Change(m Mood) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.Down = slices.Clone(m.Down)
	s.mood = m
}

// Mood returns how the cloud treats everybody.
func (s *Server) Mood() Mood {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.mood
	m.Down = slices.Clone(m.Down)
	return m
}

// Expire ends every service token: the API answers 401 to them, or, softly, code 0
// with SERVICETOKEN_EXPIRED.
func (s *Server) Expire(softly bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.sessions {
		one.ended, one.softly = true, softly
	}
}

// Forget ends every passToken, as another password does.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.passes)
}

// Refill lets a new day begin for the quota of codes.
func (s *Server) Refill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.sent)
}

// Request is one request that came in.
type Request struct {
	At     time.Time
	Host   string // as Xiaomi calls it: "account.xiaomi.com", "de.api.io.mi.com"
	Path   string // without "/app", parameters and did: "/miotspec/prop/get"
	Device string // device id of an account request; "" when none was sent
	Size   int    // properties in it, for a call that reads or writes some
}

// maxRequests are remembered at most.
const maxRequests = 1 << 16

// Requests returns what came in, oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Request, len(s.requests))
	for i, r := range s.requests {
		all[i] = *r
	}
	return all
}

// Counts returns how many requests came in, by Path.
func (s *Server) Counts() map[string]int {
	counts := map[string]int{}
	for _, r := range s.Requests() {
		counts[r.Path]++
	}
	return counts
}

// note takes a request down. It needs s.mu.
func (s *Server) note(r *Request) {
	if len(s.requests) >= maxRequests {
		s.requests = append(s.requests[:0], s.requests[maxRequests/2:]...)
	}
	s.requests = append(s.requests, r)
}
