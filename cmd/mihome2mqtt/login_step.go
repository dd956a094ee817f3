package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// wait shows the link and the code, and waits until the state changes.
func (s *session) wait(ctx context.Context, now web.Login) (web.Login, error) {
	s.show(now)
	next := time.NewTicker(lookEvery)
	defer next.Stop()
	for {
		s.waits.set(waiting(now))
		select {
		case <-ctx.Done():
			return now, ctx.Err()
		case <-next.C:
		}
		then, err := s.who.login(ctx)
		if err != nil || then.State != now.State || then.URL != now.URL {
			return then, err
		}
		now = then
	}
}

// show shows a link once, with its QR code.
func (s *session) show(now web.Login) {
	if s.waits == nil {
		s.waits = s.p.newProgress()
	}
	if now.URL == "" || now.URL == s.shown {
		return
	}
	s.waits.end()
	s.shown = now.URL
	s.say("Open this link where you are signed in to Xiaomi, or scan the code with Mi Home (Profile, scan symbol):\n  %s\n%s",
		now.URL, drawQR(now.URL, s.cmd.QR, s.p.screen))
}

// waiting says what is waited for, and how far it is.
func waiting(now web.Login) (text string, part float64, left string) {
	switch now.State {
	case web.LoginScanned:
		return "Scanned. Now tap Confirm on the phone", -1, ""
	case web.LoginRegions:
		asked := 0
		for _, r := range now.Regions {
			if r.Asked {
				asked++
			}
		}
		return "Asking the regions for devices", float64(asked) / float64(max(1, len(now.Regions))), fmt.Sprintf("%d/%d", asked, len(now.Regions))
	}
	rest := max(0, time.Until(now.Expires)).Round(time.Second)
	return "Waiting for your phone", float64(rest) / float64(5*time.Minute), fmt.Sprintf("%d:%02d", rest/time.Minute, rest%time.Minute/time.Second)
}

// captcha puts the picture into a file and asks what it shows.
func (s *session) captcha(ctx context.Context, now web.Login) (web.Login, error) {
	_, kind, _ := strings.Cut(now.PictureType, "/")
	f, err := os.CreateTemp("", "mihome2mqtt-*."+orWord(kind, "png"))
	if err != nil {
		return now, err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(now.Picture)
	if err := errors.Join(err, f.Close()); err != nil {
		return now, err
	}
	s.p.hint("Xiaomi wants to know that a person is here. Your password was not refused. The picture is in %s", f.Name())
	text, err := s.person.ask(ctx, "Characters in the picture, Enter for another one")
	if err != nil {
		return now, err
	}
	if text == "" {
		return s.who.answer(ctx, web.Answer{Kind: "picture"})
	}
	a := web.Answer{Kind: "captcha", Text: text}
	if now.NeedPassword {
		if a.Password, err = s.person.secret(ctx, "Password, once more"); err != nil {
			return now, err
		}
	}
	return s.who.answer(ctx, a)
}

// choose asks where a code goes.
func (s *session) choose(ctx context.Context, now web.Login) (web.Login, error) {
	s.p.hint("Xiaomi sends a code. Where to?")
	for i, t := range now.Targets {
		s.p.hint("  %d  %s", i+1, strings.TrimSpace(t.ID+" "+t.Masked))
	}
	text, err := s.person.ask(ctx, "Number")
	if err != nil {
		return now, err
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > len(now.Targets) {
		s.p.hint("%s It is a number from 1 to %d.", s.p.side.mark(markWarn), len(now.Targets))
		return now, nil
	}
	return s.who.answer(ctx, web.Answer{Kind: "send", Text: now.Targets[n-1].ID})
}

// code asks for the code that was sent.
func (s *session) code(ctx context.Context, now web.Login) (web.Login, error) {
	question := "Code"
	if now.Target != nil && now.Target.Masked != "" {
		question += " that was sent to " + now.Target.Masked
	}
	text, err := s.person.ask(ctx, question+", Enter for another one")
	switch {
	case err != nil:
		return now, err
	case text != "":
		return s.who.answer(ctx, web.Answer{Kind: "code", Text: text})
	case now.Target == nil:
		return now, nil
	case time.Now().Before(now.AgainAt):
		s.p.hint("%s Xiaomi sends another one in %d s at the earliest.", s.p.side.mark(markWarn), time.Until(now.AgainAt)/time.Second+1)
		return now, nil
	}
	return s.who.answer(ctx, web.Answer{Kind: "send", Text: now.Target.ID})
}

// done says who is signed in, and what the account has.
func (s *session) done(ctx context.Context, now web.Login) error {
	s.waits.end()
	if s.p.JSON {
		return nil
	}
	all, err := s.who.accounts(ctx)
	if err != nil {
		return err
	}
	label := now.Account
	for _, a := range all {
		if a.ID == now.Account {
			label = a.Label
		}
	}
	_, err = fmt.Fprintf(s.p.out, "Signed in as %s. %s\n", label, tellRegions(now.Regions))
	return err
}

// tellRegions counts the devices of each region.
func tellRegions(regions []web.Region) string {
	var parts []string
	empty, total := 0, 0
	for _, r := range regions {
		switch {
		case r.Devices > 0:
			parts = append(parts, fmt.Sprintf("%s %d", r.Name, r.Devices))
		case r.Text != "":
			parts = append(parts, r.Name+": "+strings.TrimSuffix(r.Text, "."))
		default:
			empty++
		}
		total += r.Devices
	}
	if empty > 0 {
		parts = append(parts, count(empty, "region", "regions")+" empty")
	}
	text := strings.Join(parts, ", ") + "."
	if total > 0 {
		text += fmt.Sprintf("\nKeys for %s stored.", count(total, "device", "devices"))
	}
	return text
}

// settled is how long the bridge may take to reach the new devices.
const settled = 20 * time.Second

// reach waits until the bridge has tried every device, and says by which ways they
// are reached.
func (s *session) reach(ctx context.Context, r *running) error {
	end := time.NewTimer(settled)
	defer end.Stop()
	next := time.NewTicker(lookEvery)
	defer next.Stop()
	bar := s.p.newProgress()
	defer bar.end()
	for {
		all, err := collect[apiDevice](ctx, r, "devices")
		if err != nil {
			return told(err)
		}
		tried := 0
		for i := range all {
			if all[i].State != web.Starting {
				tried++
			}
		}
		bar.set("Reaching them", float64(tried)/float64(max(1, len(all))), fmt.Sprintf("%d/%d", tried, len(all)))
		late := false
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-end.C:
			late = true
		case <-next.C:
		}
		if late || tried == len(all) {
			bar.end()
			_, err = fmt.Fprintf(s.p.out, "%s Next: mihome2mqtt devices\n", byRoute(all))
			return err
		}
	}
}

// byRoute counts the devices by the way in which they are reached.
func byRoute(all []apiDevice) string {
	counts := map[string]int{}
	for i := range all {
		if all[i].State == web.Online {
			counts[all[i].Route]++
		}
	}
	var parts []string
	for _, route := range []string{web.LAN, web.Gateway, web.Bluetooth, web.Cloud} {
		if n := counts[route]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d by %s", n, routeName(route)))
		}
	}
	if len(parts) == 0 {
		return "None answers yet."
	}
	return strings.Join(parts, ", ") + "."
}
