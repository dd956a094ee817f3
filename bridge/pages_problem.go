package bridge

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/account"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/problem"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// Problems implements web.Bridge. One that explains many swallows them: devices that
// only the cloud reaches say nothing while the account is what is wrong.
func (p *pages) Problems() []web.Problem {
	out := append([]web.Problem{}, p.ofBridge()...)
	accounts := p.ofAccounts()
	out = append(out, accounts...)
	for _, d := range p.b.home.All() {
		one := p.brief(d)
		if len(accounts) > 0 && one.State == web.NoAnswer && p.cloudOnly(d.ID()) {
			continue
		}
		if said, ok := p.ofDevice(one, d.Status().Problem); ok {
			out = append(out, said)
		}
	}
	order := []string{web.Broken, web.Warn, web.Note}
	slices.SortStableFunc(out, func(a, b web.Problem) int {
		return cmp.Compare(slices.Index(order, a.Severity), slices.Index(order, b.Severity))
	})
	return out
}

// said is a problem in the words of the table; pairs are names and values of what
// was measured.
func said(id string, since time.Time, proof string, pairs ...string) web.Problem {
	kind, ok := problem.Find(id)
	if !ok { // a driver names a cause that the table lacks
		kind = problem.Kind{ID: id, Severity: problem.Broken, Sentence: "{name} does not answer."}
	}
	return web.Problem{
		ID: id, Severity: string(kind.Severity), Text: problem.Say(kind.Sentence, pairs...), ToDo: problem.Say(kind.ToDo, pairs...), Proof: proof, Since: since,
	}
}

func (p *pages) ofBridge() (out []web.Problem) {
	c := p.b.opt.Config
	if m := p.b.topics.Connection(); !m.Up && m.Problem != "" {
		out = append(out, said("mqtt.away", time.Time{}, "", "url", m.Broker, "cause", m.Problem, "n", "The newest"))
	}
	if c.Web.Password == "" && !loopback(c.Web.Listen) && !c.Web.Ingress {
		out = append(out, said("config.open", time.Time{}, ""))
	}
	return out
}

// accountProblems are what each condition of an account means.
var accountProblems = map[account.Condition]string{
	account.Expiring: "account.expiring", account.LoginNeeded: "account.login", account.Verify: "account.verify",
	account.Limited: "account.limited", account.Away: "cloud.away",
}

func (p *pages) ofAccounts() (out []web.Problem) {
	if p.b.accounts == nil {
		return nil
	}
	for _, a := range p.b.accounts.Accounts() {
		if id := accountProblems[a.Condition]; id != "" {
			near, far := p.nearAndFar()
			out = append(out, said(id, a.Since, a.Cause, "n", fmt.Sprint(near), "m", fmt.Sprint(far),
				"t", "rarely", "time", clock(cmp.Or(a.Until, a.Since))))
		}
		if empty(a) {
			out = append(out, said("account.empty", a.Listed, "", "n", fmt.Sprint(len(a.Regions))))
		}
		if a.ClockOff != 0 {
			out = append(out, said("clock.wrong", time.Time{}, "", "d", a.ClockOff.Abs().Round(time.Second).String()))
		}
	}
	return out
}

func clock(at time.Time) string { return at.Format("15:04") }

// empty reports whether all regions have answered that there is nothing.
func empty(a account.State) bool {
	return a.Condition == account.OK && a.Devices == 0 && len(a.Regions) > 0 &&
		!slices.ContainsFunc(a.Regions, func(r account.Region) bool { return !r.Asked || r.Text != "" })
}

// nearAndFar counts the devices that need no cloud, and those that do.
func (p *pages) nearAndFar() (near, far int) {
	for _, d := range p.b.home.All() {
		if p.cloudOnly(d.ID()) {
			far++
		} else {
			near++
		}
	}
	return near, far
}

// cloudOnly reports whether the cloud is the only way to a device.
func (p *pages) cloudOnly(id string) bool {
	d := p.b.home.Device(id)
	if d == nil {
		return false
	}
	all := d.Ways()
	return len(all) == 1 && all[0].Route == web.Cloud
}

// ofDevice says what is wrong with a device, if anything. cause is what its driver
// found out; "" is nothing.
func (p *pages) ofDevice(d web.Device, cause string) (web.Problem, bool) {
	if d.Hidden {
		return web.Problem{}, false
	}
	id := cause
	switch {
	case d.State == web.Unproven:
		id = "token.missing"
	case d.State == web.Starting && d.Trouble != "":
		id = "device.spec_missing"
	case d.State == web.NoAnswer:
		id = cmp.Or(cause, "net.none")
	case d.State == web.Online && cause == "" && d.Trouble != "":
		return web.Problem{
			ID: "device.refused", Device: d.ID, Severity: web.Note, Text: d.Name + " did not do what it was told.", Proof: d.Trouble, Since: d.LastSeen,
		}, true
	}
	if id == "" {
		return web.Problem{}, false
	}
	out := said(id, d.LastSeen, d.Trouble, "name", d.Name, "ip", d.Address, "model", d.Model, "t", "a minute")
	out.Device = d.ID
	return out, true
}
