//go:build browser

package bridge_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/account"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/host"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/spec"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/cloud"
)

// desk is somebody with a browser in front of a bridge whose cloud is virtual.
type desk struct {
	*testing.T
	ctx  context.Context
	root string
	sky  *cloud.Server
	seen strings.Builder // every page's source
}

func newDesk(t *testing.T) *desk {
	program := os.Getenv("CHROMIUM")
	if program == "" {
		t.Skip("CHROMIUM names no browser")
	}
	w := mi.World{Net: host.Network(), Now: time.Now, Seed: 3}
	home, err := virtual.New(w, virtual.Options{Models: []string{"cuco.plug.cp5pro", "yeelink.light.color5"}})
	if err != nil {
		t.Fatal(err)
	}
	sky, err := cloud.New(w, cloud.Options{Home: home, Away: virtual.Options{Still: true}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	c, err := config.Load([]string{config.Prefix + "WEB_LISTEN=" + address, config.Prefix + "BROKER_LISTEN=127.0.0.1:0"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	u := sky.URLs()
	w.Disk = virtual.NewDisk(3)
	b, err := bridge.New(bridge.Options{
		Config: c, World: w, Log: zerolog.Nop(), Version: "1.0.0", Alone: true, Random: rand.NewChaCha8([32]byte{}),
		Sources: []spec.Source{spec.NewFolder(virtual.Specs()), spec.NewFolder(cloud.Specs())}, Cloud: account.Hosts{Account: u.Account, STS: u.STS, API: u.API},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 3)
	for _, run := range []func(context.Context) error{home.Run, sky.Run, b.Run} {
		go func() { ended <- run(ctx) }()
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.Flag("lang", "en"))
	browser, leave := chromedp.NewExecAllocator(t.Context(), opts...)
	browser, shut := chromedp.NewContext(browser)
	t.Cleanup(func() {
		shut()
		leave()
		stop()
		for range 3 {
			if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
	})
	return &desk{T: t, ctx: browser, root: "http://" + address + "/", sky: sky}
}

// do does something in the browser within a minute.
func (d *desk) do(what string, actions ...chromedp.Action) {
	d.Helper()
	ctx, cancel := context.WithTimeout(d.ctx, time.Minute)
	defer cancel()
	var page string
	err := chromedp.Run(ctx, append(actions, chromedp.OuterHTML("html", &page))...)
	d.seen.WriteString(page)
	if err != nil {
		d.shot("failed")
		d.Fatalf("%s: %v", what, err)
	}
}

// holds waits until an expression is true. A page that goes away meanwhile is no
// reason to give up.
func holds(expression string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		again := time.NewTicker(100 * time.Millisecond)
		defer again.Stop()
		for {
			var yes bool
			if chromedp.Evaluate(expression, &yes).Do(ctx) == nil && yes {
				return nil
			}
			select {
			case <-again.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
}

// says waits until the page says something.
func says(text string) chromedp.Action {
	return holds("!!document.querySelector('main') && document.querySelector('main').innerText.includes(`" + text + "`)")
}

// press presses the button or link that says something.
func press(text string) chromedp.Action {
	return chromedp.Click(`//main//*[self::a or self::button or self::summary][contains(., "`+text+`")]`, chromedp.BySearch)
}

func (d *desk) shot(name string) {
	dir := os.Getenv("SHOTS")
	if dir == "" {
		return
	}
	var png []byte
	if err := chromedp.Run(d.ctx, chromedp.EmulateViewport(1280, 800), chromedp.FullScreenshot(&png, 100)); err == nil {
		err = os.WriteFile(filepath.Join(dir, "signin-"+name+".png"), png, 0o600)
		if err != nil {
			d.Error(err)
		}
	}
}

func TestEverySignInInABrowser(t *testing.T) {
	d := newDesk(t)
	up := chromedp.Navigate(d.root)
	for range 50 { // the bridge may need a moment
		if err := chromedp.Run(d.ctx, up); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	d.do("first run", up, says("Three steps"), press("Sign in with Xiaomi"), says("Sign in with one scan"))

	d.do("wrong password", press("Password, with a code"), chromedp.SendKeys("#user", cloud.User), chromedp.SendKeys("#password", "not the password"), chromedp.Submit("#password"),
		says("the password is not right"))
	d.shot("wrong")

	var link string
	d.do("QR code", chromedp.Click(`//main//button[contains(., "QR code") or contains(., "New code")]`, chromedp.BySearch), says("Waiting for your phone"),
		chromedp.WaitVisible(".qr svg path", chromedp.ByQuery), chromedp.AttributeValue(`//a[contains(., "Open in this browser")]`, "href", &link, nil, chromedp.BySearch))
	d.shot("qr")
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.sky.Confirm(u.Query().Get("ticket"), cloud.User); err != nil {
		t.Fatalf("%s: %v", link, err)
	}
	d.do("confirmed", says("See my devices"))
	d.shot("done")
	d.do("devices", press("See my devices"), says("Devices"), holds(`document.querySelectorAll("tr[data-did]").length > 2`))

	d.do("sign out", chromedp.Navigate(d.root+"login"), press("Sign out"), holds(`!document.body.innerText.includes("Signed in")`))
	d.sky.Change(cloud.Mood{Captcha: true, Identity: true})
	d.do("password", chromedp.Navigate(d.root+"login"), says("Sign in with one scan"),
		press("Password, with a code"), chromedp.SendKeys("#user", cloud.User), chromedp.SendKeys("#password", cloud.Password.Reveal()), chromedp.Submit("#password"),
		says("Characters in"))
	d.shot("captcha")
	d.do("wrong characters", chromedp.SendKeys("#text", "xxxx"), chromedp.Submit("#text"), says("tries left"))
	d.do("characters", chromedp.SendKeys("#text", d.sky.Captcha()), chromedp.Submit("#text"), says("Xiaomi sends a code"))
	d.shot("choice")
	d.do("choice", chromedp.Click(`#step form button`, chromedp.ByQuery), says("Sent to"))
	d.do("wrong code", chromedp.SendKeys("#text", "000000"), chromedp.Submit("#text"), says("not right"))
	d.shot("code")
	mails := d.sky.Mails()
	d.do("code", chromedp.SendKeys("#text", mails[len(mails)-1].Code), chromedp.Submit("#text"), says("See my devices"))

	for _, page := range []string{"", "devices", "problems", "logs", "settings", "about/report", "api/v1/accounts", "api/v1/login", "metrics"} {
		d.do(page, chromedp.Navigate(d.root+page))
	}
	for _, secret := range d.sky.Secrets() {
		for _, form := range []string{secret.Reveal(), url.QueryEscape(secret.Reveal())} {
			if len(form) > 5 && strings.Contains(d.seen.String(), form) {
				t.Errorf("a page holds the secret %.6s…", form)
			}
		}
	}
}
