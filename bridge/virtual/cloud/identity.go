package cloud

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// The ways to send a code.
const (
	byPhone = 4
	byEmail = 8
)

// check is an identity check that goes on.
type check struct {
	who     *person
	sid     string
	context string
	cookie  string // identity_session; "" before the list was asked for
	device  string
	code    string // that was sent; "" before
	passed  bool
	nagged  bool // was sent to the page about the phone number
}

// codesADay is how many codes somebody gets a day when the mood says nothing else.
const codesADay = 5

// demandCheck answers that somebody has to prove who he is.
func (s *Server) demandCheck(v *visit, who *person, sid string) reply {
	to := s.account(v)
	if s.mood.Relative {
		to = ""
	}
	if s.mood.Chore {
		to += "/fe/service/bindAppealOrSafePhone?" + query("userId", who.id(), "callback", callback(sid), "type", "BindAppealOrSafePhone")
	} else {
		c := &check{who: who, sid: sid, context: s.word(64), device: v.value("deviceId")}
		room(s.checks)
		s.checks[c.context] = c
		to += "/fe/service/identity/authStart?" + query("sid", sid, "context", c.context, "_locale", "en_US")
	}
	return told(object{
		"result": "ok", "code": 0, "desc": "成功", "description": "成功", "location": "", "captchaUrl": nil,
		"securityStatus": 16, "notificationUrl": to, "userId": who.ID, "qs": v.Form.Get("qs"), "pwd": 1,
	})
}

// serveIdentity answers the pages and calls of identity checks.
func (s *Server) serveIdentity(v *visit, post bool) reply {
	switch v.URL.Path {
	case "/identity/list", "/identity/authStart":
		return s.listWays(v)
	case "/identity/result/check":
		return s.checkResult(v)
	case "/fe/service/identity/authStart":
		return page("<h1>Identity check</h1><p>We send you a code.</p>")
	case "/fe/service/account/confirmPhone":
		return page("<h1>Is this still your phone number?</h1>")
	}
	if strings.HasPrefix(v.URL.Path, "/fe/") {
		return page("<h1>Virtual account</h1><p>Something has to be done here by hand.</p>")
	}
	c := s.checks[v.value("identity_session")]
	if c == nil || c.cookie != v.value("identity_session") {
		return refused(codeLogin, "the check is not known")
	}
	return s.proceed(v, c, post)
}

// listWays opens a check and tells how codes can be sent.
func (s *Server) listWays(v *visit) reply {
	c := s.checks[v.Form.Get("context")]
	if c == nil || c.cookie == v.Form.Get("context") {
		return refused(codeLogin, "the check is not known")
	}
	if c.cookie != "" {
		delete(s.checks, c.cookie)
	}
	c.cookie = "is/" + encode(s.bytes(31)) + "+=" // such characters do occur
	s.checks[c.cookie] = c
	r := told(object{"code": 2, "flag": c.who.ways()[0], "options": c.who.ways(), "result": "ok"})
	r.cookies = [][2]string{{"identity_session", c.cookie}}
	return r
}

func (p *person) ways() []int {
	if p.Phone == "" {
		return []int{byEmail}
	}
	return []int{byPhone, byEmail}
}

// proceed answers the calls of an open check.
func (s *Server) proceed(v *visit, c *check, post bool) reply {
	way, name, to := byPhone, "Phone", c.who.Phone
	if strings.HasSuffix(v.URL.Path, "Email") || strings.HasSuffix(v.URL.Path, "EmailTicket") {
		way, name, to = byEmail, "Email", c.who.Email
	}
	switch v.URL.Path {
	case "/identity/pass/sms/userQuota":
		return told(object{"code": 0, "result": "ok", "info": strconv.Itoa(s.codesLeft(c.who))})
	case "/identity/auth/sendPhoneTicket", "/identity/auth/sendEmailTicket":
		return s.sendCode(v, c, to)
	case "/identity/auth/verifyPhone", "/identity/auth/verifyEmail":
		switch {
		case v.Form.Get("_flag") != strconv.Itoa(way) || to == "":
			return refused(codeBadRequest, "_flag does not fit")
		case post:
			return s.tryCode(v, c)
		}
		return told(object{"code": 0, "result": "ok", "masked" + name: masked(to), "flag": way})
	}
	return missing()
}

// masked hides most of an address or number.
func masked(to string) string {
	name, host, _ := strings.Cut(to, "@")
	if host != "" {
		return name[:1] + "***" + name[len(name)-1:] + "@" + host
	}
	return to[:min(5, len(to))] + "******" + to[max(0, len(to)-2):]
}

func (s *Server) codesLeft(p *person) int {
	quota := s.mood.Quota
	if quota == 0 {
		quota = codesADay
	}
	return max(0, quota-s.sent[p.ID])
}

func (s *Server) sendCode(v *visit, c *check, to string) reply {
	switch {
	case to == "":
		return refused(codeBadRequest, "there is no number")
	case s.mood.SendCaptcha && !s.solved(v.value("ick"), v.Form.Get("icode")):
		return s.demandPicture()
	case s.codesLeft(c.who) == 0:
		return told(object{"result": "error", "code": codeTooMany, "desc": "too many codes", "tips": "You have had too many codes today. Try again tomorrow."})
	}
	c.code = fmt.Sprintf("%06d", s.draw.IntN(1_000_000))
	s.sent[c.who.ID]++
	s.mail = append(s.mail, Mail{To: to, Code: c.code})
	return told(object{"result": "ok", "code": 0, "vCodeLen": 6})
}

func (s *Server) tryCode(v *visit, c *check) reply {
	if c.code == "" || v.Form.Get("ticket") != c.code {
		return refused(codeWrongCode, "验证码错误")
	}
	c.passed, c.code = true, ""
	c.who.known[c.device] = true
	return told(object{"result": "ok", "code": 0, "location": s.account(v) + s.resultPath(c)})
}

func (s *Server) resultPath(c *check) string {
	return "/identity/result/check?" + query("sid", c.sid, "context", c.context, "userId", c.who.id(), "_ssign", sum("check", c.context))
}

// checkResult is the first hop after a code.
func (s *Server) checkResult(v *visit) reply {
	c := s.checks[v.Form.Get("context")]
	if c == nil || !c.passed || v.Form.Get("_ssign") != sum("check", c.context) {
		return refused(codeLogin, "the check is not known")
	}
	if s.mood.Nags && !c.nagged {
		c.nagged = true
		return moved(s.account(v) + "/fe/service/account/confirmPhone?" + query("skipUrl", s.account(v)+s.resultPath(c)))
	}
	return moved(s.account(v) + "/pass/serviceLoginAuth2/end?" + query("sid", c.sid, "context", c.context))
}

// endCheck is the hop with the secret in a header and the passToken in a cookie.
func (s *Server) endCheck(v *visit) reply {
	c := s.checks[v.Form.Get("context")]
	if c == nil || !c.passed {
		return refused(codeLogin, "the check is not known")
	}
	delete(s.checks, c.context)
	delete(s.checks, c.cookie)
	g := s.admit(c.who, c.sid, s.passFor(c.who))
	return reply{
		status: http.StatusFound,
		header: [][2]string{
			{"Location", s.location(v, g)},
			{"Extension-Pragma", string(marshal(object{"ssecurity": g.ssecurity, "psecurity": encode(s.bytes(16)), "nonce": g.nonce}))},
		},
		cookies: [][2]string{{"passToken", g.passToken}, {"userId", c.who.id()}, {"cUserId", c.who.cUserID}},
	}
}
