package cloud

import (
	"strconv"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Anna's login. She owns the home in "de" and the one in "cn".
const (
	User     = "anna@example.com"
	Password = mi.Secret("Virtual cloud 7!")
)

// The user ids of the people of an unfurnished cloud; Anna's does not fit into 32
// bits.
const (
	AnnaID int64 = 6_012_345_678
	OttoID int64 = 2_087_654_321
)

// Person has an account. Who logs in may give the e-mail, the phone or the id.
type Person struct {
	ID       int64
	Email    string
	Phone    string // "" for an account without
	Name     string
	Password mi.Secret
}

// person is an account with what the cloud made up for it.
type person struct {
	Person
	cUserID string
	known   map[string]bool // device ids that were let in
}

// settle fills the list of accounts.
func (s *Server) settle(people []Person) {
	if len(people) == 0 {
		people = []Person{
			{ID: AnnaID, Email: User, Phone: "+4915112345678", Name: "Anna", Password: Password},
			{ID: OttoID, Email: "otto@example.com", Name: "Otto", Password: "Otto's cloud 8!"},
		}
	}
	for _, p := range people {
		s.people = append(s.people, &person{Person: p, cUserID: s.word(20), known: map[string]bool{}})
	}
}

// find returns who has that name in a login, or nil.
func (s *Server) find(user string) *person {
	for _, p := range s.people {
		if user != "" && (user == p.Email || user == p.Phone || user == p.id()) {
			return p
		}
	}
	return nil
}

func (p *person) id() string { return strconv.FormatInt(p.ID, 10) }

// bytes draws n random bytes. It needs s.mu.
func (s *Server) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(s.draw.Uint32())
	}
	return b
}

// most is how much is remembered of each kind of thing that never ends by itself.
const most = 1 << 12

// room forgets everything once it has become too much.
func room[V any](m map[string]V) {
	if len(m) >= most {
		clear(m)
	}
}

// word draws n characters that no encoding changes. It needs s.mu.
func (s *Server) word(n int) string {
	const letters = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
	b := s.bytes(n)
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return string(b)
}

// Mail is a code that was sent to somebody.
type Mail struct {
	To   string // the whole address or number
	Code string
}

// Mails returns the codes that were sent, oldest first.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mail...)
}

// Captcha returns the text of the newest picture, "" when none was shown.
func (s *Server) Captcha() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.captchas[newest]
}

// newest is the key of the picture that was shown last.
const newest = ""

// Secrets returns everything that must show up nowhere: passwords, tokens, keys.
func (s *Server) Secrets() []mi.Secret {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []mi.Secret
	add := func(text string) {
		if text != "" {
			all = append(all, mi.Secret(text))
		}
	}
	for _, p := range s.people {
		add(p.Password.Reveal())
		add(hashPassword(p.Password.Reveal()))
	}
	for token := range s.passes {
		add(token)
	}
	for token, one := range s.sessions {
		add(token)
		add(one.ssecurity)
	}
	for _, g := range s.grants {
		add(g.ssecurity)
		add(g.ticket)
	}
	for _, t := range s.things {
		add(t.who().Token.Reveal())
		add(t.beacon)
	}
	return all
}
