package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/web"
)

// apiDevice is one line of the bridge's list of devices.
type apiDevice struct {
	web.Device
	Main string `json:"main"` // the value that says most
}

// apiPage is a part of a list.
type apiPage[T any] struct {
	Items []T    `json:"items"`
	Total int    `json:"total"`
	Next  string `json:"next"` // "" at the end
}

const pageSize = 500 // the most that the API gives at once

// collect asks for all of a list, page by page. After an error it returns what came
// before.
func collect[T any](ctx context.Context, r *running, path string) ([]T, error) {
	return search[T](ctx, r, path, "")
}

// search asks for what has some words somewhere; "" is everything.
func search[T any](ctx context.Context, r *running, path, words string) ([]T, error) {
	all := []T{}
	query := url.Values{"limit": {strconv.Itoa(pageSize)}}
	if words != "" {
		query.Set("q", words)
	}
	for {
		var page apiPage[T]
		if err := r.get(ctx, path+"?"+query.Encode(), &page); err != nil {
			return all, err
		}
		all = append(all, page.Items...)
		if page.Next == "" || len(page.Items) == 0 {
			return all, nil
		}
		query.Set("cursor", page.Next)
	}
}

// guest is a device of the running bridge.
type guest struct {
	r         *running
	d         web.Detail
	spec      *mi.Spec
	confirmed bool // a person knows what the order can do
}

// visit opens the device that name fits.
func (r *running) visit(ctx context.Context, name string) (*guest, error) {
	info, err := r.find(ctx, name)
	if err != nil {
		return nil, err
	}
	g := &guest{r: r}
	if err := r.get(ctx, "devices/"+url.PathEscape(info.DID), &g.d); err != nil {
		return nil, told(err)
	}
	g.spec = specOf(&g.d)
	return g, nil
}

// find returns the device that name fits.
func (r *running) find(ctx context.Context, name string) (mi.Info, error) {
	all, err := search[apiDevice](ctx, r, "devices", name)
	if err == nil && len(all) == 0 { // whoever asks in vain is told who there is
		all, err = collect[apiDevice](ctx, r, "devices")
	}
	if err != nil {
		return mi.Info{}, told(err)
	}
	known := make([]mi.Info, len(all))
	for i, d := range all {
		known[i] = mi.Info{DID: d.DID, Name: d.Name, Room: d.Room, Model: d.Model, Addr: d.Address}
		if d.ID == name || topicOf(name, d.ID) {
			return known[i], nil
		}
	}
	return choose(known, name)
}

// told gives a refusal its exit code.
func told(err error) error {
	if refused, ok := errors.AsType[*refusal](err); ok {
		return &failure{refused.exit(), err}
	}
	return err
}

func (g *guest) called() string { return g.d.Name }
func (g *guest) what() *mi.Spec { return g.spec }
func (g *guest) close()         {}

func (g *guest) behind(name string) string {
	return behind(name, g.d.ID, func(yield func(string, []string) bool) {
		for i := range g.d.Entities {
			for _, r := range g.d.Entities[i].Roles {
				if !yield(r.Entity+"/"+r.Role, r.Uses) {
					return
				}
			}
		}
	})
}

// read returns what the bridge knows: it reads the device all the time.
func (g *guest) read(_ context.Context, props []int) ([]mi.Change, error) {
	var out []mi.Change
	for _, i := range props {
		for k := range g.d.Properties {
			if g.d.Properties[k].ID == g.spec.Props[i].ID() {
				out = append(out, mi.Change{Prop: i, Value: g.d.Properties[k].Value})
			}
		}
	}
	if len(out) == 0 {
		return nil, &failure{exitNoAnswer, fmt.Errorf("nothing is known of %s yet", g.d.Name)}
	}
	return out, nil
}

// apiResult is how an order ended.
type apiResult struct {
	Results []struct {
		Key   string     `json:"key"`
		OK    bool       `json:"ok"`
		Error string     `json:"error"`
		Out   []mi.Value `json:"out"`
	} `json:"results"`
	Route string     `json:"route"`
	MS    int64      `json:"ms"`
	Out   []mi.Value `json:"out"`
}

func (g *guest) write(ctx context.Context, prop int, v mi.Value) (outcome, error) {
	p := &g.spec.Props[prop]
	return g.order(ctx, "set", map[string]any{fmt.Sprintf("%d.%d", p.SIID, p.PIID): v})
}

func (g *guest) run(ctx context.Context, action int, args []mi.Value) (outcome, error) {
	a := &g.spec.Actions[action]
	return g.order(ctx, "call", map[string]any{"action": fmt.Sprintf("%d.%d", a.SIID, a.AIID), "args": append([]mi.Value{}, args...)})
}

func (g *guest) order(ctx context.Context, verb string, what map[string]any) (outcome, error) {
	path := "devices/" + url.PathEscape(g.d.DID) + "/" + verb
	if g.confirmed {
		path += "?confirm=true"
	}
	began := time.Now()
	var res apiResult
	if err := g.r.post(ctx, path, what, &res); err != nil {
		return outcome{}, g.failed(ctx, err, time.Since(began))
	}
	for _, one := range res.Results {
		if !one.OK {
			return outcome{}, &failure{exitRefused, fmt.Errorf("%s: %s", g.d.Name, one.Error)}
		}
	}
	return outcome{route: res.Route, took: time.Duration(res.MS) * time.Millisecond, out: res.Out}, nil
}

// failed says in words why an order failed.
func (g *guest) failed(ctx context.Context, err error, took time.Duration) error {
	refused, ok := errors.AsType[*refusal](err)
	switch {
	case !ok:
		return err
	case refused.Code == "confirm":
		return &failure{exitWrongUse, fmt.Errorf("%w Repeat it with --yes if that is what you want", ended{refused})}
	case refused.Code != "device_offline":
		return &failure{refused.exit(), fmt.Errorf("%s: %w", g.d.Name, refused)}
	}
	text := fmt.Sprintf("%s did not answer within %d s", g.d.Name, max(1, int(took.Round(time.Second)/time.Second)))
	if route := g.route(); route != "" {
		text += " (" + routeName(route) + ")"
	}
	if out := g.signedOut(ctx); out != "" {
		return &failure{exitSignIn, fmt.Errorf("%s.\n%s Sign in again: mihome2mqtt login", text, out)}
	}
	return &failure{exitNoAnswer, errors.New(text + ".")}
}

// signedOut says that the account is behind it that a device does not answer; ""
// when it is not.
func (g *guest) signedOut(ctx context.Context) string {
	if g.route() != web.Cloud {
		return ""
	}
	all, err := collect[web.Problem](ctx, g.r, "problems")
	if err != nil {
		return ""
	}
	for _, one := range all {
		if one.ID == "account.login" || one.ID == "account.verify" {
			return one.Text
		}
	}
	return ""
}

// route is the way by which the device is reached, or would be.
func (g *guest) route() string {
	first := ""
	for _, w := range g.d.Ways {
		if w.State == "in_use" {
			return w.Route
		}
		first = cmp.Or(first, w.Route)
	}
	return cmp.Or(g.d.Route, first)
}

var formats = map[string]mi.Format{"bool": mi.FormatBool, "int": mi.FormatInt, "float": mi.FormatFloat, "text": mi.FormatText}

// specOf returns what the bridge tells of a device as the spec that it has.
func specOf(d *web.Detail) *mi.Spec {
	s := &mi.Spec{Model: d.Model, URN: d.Spec}
	for i := range d.Properties {
		s.Props = append(s.Props, propertyOf(&d.Properties[i]))
	}
	for _, a := range d.Actions {
		one := mi.Action{Key: mi.Key(a.Key), Name: afterSlash(a.Key), Text: a.Name}
		one.SIID, one.AIID = iid(a.IID)
		for k := range a.In {
			one.In = append(one.In, inputOf(s, &a.In[k]))
		}
		s.Actions = append(s.Actions, one)
	}
	return s
}

// inputOf returns the index of an input, which may be a property that can be
// neither read nor written.
func inputOf(s *mi.Spec, in *web.Property) int {
	for i := range s.Props {
		if s.Props[i].ID() == in.ID {
			return i
		}
	}
	s.Props = append(s.Props, propertyOf(in))
	return len(s.Props) - 1
}

func propertyOf(p *web.Property) mi.Property {
	out := mi.Property{Key: mi.Key(p.Key), Name: afterSlash(p.Key), Text: p.Name, Format: formats[p.Format], Unit: p.Unit}
	out.SIID, out.PIID = iid(p.IID)
	if p.Read {
		out.Access |= mi.Read
	}
	if p.Write {
		out.Access |= mi.Write
	}
	if p.Max > p.Min {
		out.Range = &mi.Range{Min: p.Min, Max: p.Max, Step: p.Step}
	}
	for _, c := range p.Choices {
		out.List = append(out.List, mi.Choice{Value: c.Value, Label: c.Label})
	}
	return out
}

func afterSlash(key string) string {
	_, name, found := strings.Cut(key, "/")
	if !found {
		return key
	}
	return name
}

func iid(text string) (siid, iid int) {
	a, b, _ := strings.Cut(text, ".")
	siid, _ = strconv.Atoi(a) // the bridge writes numbers
	iid, _ = strconv.Atoi(b)
	return siid, iid
}
