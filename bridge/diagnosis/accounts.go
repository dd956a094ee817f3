package diagnosis

import (
	"fmt"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/account"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// ofAccounts lists what is wrong with the Xiaomi accounts.
func (w *Watch) ofAccounts() (out []web.Problem) {
	if w.opt.Accounts == nil {
		return nil
	}
	all := w.opt.Accounts.Accounts()
	for _, a := range all {
		if a.Problem != "" {
			out = append(out, said(w.ofAccount(a)))
		}
	}
	if len(all) > 0 && all[0].ClockOff != 0 {
		off := all[0].ClockOff
		out = append(out, said(finding{id: "clock.wrong", proof: "compared with the answers of Xiaomi's cloud", pairs: []string{"d", lasting(off.Abs())}}))
	}
	return out
}

func (w *Watch) ofAccount(a account.State) finding {
	local, far := w.nearAndFar()
	f := finding{id: a.Problem, since: a.Since, proof: a.Cause, pairs: []string{
		"n", fmt.Sprint(local), "m", fmt.Sprint(far), "time", clock(a.Since),
	}}
	switch a.Problem {
	case "account.limited":
		f.pairs = []string{"t", lasting(a.Until.Sub(a.Since)), "time", clock(a.Until)}
	case "account.empty":
		f.since, f.proof, f.pairs = a.Listed, a.Text, []string{"n", fmt.Sprint(len(a.Regions))}
	}
	return f
}

// nearAndFar counts the devices that are heard without the cloud, and those that are
// not.
func (w *Watch) nearAndFar() (local, far int) {
	for _, d := range w.opt.Home().All() {
		switch {
		case near(d):
			local++
		case !shadow(d.Info()):
			far++
		}
	}
	return local, far
}
