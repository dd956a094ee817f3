package account

import (
	"context"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// flowLives is how long a sign-in that was not ended is taken up again.
const flowLives = 30 * time.Minute

// keptFlow is a sign-in in the data folder. The password is not in it.
type keptFlow struct {
	At         time.Time `json:"at"`
	Method     string    `json:"method"`
	Kind       Kind      `json:"kind"`
	Text       string    `json:"text"`
	Cookies    []cookie  `json:"cookies"`
	User       string    `json:"user"`
	Begun      keptBegun `json:"begun"`
	Captcha    string    `json:"captcha,omitempty"`
	LongPoll   string    `json:"long_poll,omitempty"`
	Identity   string    `json:"identity,omitempty"`
	LoginURL   string    `json:"login_url,omitempty"`
	BrowserURL string    `json:"browser_url,omitempty"`
	Expires    time.Time `json:"expires,omitzero"`
	Codes      int       `json:"codes,omitempty"`
	Picture    []byte    `json:"picture,omitempty"`
	PicType    string    `json:"picture_type,omitempty"`
	Targets    []Target  `json:"targets,omitempty"`
	Target     Target    `json:"target"`
	SentAt     time.Time `json:"sent_at,omitzero"`
	AgainAt    time.Time `json:"again_at,omitzero"`
	CodesLeft  int       `json:"codes_left"`
	TriesLeft  int       `json:"tries_left"`
}

// keptBegun is what the second step repeats of the first.
type keptBegun struct{ QS, SID, Sign, Callback, ServiceParam string }

func (k keptBegun) answer() answer {
	return answer{QS: k.QS, SID: k.SID, Sign: k.Sign, Callback: k.Callback, ServiceParam: k.ServiceParam}
}

// resumable are the steps that a restart takes up again.
var resumable = map[Kind]bool{QRWaiting: true, QRScanned: true, Captcha: true, CodeChoice: true, Code: true, Browser: true}

func (m *Manager) saveFlow(f *flow) {
	s := m.shown(f)
	if !resumable[s.Kind] {
		m.vault.remove(loginFile)
		return
	}
	b := f.begun
	m.vault.save(loginFile, keptFlow{
		At: m.opt.World.Now(), Method: s.Method, Kind: s.Kind, Text: s.Text, Cookies: f.jar.kept(), User: f.user,
		Begun:   keptBegun{b.QS, b.SID, b.Sign, b.Callback, b.ServiceParam},
		Captcha: f.captcha, LongPoll: f.longPoll, Identity: f.identity,
		LoginURL: s.LoginURL.Reveal(), BrowserURL: s.BrowserURL.Reveal(), Expires: s.Expires, Codes: s.Codes,
		Picture: s.Picture, PicType: s.PictureType, Targets: s.Targets, Target: s.Target,
		SentAt: s.SentAt, AgainAt: s.AgainAt, CodesLeft: s.CodesLeft, TriesLeft: s.TriesLeft,
	})
}

// loadFlow takes up a sign-in that a restart cut off.
func (m *Manager) loadFlow() {
	var k keptFlow
	if m.vault.load(loginFile, &k) != nil {
		return
	}
	if !resumable[k.Kind] || m.opt.World.Now().Sub(k.At).Abs() > flowLives {
		m.vault.remove(loginFile)
		return
	}
	m.learn(k.LoginURL, k.BrowserURL, k.LongPoll, k.Identity)
	f := m.begun(k)
	f.step = Step{
		Kind: k.Kind, Method: k.Method, Text: k.Text,
		LoginURL: mi.Secret(k.LoginURL), Expires: k.Expires, Codes: k.Codes,
		Picture: k.Picture, PictureType: k.PicType, NeedPassword: k.Kind == Captcha && k.Identity == "",
		Targets: k.Targets, Target: k.Target, SentAt: k.SentAt, AgainAt: k.AgainAt, CodesLeft: k.CodesLeft, TriesLeft: k.TriesLeft,
		BrowserURL: mi.Secret(k.BrowserURL),
	}
	m.flow, m.kept = f, f
}

func (m *Manager) begun(k keptFlow) *flow {
	f := &flow{jar: m.newJar(), user: k.User, begun: k.Begun.answer(), captcha: k.Captcha, longPoll: k.LongPoll, identity: k.Identity}
	f.gone, f.drop = context.WithCancel(context.Background())
	for _, c := range k.Cookies {
		f.jar.put(c)
	}
	return f
}

// resume goes on with what a kept sign-in does by itself, unless somebody has begun
// another one meanwhile.
func (m *Manager) resume(ctx context.Context) {
	m.mu.Lock()
	f, current := m.kept, m.flow
	m.mu.Unlock()
	if f != nil && f == current && f.longPoll != "" {
		m.working.Go(func() { m.poll(ctx, f) })
	}
}
