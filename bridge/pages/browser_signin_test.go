//go:build browser

package pages_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/cloud"
)

var direct = way{name: "direct"}

// confirm plays the phone that scans the newest code.
func (d *desk) confirm(user string) {
	d.Helper()
	d.until("a code waits for a phone", func() bool {
		waiting := d.sky.Scans()
		return len(waiting) > 0 && d.sky.Confirm(waiting[len(waiting)-1], user) == nil
	})
}

// code is the page with the QR code, as a link and as a picture.
const code = `!!document.querySelector(".qr svg path") && !!document.querySelector("#link")`

// signIn goes through the whole sign-in by QR code.
func (d *desk) signIn(user string) {
	d.Helper()
	d.do("login page", d.page("login"), chromedp.Click(`//main//button[contains(., "QR code") or contains(., "New code")]`, chromedp.BySearch), says("Waiting for your phone"), holds(code))
	d.confirm(user)
	d.do("confirmed", says("Done."))
}

// typed fills fields and sends the form of the last one.
func typed(pairs ...string) chromedp.Action {
	var all chromedp.Tasks
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, chromedp.SendKeys(pairs[i], pairs[i+1], chromedp.ByQuery))
	}
	return append(all, chromedp.Submit(pairs[len(pairs)-2], chromedp.ByQuery))
}

// password opens the form and sends a password.
func (d *desk) password(password string) chromedp.Action {
	return chromedp.Tasks{
		d.page("login"), chromedp.Evaluate(`document.querySelectorAll("details").forEach(d => d.open = true)`, nil), typed("#user", cloud.User, "#password", password),
	}
}

func TestBrowserSignsInByPasswordPictureAndCode(t *testing.T) {
	t.Parallel()
	d := newDesk(t, direct)
	d.sky.Change(cloud.Mood{Captcha: true, Identity: true})
	d.do("password", d.password(cloud.Password.Reveal()), says("Characters in"))
	d.shot("captcha")
	d.do("wrong characters", typed("#text", "xxxx"), says("tries left"))
	d.do("characters", typed("#text", d.sky.Captcha()), says("Xiaomi sends a code"))
	d.shot("choice")
	d.do("choice", chromedp.Click(`#step form button`, chromedp.ByQuery), says("Sent to"))
	d.do("wrong code", typed("#text", "000000"), says("not right"))
	d.shot("code")
	d.do("loaded again", chromedp.Reload(), says("The code from Xiaomi"), says("2 tries left"))
	mails := d.sky.Mails()
	d.do("code", typed("#text", mails[len(mails)-1].Code), says("See my devices"))
	d.do("devices", press("See my devices"), says("Devices"), holds(`document.querySelectorAll("tr[data-did]").length > 2`))
	d.do("sign out", d.page("login"), press("Sign out"), says("Sign in with one scan"))
}

// TestBrowserSaysWhatGoesWrongWithASignIn plays each refusal there is, and
// signs in after all.
func TestBrowserSaysWhatGoesWrongWithASignIn(t *testing.T) {
	t.Parallel()
	d := newDesk(t, direct)
	d.do("wrong password", d.password("not the password"), says("the password is not right"))
	d.shot("password")
	d.do("wrong key", chromedp.Evaluate(`document.querySelectorAll("details").forEach(d => d.open = true)`, nil), typed("#id", "6012345678", "#pass", "V1:notakeyatall"), says("does not accept this key"))
	for _, tc := range []struct {
		name, said string
		mood       cloud.Mood
	}{
		{"broken", "a fault of its own", cloud.Mood{Account: cloud.Weather{Status: 500}}}, {"blocked", "answered with a web page", cloud.Mood{Account: cloud.Weather{HTML: true}}},
		{"gone", "Your local devices go on.", cloud.Mood{Down: []string{"account"}}}, {"distrusted", "The QR code works in both cases.", cloud.Mood{Distrust: true}},
		{"limited", "Xiaomi asks us to wait", cloud.Mood{Account: cloud.Weather{Limited: true}}},
	} {
		d.sky.Change(tc.mood)
		d.do(tc.name, d.password(cloud.Password.Reveal()), says(tc.said))
		d.shot(tc.name)
	}
	d.sky.Change(cloud.Mood{Identity: true})
	d.do("code is asked for", d.password(cloud.Password.Reveal()), says("Xiaomi sends a code"), chromedp.Click(`#step form button`, chromedp.ByQuery), says("Sent to"))
	for _, left := range []string{"2 tries left", "1 try left", "Three wrong answers"} {
		d.do("wrong code, "+left, typed("#text", "000000"), says(left))
	}
	d.sky.Change(cloud.Mood{})
	d.do("QR code", press("QR code"), says("Waiting for your phone"), holds(code))
	if err := d.sky.Deny(d.sky.Scans()[0]); err != nil {
		t.Fatal(err)
	}
	d.do("refused on the phone", says("refused on the phone"))
	d.signIn(cloud.User)
}

// TestBrowserGetsANewCodeForAnOldOne watches the QR code go by four times, then asks
// for another one.
func TestBrowserGetsANewCodeForAnOldOne(t *testing.T) {
	t.Parallel()
	d := newDesk(t, direct)
	d.sky.Change(cloud.Mood{ScanLife: 3 * time.Second})
	var first, second string
	d.do("QR code", d.page("login"), press("QR code"), says("New code in"), holds(code), chromedp.TextContent("#link", &first, chromedp.ByQuery))
	d.do("new code", holds(`document.querySelector("#link").textContent !== "`+first+`"`), holds(code), chromedp.TextContent("#link", &second, chromedp.ByQuery),
		holds(`!document.querySelector("[data-copy=link]").hidden`))
	if first == second || !strings.HasPrefix(second, "http") {
		t.Errorf("after %q comes %q", first, second)
	}
	d.do("last code", says("Valid for"))
	d.do("no more codes", says("This code is too old."))
	d.shot("expired")
	d.sky.Change(cloud.Mood{})
	d.do("asked for", press("New code"), says("Waiting for your phone"), holds(code))
	d.confirm(cloud.User)
	d.do("confirmed", says("Done."))
}

func TestBrowserSaysThatAnAccountIsEmpty(t *testing.T) {
	t.Parallel()
	emil := cloud.Person{ID: 3_000_000_001, Email: "emil@example.com", Name: "Emil", Password: "Emil's cloud 9!"}
	d := newDesk(t, direct, cloud.Person{ID: cloud.AnnaID, Email: cloud.User, Name: "Anna", Password: cloud.Password}, emil, cloud.Person{ID: cloud.OttoID, Email: "otto@example.com", Name: "Otto", Password: "Otto's cloud 8!"})
	d.signIn(emil.Email)
	d.do("no devices", says("no devices in any of the"))
	d.shot("empty")
	d.do("problem", d.page("problems"), says("You are signed in, but this account has no devices in any of the"))
}

// TestBrowserNoticesNoRenewal lets the cloud end the session: the bridge gets a new
// one by itself, and nobody notices.
func TestBrowserNoticesNoRenewal(t *testing.T) {
	t.Parallel()
	d := newDesk(t, direct)
	d.signIn(cloud.User)
	d.do("garage", d.page("devices?q=garage+plug"), press("Garage plug"), says("Power"), says("In use"))
	d.sky.Expire(false)
	d.until("the session is renewed", func() bool { return d.heard("log", "session renewed") > 0 })
	d.do("order", chromedp.Click(`form[data-control] [role=switch]`, chromedp.ByQuery), says("Done:"), says("Cloud,"))
	d.do("account", d.page("login"), says("Signed in"))
	d.do("overview", d.page(""), unsaid("Xiaomi has ended the sign-in"))
}

// TestBrowserLeadsToTheSignInThatIsNeeded ends the passToken too: the overview
// says so and leads to the sign-in.
func TestBrowserLeadsToTheSignInThatIsNeeded(t *testing.T) {
	t.Parallel()
	d := newDesk(t, direct)
	d.signIn(cloud.User)
	d.do("overview", d.page(""), says("Signed in"))
	d.sky.Forget()
	d.sky.Expire(true)
	d.do("problem", says("Xiaomi has ended the sign-in."), says("Sign-in needed"))
	d.shot("ended")
	d.until("the entity says so", func() bool { return d.heard("topics", "login_needed") > 0 })
	tries := d.sky.Counts()["/pass/serviceLogin"]
	d.do("account", press("To the account"), says("Sign-in needed"), press("Sign in again"), says("Waiting for your phone"), holds(code))
	if again := d.sky.Counts()["/pass/serviceLogin"]; again > tries+1 {
		t.Errorf("after the end the bridge went on trying: %d times", again-tries)
	}
	d.confirm(cloud.User)
	d.do("confirmed", says("Done."), says("Signed in"))
	d.do("all is well", d.page(""), unsaid("Xiaomi has ended the sign-in"), says("Signed in"))
}
