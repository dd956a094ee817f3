package account_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/account"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/cloud"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/miio"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/world"
)

// town is the virtual cloud, written by somebody else from the same reference, with
// an account client beside it.
type town struct {
	*account.Manager
	t     *testing.T
	cloud *cloud.Server
	opt   account.Options
	log   *bytes.Buffer
	stop  func()
}

func inTown(t *testing.T, mood cloud.Mood, test func(*testing.T, *town)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		here := world.NewNet(7).Machine(world.Topology{Prefix: netip.MustParsePrefix("10.1.0.1/16")})
		w := mi.World{Net: here, Now: time.Now, Seed: 7, Disk: world.NewDisk(7)}
		home, err := miio.New(w, miio.Options{Models: []string{"cuco.plug.cp5pro", "yeelink.light.color5"}, Still: true})
		if err != nil {
			t.Fatal(err)
		}
		server, err := cloud.New(w, cloud.Options{Home: home, Away: miio.Options{Still: true}})
		if err != nil {
			t.Fatal(err)
		}
		server.Change(mood)
		ctx, end := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- server.Run(ctx) }()
		s := &town{t: t, cloud: server, log: &bytes.Buffer{}}
		s.opt = account.Options{World: w, Hosts: account.Hosts(server.URLs()), Log: zerolog.New(zerolog.SyncWriter(s.log)).Level(zerolog.TraceLevel)}
		s.start()
		test(t, s)
		s.stop()
		s.clean()
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		home.Close()
	})
}

func (s *town) start() {
	s.t.Helper()
	m, err := account.New(s.opt)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Manager = m
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	s.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Error(err)
		}
	}
	synctest.Wait()
}

// clean searches the log for every secret of the cloud, in the forms that they take.
func (s *town) clean() {
	s.t.Helper()
	log := s.log.String()
	for _, secret := range s.cloud.Secrets() {
		text := secret.Reveal()
		quoted, _ := json.Marshal(text)
		for _, form := range []string{text, url.QueryEscape(text), url.PathEscape(text), base64.StdEncoding.EncodeToString([]byte(text)), string(quoted[1 : len(quoted)-1])} {
			if strings.Contains(log, form) {
				s.t.Errorf("the log has a secret: %s", form)
			}
		}
	}
}

// at waits until the sign-in is at a step.
func (s *town) at(step account.Step, err error, kind account.Kind) account.Step {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
	for range 300 {
		if step.Kind == kind || step.Kind == account.Failed {
			break
		}
		time.Sleep(time.Second)
		synctest.Wait()
		step = s.Login()
	}
	if step.Kind != kind {
		s.t.Fatalf("step %q (%s, %v), want %q\n%s", step.Kind, step.Text, step.Err, kind, s.log)
	}
	return step
}

// whole checks that everything of Anna's is there.
func (s *town) whole() {
	s.t.Helper()
	s.at(s.Login(), nil, account.Done)
	synctest.Wait()
	want := map[string]cloud.Listing{}
	for _, l := range s.cloud.Listings() {
		want[l.DID] = l
	}
	known := s.Known()
	if len(known.Devices) != len(want) {
		s.t.Errorf("%d devices, want %d", len(known.Devices), len(want))
	}
	for _, d := range known.Devices {
		l := want[d.DID]
		if d.Shared { // the keys of others' devices are not given away
			l.Token = ""
		}
		if d.Token != l.Token || d.BeaconKey != l.Beacon || d.Name != l.Name || d.Room != l.Room || d.Region != l.Region || d.HomeName != l.House {
			s.t.Errorf("device %+v, want %+v", d, l)
		}
	}
	if len(known.Homes) != 3 || len(known.Scenes) == 0 {
		s.t.Errorf("homes %+v, scenes %+v", known.Homes, known.Scenes)
	}
	if st := s.Accounts(); len(st) != 1 || st[0].Condition != account.OK {
		s.t.Errorf("accounts %+v", st)
	}
}

func TestTownByQRCode(t *testing.T) {
	inTown(t, cloud.Mood{}, func(t *testing.T, s *town) {
		step, err := s.StartQR(t.Context())
		step = s.at(step, err, account.QRWaiting)
		ticket := s.cloud.Scans()[0]
		if !strings.Contains(step.LoginURL.Reveal(), ticket) {
			t.Errorf("link %s", step.LoginURL.Reveal())
		}
		time.Sleep(90 * time.Second)
		if err := s.cloud.Confirm(ticket, ""); err != nil {
			t.Fatal(err)
		}
		s.whole()
	})
}

func TestTownByQRCodeThatExpiresAndIsRefused(t *testing.T) {
	inTown(t, cloud.Mood{ScanLife: time.Minute}, func(t *testing.T, s *town) {
		step, err := s.StartQR(t.Context())
		s.at(step, err, account.QRWaiting)
		time.Sleep(64 * time.Second)
		synctest.Wait()
		if step := s.Login(); step.Kind != account.QRWaiting || step.Codes != 2 {
			t.Fatalf("step %+v", step)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if err := s.cloud.Deny(s.cloud.Scans()[0]); err != nil {
			t.Fatal(err)
		}
		s.at(s.Login(), nil, account.Failed)
	})
}

func TestTownByPassword(t *testing.T) {
	for name, mood := range map[string]cloud.Mood{
		"plain": {}, "relative": {Identity: true, Relative: true}, "code": {Identity: true}, "nags": {Identity: true, Nags: true},
		"picture": {Captcha: true}, "all": {Captcha: true, Identity: true, SendCaptcha: true, Nags: true},
	} {
		t.Run(name, func(t *testing.T) {
			inTown(t, mood, func(t *testing.T, s *town) {
				step, err := s.StartPassword(t.Context(), cloud.User, cloud.Password)
				s.through(step, err, mood)
				s.whole()
				if got := s.Accounts()[0].Label; got != "an…@example.com" {
					t.Errorf("label %s", got)
				}
			})
		})
	}
}

// through answers whatever the cloud asks, each time wrongly first, and starts anew
// in the middle.
func (s *town) through(step account.Step, err error, mood cloud.Mood) {
	s.t.Helper()
	ctx := s.t.Context()
	if mood.Captcha {
		s.at(step, err, account.Captcha)
		step, err = s.AnswerCaptcha(ctx, "wrong", "")
		s.at(step, err, account.Captcha)
		s.stop()
		s.start()
		step, err = s.AnswerCaptcha(ctx, s.cloud.Captcha(), cloud.Password)
	}
	if !mood.Identity {
		return
	}
	if step = s.at(step, err, account.CodeChoice); len(step.Targets) != 2 || step.Targets[0].Masked == "" {
		s.t.Errorf("targets %+v", step.Targets)
	}
	step, err = s.SendCode(ctx, "email")
	if mood.SendCaptcha {
		s.at(step, err, account.Captcha)
		step, err = s.AnswerCaptcha(ctx, s.cloud.Captcha(), "")
	}
	if step = s.at(step, err, account.Code); step.CodesLeft != 4 {
		s.t.Errorf("%d codes left", step.CodesLeft)
	}
	step, err = s.AnswerCode(ctx, "000000x")
	if step = s.at(step, err, account.Code); !errors.Is(step.Err, account.ErrWrongCode) {
		s.t.Errorf("step %+v", step)
	}
	s.stop()
	s.start()
	mails := s.cloud.Mails()
	if len(mails) != 1 || mails[0].To != cloud.User {
		s.t.Fatalf("mails %+v", mails)
	}
	if step, err = s.AnswerCode(ctx, mails[0].Code); err != nil || step.Kind == account.Failed {
		s.t.Fatalf("step %+v, %v\n%s", step, err, s.log)
	}
}

func TestTownRefusals(t *testing.T) {
	for name, tc := range map[string]struct {
		mood     cloud.Mood
		password mi.Secret
		kind     account.Kind
		err      error
	}{
		"wrong password": {cloud.Mood{}, "no", account.Failed, account.ErrRiskControl},
		"distrust":       {cloud.Mood{Distrust: true}, cloud.Password, account.Failed, account.ErrRiskControl},
		"page":           {cloud.Mood{Account: cloud.Weather{HTML: true}}, cloud.Password, account.Failed, account.ErrHTML},
		"lies":           {cloud.Mood{Account: cloud.Weather{Lies: true}}, cloud.Password, account.Failed, mi.ErrProtocol},
		"cut":            {cloud.Mood{Account: cloud.Weather{Cut: true}}, cloud.Password, account.Failed, account.ErrFault},
		"slow":           {cloud.Mood{Account: cloud.Weather{Slow: time.Minute}}, cloud.Password, account.Failed, mi.ErrTimeout},
		"limited":        {cloud.Mood{Account: cloud.Weather{Limited: true}}, cloud.Password, account.Failed, account.ErrLimited},
		"426":            {cloud.Mood{Account: cloud.Weather{Status: 426}}, cloud.Password, account.Failed, account.ErrTooOld},
		"down":           {cloud.Mood{Down: []string{"account"}}, cloud.Password, account.Failed, account.ErrFault},
		"chore":          {cloud.Mood{Chore: true}, cloud.Password, account.Browser, nil},
	} {
		t.Run(name, func(t *testing.T) {
			inTown(t, tc.mood, func(t *testing.T, s *town) {
				step, err := s.StartPassword(t.Context(), cloud.User, tc.password)
				step = s.at(step, err, tc.kind)
				if !errors.Is(step.Err, tc.err) || step.Text == "" {
					t.Errorf("step %+v, want %v", step, tc.err)
				}
			})
		})
	}
}

func TestTownAfterAChoreInTheBrowser(t *testing.T) {
	inTown(t, cloud.Mood{Chore: true}, func(t *testing.T, s *town) {
		step, err := s.StartPassword(t.Context(), cloud.User, cloud.Password)
		step = s.at(step, err, account.Browser)
		s.cloud.Change(cloud.Mood{}) // it was done
		step, err = s.AnswerBrowser(t.Context(), step.BrowserURL.Reveal())
		if err != nil || step.Kind == account.Failed {
			t.Fatalf("step %+v, %v", step, err)
		}
		s.whole()
	})
}

func TestTownRenewal(t *testing.T) {
	for name, mood := range map[string]cloud.Mood{"says it": {}, "says nothing": {Taciturn: true}, "rotates": {Rotates: true}} {
		t.Run(name, func(t *testing.T) {
			inTown(t, cloud.Mood{}, func(t *testing.T, s *town) {
				step, err := s.StartPassword(t.Context(), cloud.User, cloud.Password)
				s.at(step, err, account.Done)
				s.cloud.Change(mood)
				for i := range 4 {
					s.cloud.Expire(i%2 == 0)
					time.Sleep(20 * time.Minute)
					if err := s.probe(); err != nil {
						t.Fatalf("renewal %d: %v\n%s", i, err, s.log)
					}
					s.stop()
					s.start()
				}
				s.cloud.Forget()
				s.cloud.Expire(false)
				time.Sleep(20 * time.Minute)
				if err := s.probe(); !errors.Is(err, account.ErrAuthExpired) || s.Accounts()[0].Condition != account.LoginNeeded {
					t.Errorf("%v, %+v", err, s.Accounts())
				}
			})
		})
	}
}

func (s *town) probe() error {
	id := s.Accounts()[0].ID
	_, err := s.Call(s.t.Context(), id, "de", "/v2/message/v2/check_new_msg", map[string]int64{"begin_at": time.Now().Unix()})
	return err
}

// TestTownSeesOneDevice checks that all account requests name the same device id,
// over restarts and sign-ins.
func TestTownSeesOneDevice(t *testing.T) {
	inTown(t, cloud.Mood{Wary: true}, func(t *testing.T, s *town) {
		for range 2 {
			step, err := s.StartPassword(t.Context(), cloud.User, cloud.Password)
			if step.Kind == account.CodeChoice {
				s.through(step, err, cloud.Mood{Identity: true})
			}
			s.at(s.Login(), nil, account.Done)
			s.stop()
			s.start()
		}
		ids := map[string]int{}
		for _, r := range s.cloud.Requests() {
			if r.Host == "account.xiaomi.com" && r.Path != "/scan" {
				ids[r.Device]++
			}
		}
		if len(ids) != 1 || ids[""] != 0 {
			t.Errorf("device ids %v", ids)
		}
		if n := len(s.cloud.Mails()); n != 1 {
			t.Errorf("%d codes", n)
		}
	})
}

func TestTownDoesThings(t *testing.T) {
	inTown(t, cloud.Mood{}, func(t *testing.T, s *town) {
		step, err := s.StartPassword(t.Context(), cloud.User, cloud.Password)
		s.at(step, err, account.Done)
		scene := s.Known().Scenes[slices.IndexFunc(s.Known().Scenes, func(x account.Scene) bool { return x.Name == "Good night" })]
		if err := s.RunScene(t.Context(), scene); err != nil || !slices.Contains(s.cloud.Ran(), scene.ID) && len(s.cloud.Ran()) != 1 {
			t.Errorf("%v, ran %v", err, s.cloud.Ran())
		}
		keys, err := s.RemoteKeys(t.Context(), cloud.RemoteDID)
		if err != nil || len(keys) != 6 {
			t.Fatalf("keys %+v, %v", keys, err)
		}
		if err := s.PressRemote(t.Context(), cloud.RemoteDID, keys[0].ID); err != nil || len(s.cloud.Pressed()) != 1 {
			t.Errorf("%v, pressed %v", err, s.cloud.Pressed())
		}
		remotes, err := s.Remotes(t.Context(), cloud.BlasterDID)
		if err != nil || len(remotes) != 2 {
			t.Errorf("remotes %v, %v", remotes, err)
		}
		past, err := s.History(t.Context(), cloud.MotionDID, "event", "15", time.Now().Add(-24*time.Hour), time.Now(), 5)
		if err != nil || len(past) != 3 || past[0].Value != mi.Text("58020000") {
			t.Errorf("history %+v, %v", past, err)
		}
	})
}

func TestTownStatistics(t *testing.T) {
	inTown(t, cloud.Mood{}, func(t *testing.T, s *town) {
		step, err := s.StartPassword(t.Context(), cloud.User, cloud.Password)
		s.at(step, err, account.Done)
		did := ""
		for _, d := range s.Known().Devices {
			if d.Model == "cuco.plug.cp5pro" {
				did = d.DID
			}
		}
		got, err := s.Statistics(t.Context(), did, "11.1", account.Day, time.Now().Add(-72*time.Hour), time.Now())
		if err != nil || len(got) == 0 || !got[0].At.Before(time.Now()) {
			t.Errorf("statistics %+v, %v", got, err)
		}
	})
}
