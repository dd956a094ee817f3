package cloud

import "strings"

// secret returns n bytes of what a login is made of: random ones, or with Lasting
// such as follow from the seed and from what they are about. It needs s.mu.
func (s *Server) secret(n int, about ...string) []byte {
	if !s.lasting {
		return s.bytes(n)
	}
	draw := s.world.Rand("cloud login " + strings.Join(about, " "))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(draw.Uint32())
	}
	return b
}

// rememberAll knows every login that a cloud of this seed may have granted.
func (s *Server) rememberAll() {
	for _, who := range s.people {
		s.passFor(who)
		for _, sid := range []string{"xiaomiio", "mijia"} {
			token := encode(s.secret(120, "service token", who.id(), sid))
			s.sessions[token] = &session{who: who, sid: sid, ssecurity: encode(s.secret(16, "ssecurity", who.id(), sid))}
		}
	}
}
