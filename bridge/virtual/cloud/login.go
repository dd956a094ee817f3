package cloud

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// The codes of the account.
const (
	codeUnknownUser = 20003
	codeWrongCode   = 70014
	codeLogin       = 70016 // not logged in, wrong password, or risk control
	codeTooMany     = 70022
	codeCaptcha     = 87001
	codeBadRequest  = 10017 // a parameter is missing
)

// pass is a passToken.
type pass struct{ who *person }

// session is a serviceToken.
type session struct {
	who       *person
	sid       string
	ssecurity string
	ended     bool
	softly    bool // tells so with code 0
}

// grant is a login that only needs its service token.
type grant struct {
	ticket    string
	who       *person
	sid       string
	ssecurity string
	nonce     int64 // 0 when the client is not told it
	passToken string
	used      bool
}

// callback is where the service token of a sid is fetched; "" for no such service.
func callback(sid string) string {
	switch sid {
	case "xiaomiio":
		return "https://" + stsHost + "/sts"
	case "mijia":
		return "https://api.mijia.tech/sts"
	case "micoapi":
		return "https://api2.mina.mi.com/sts"
	}
	return ""
}

// sign ties the first step of a login to the second.
func sign(sid, back string) string { return sum("virtual cloud", sid, back) }

// serviceLogin is the first step: it lets a passToken in, and tells everybody else
// how to go on.
func (s *Server) serviceLogin(v *visit) reply {
	sid := v.Form.Get("sid")
	back := callback(sid)
	if back == "" {
		return refused(codeBadRequest, "no such service")
	}
	if token := v.value("passToken"); token != "" {
		p := s.passes[token]
		if p != nil && !s.mood.Forgets && p.who.id() == v.value("userId") {
			return s.renew(v, p.who, sid, token)
		}
	}
	qs := url.QueryEscape("?" + v.URL.RawQuery)
	to := s.account(v) + "/fe/service/login?" + query("sid", sid, "qs", qs, "callback", back, "_sign", sign(sid, back), "serviceParam", serviceParam)
	return told(object{
		"code": codeLogin, "desc": "登录验证失败", "description": "登录验证失败", "result": "error",
		"qs": qs, "sid": sid, "_sign": sign(sid, back), "callback": back, "serviceParam": serviceParam,
		"location": to, "captchaUrl": nil, "pwd": 0, "securityStatus": 0,
	})
}

// serviceParam says that nobody needs to prove himself to the browser.
const serviceParam = `{"checkSafePhone":false,"checkSafeAddress":false,"lsrp_score":0.0}`

// renew lets somebody in by passToken.
func (s *Server) renew(v *visit, who *person, sid, token string) reply {
	if s.mood.Suspects {
		return s.demandCheck(v, who, sid)
	}
	if s.mood.Rotates {
		delete(s.passes, token)
		token = s.passFor(who)
	}
	told := s.admit(who, sid, token)
	answer := s.admission(v, told)
	if s.mood.Taciturn {
		delete(answer, "passToken")
	}
	return s.let(answer)
}

// Grant signs somebody in, by any of their names, and returns their passToken; ""
// when there is nobody of that name.
func (s *Server) Grant(user string) mi.Secret {
	s.mu.Lock()
	defer s.mu.Unlock()
	who := s.find(user)
	if who == nil {
		return ""
	}
	return mi.Secret(s.passFor(who))
}

// passFor makes a passToken.
func (s *Server) passFor(who *person) string {
	token := "V1:" + encode(s.secret(96, "pass", who.id()))
	s.passes[token] = &pass{who}
	return token
}

// admit makes a login that only needs its service token.
func (s *Server) admit(who *person, sid, passToken string) *grant {
	g := &grant{
		ticket: encode(s.bytes(24)), who: who, sid: sid, ssecurity: encode(s.secret(16, "ssecurity", who.id(), sid)),
		nonce: s.draw.Int64N(1<<62) | 1<<60, passToken: passToken,
	}
	room(s.grants)
	s.grants[g.ticket] = g
	return g
}

// admission is what a client is told that was let in.
func (s *Server) admission(v *visit, g *grant) object {
	return object{
		"code": 0, "desc": "成功", "description": "成功", "result": "ok", "securityStatus": 0, "notificationUrl": "", "captchaUrl": nil,
		"userId": g.who.ID, "cUserId": g.who.cUserID, "passToken": g.passToken, "ssecurity": g.ssecurity, "psecurity": encode(s.bytes(16)),
		"nonce": g.nonce, "location": s.location(v, g), "qs": url.QueryEscape("?sid=" + g.sid), "pwd": 1, "child": 0,
	}
}

// let sets the cookies that a browser keeps of a login.
func (s *Server) let(answer object) reply {
	r := told(answer)
	r.cookies = [][2]string{{"userId", strconv.FormatInt(answer["userId"].(int64), 10)}, {"cUserId", answer["cUserId"].(string)}}
	if token, ok := answer["passToken"].(string); ok {
		r.cookies = append(r.cookies, [2]string{"passToken", token})
	}
	return r
}

// location is where the service token of a grant is fetched, once.
func (s *Server) location(v *visit, g *grant) string {
	return s.sts(v, g.sid) + "?" + query("d", g.who.cUserID, "ticket", "0", "pwd", "1", "p_ts", strconv.FormatInt(v.now.UnixMilli(), 10),
		"auth", g.ticket, "m", "1", "nonce", strconv.FormatInt(g.nonce, 10), "_ssign", sum("virtual", g.ticket))
}

// passwordLogin is the second step with a password.
func (s *Server) passwordLogin(v *visit) reply {
	sid, back := v.Form.Get("sid"), v.Form.Get("callback")
	if callback(sid) == "" || back != callback(sid) || v.Form.Get("_sign") != sign(sid, back) || !strings.HasPrefix(v.Form.Get("qs"), "%3F") {
		return refused(codeBadRequest, "the first step is missing")
	}
	if s.mood.Captcha && !s.solved(v.value("ick"), v.Form.Get("captCode")) {
		return s.demandPicture()
	}
	who := s.find(v.Form.Get("user"))
	switch {
	case who == nil:
		return refused(codeUnknownUser, "user does not exist")
	case v.Form.Get("hash") != hashPassword(who.Password.Reveal()), s.mood.Distrust:
		return refused(codeLogin, "登录验证失败")
	}
	device := v.value("deviceId")
	if s.mood.Chore || s.mood.Identity || s.mood.Wary && !who.known[device] {
		return s.demandCheck(v, who, sid)
	}
	who.known[device] = true
	return s.let(s.admission(v, s.admit(who, sid, s.passFor(who))))
}

// demandPicture answers that the text of a picture is needed.
func (s *Server) demandPicture() reply {
	return told(object{
		"result": "error", "code": codeCaptcha, "desc": "", "description": "验证码错误", "location": "", "type": "captcha",
		"captchaUrl": "/pass/getCode?" + query("icodeType", "login", "r", s.word(6)),
	})
}

// solved checks the text of a picture. Each picture can be tried once.
func (s *Server) solved(ick, text string) bool {
	want, ok := s.captchas[ick]
	if !ok || ick == newest {
		return false
	}
	delete(s.captchas, ick)
	return text == want
}

// serviceToken is the last step: it gives the token that the API wants.
func (s *Server) serviceToken(v *visit) reply {
	g := s.grants[v.Form.Get("auth")]
	proof, sent := v.Form.Get("clientSign"), v.Form.Has("clientSign")
	switch {
	case g == nil || g.used || v.Form.Get("_ssign") != sum("virtual", g.ticket):
		return reply{status: http.StatusUnauthorized, kind: typeText, body: []byte("ticket is not valid")}
	case sent && proof != clientSign(g.nonce, g.ssecurity), !sent && g.sid == "micoapi":
		return reply{status: http.StatusUnauthorized, kind: typeText, body: []byte("clientSign is not valid")}
	}
	g.used = true
	token := encode(s.secret(120, "service token", g.who.id(), g.sid))
	s.sessions[token] = &session{who: g.who, sid: g.sid, ssecurity: g.ssecurity}
	return reply{kind: typeText, body: []byte("ok"), cookies: [][2]string{
		{"serviceToken", token}, {"userId", g.who.id()}, {"cUserId", g.who.cUserID}, {g.sid + "_slh", s.word(12)},
	}}
}
