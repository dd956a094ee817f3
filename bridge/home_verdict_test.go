package bridge_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/chaos"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/virtual/history"
)

// bounds are those of the bridge's defaults. An event may reach the bridge 10 s
// late, by the device's last repeat, and be 10 s old then.
// A device is tried again after at most a minute, by an exchange that takes a while.
var bounds = history.Limits{EventAge: 22 * time.Second, Back: 70 * time.Second}

// judge returns every broken promise of a story.
func (st *story) judge() []history.Violation {
	tr := newTranslator(st)
	// Its own I6 knows no time that a change may take; statesAreTrue does.
	bad := slices.DeleteFunc(history.Judge(tr.entries(), st.end, bounds), func(v history.Violation) bool { return v.Rule == "I6" })
	for _, check := range []func() []history.Violation{
		tr.statesAreTrue, tr.treeIsTheModel, st.queuesAreTold, st.polite, st.secretsStay, st.logIsCalm, st.allWentWell,
	} {
		bad = append(bad, check()...)
	}
	return bad
}

// translator tells the truth of the devices in the words of the topics.
type translator struct {
	story   *story
	mirrors map[string]*mirror // by did
	values  map[string][]mi.Value
	changed map[string][]time.Time // of each property
	shown   map[string]map[string]string
	waiting map[string][]history.Entry // events by did and key that were not told yet
}

func newTranslator(st *story) *translator {
	tr := &translator{
		story: st, mirrors: map[string]*mirror{}, values: map[string][]mi.Value{}, changed: map[string][]time.Time{},
		shown: map[string]map[string]string{}, waiting: map[string][]history.Entry{},
	}
	for _, i := range st.infos {
		m := st.mirrors[i.Model]
		tr.mirrors[i.DID], tr.values[i.DID] = m, make([]mi.Value, len(m.spec.Props))
		tr.changed[i.DID], tr.shown[i.DID] = make([]time.Time, len(m.spec.Props)), map[string]string{}
	}
	return tr
}

func (tr *translator) entries() []history.Entry {
	out := make([]history.Entry, 0, len(tr.story.entries))
	for _, e := range tr.story.entries {
		m := tr.mirrors[e.DID]
		switch {
		case m != nil && m.spec.Tuning.Sleepy && (e.What == history.Available || e.What == history.Reachable):
			// Its silence means nothing.
		case m == nil, e.What == history.Order, e.What == history.Done, e.What == history.Reachable, e.What == history.Available, e.What == history.Restart:
			out = append(out, e)
		case e.What == history.Truth:
			out = tr.truth(out, m, e)
		case e.What == history.State:
			if m.single[e.Key] && !tr.liar(e.DID) && (m.miot || tr.shown[e.DID][e.Key] != "") {
				out = append(out, unknown(e))
			}
		case e.What == history.Emitted:
			k := e.DID + e.Key
			tr.waiting[k] = append(tr.waiting[k], e)
			out = append(out, e)
		case e.What == history.Event:
			out = append(out, tr.event(m, e))
		default:
			out = append(out, e)
		}
	}
	return out
}

// liar reports whether a device tells what is not true at some time.
func (tr *translator) liar(did string) bool {
	return slices.ContainsFunc(tr.story.scene.plan.Of(did), func(f chaos.Fault) bool {
		return f.Kind == chaos.Ignore || f.Kind == chaos.Absurd
	})
}

func unknown(e history.Entry) history.Entry {
	if e.Value == "None" {
		e.Value = "null"
	}
	return e
}

// truth turns a new value into the texts that it should become.
func (tr *translator) truth(out []history.Entry, m *mirror, e history.Entry) []history.Entry {
	v, err := mi.ParseJSON([]byte(e.Value))
	if err != nil {
		return out
	}
	if m.miot {
		if i := m.prop(e.Key); i >= 0 {
			out = tr.changes(out, m, e, i, v)
		}
		return out
	}
	told := m.told(map[string]mi.Value{e.Key: v})
	for _, i := range m.named[e.Key] {
		out = tr.changes(out, m, e, i, told[i])
	}
	return out
}

// changes takes in the new value of property i.
func (tr *translator) changes(out []history.Entry, m *mirror, e history.Entry, i int, v mi.Value) []history.Entry {
	tr.values[e.DID][i], tr.changed[e.DID][i] = v, e.At
	for _, n := range m.model.Touched(i) {
		for key, text := range m.render(n, tr.values[e.DID]) {
			if old, was := tr.shown[e.DID][key]; m.single[key] && (!was || old != text) {
				tr.shown[e.DID][key] = text
				e.Key, e.Value = key, text
				out = append(out, unknown(e))
			}
		}
	}
	return out
}

// event finds out which one was told: the oldest that is not told yet.
func (tr *translator) event(m *mirror, e history.Entry) history.Entry {
	id, _, _ := strings.Cut(e.Key, "/")
	k := e.DID + m.word(id, e.Value)
	retained := e.ID == "retained"
	e.ID, e.Value = "told at "+e.At.Format("15:04:05"), ""
	if retained {
		e.Value = "retained"
	}
	for len(tr.waiting[k]) > 0 {
		first := tr.waiting[k][0]
		tr.waiting[k] = tr.waiting[k][1:]
		if e.At.Sub(first.At) <= bounds.EventAge {
			e.ID = first.ID
			break
		}
	}
	return e
}

const (
	twoPolls = 65 * time.Second
	twoSlow  = 11 * time.Minute // also of what a device that reports by itself keeps to itself
)

// statesAreTrue is I6 over the whole retained tree.
func (tr *translator) statesAreTrue() (bad []history.Violation) {
	for _, info := range tr.story.infos {
		m, values := tr.mirrors[info.DID], tr.values[info.DID]
		if !m.miot {
			values = m.told(tr.story.truth[info.DID])
		}
		for i := range m.model.Entities {
			texts := m.render(i, values)
			for _, b := range m.model.Entities[i].Binds {
				key := m.model.Entities[i].ID + "/" + string(b.Role)
				want, due := texts[key]
				if !due || len(b.Events) > 0 || !tr.settled(info.DID, m, b.Props) {
					continue
				}
				if got := tr.story.tree[base+info.DID+"/"+key]; got != want {
					bad = append(bad, history.Violation{Rule: "I6", Subject: info.DID + " " + key, Detail: fmt.Sprintf("shows %q, the device has %q", got, want)})
				}
			}
		}
	}
	return bad
}

// settled reports whether all properties are read and have not changed lately.
func (tr *translator) settled(did string, m *mirror, props []int) bool {
	for _, p := range props {
		rest := twoSlow
		switch {
		case !m.miot && tr.changed[did][p].IsZero():
			return false // it is not read by a name
		case m.fast[p] && m.spec.Props[p].Access&mi.Notify != 0:
			rest = twoPolls
		case !m.fast[p] && !m.slow[p]:
			return false
		}
		if tr.story.end.Sub(tr.changed[did][p]) < rest {
			return false
		}
	}
	return len(props) > 0
}

// treeIsTheModel is I7.
func (tr *translator) treeIsTheModel() []history.Violation {
	var bad []history.Violation
	for topic, text := range tr.story.tree {
		if strings.HasSuffix(topic, "/event") && text != "{}" || strings.HasSuffix(topic, "/set") {
			bad = append(bad, history.Violation{Rule: "I1", Subject: topic, Detail: "is retained"})
		}
	}
	for _, v := range history.Diff(lasting(tr.story.tree), lasting(tr.story.fresh)) {
		if !tr.assumed(v.Subject) {
			bad = append(bad, v)
		}
	}
	return bad
}

// assumed reports whether a topic shows what was ordered and cannot be read.
func (tr *translator) assumed(topic string) bool {
	did, key, _ := strings.Cut(strings.TrimPrefix(topic, base), "/")
	m := tr.mirrors[did]
	if m == nil {
		return false
	}
	for i := range m.model.Entities {
		for _, b := range m.model.Entities[i].Binds {
			if m.model.Entities[i].ID+"/"+string(b.Role) == key {
				return slices.ContainsFunc(b.Props, func(p int) bool { return m.spec.Props[p].Access&mi.Read == 0 })
			}
		}
	}
	return false
}

// lasting leaves out what changes with time.
func lasting(tree map[string]string) map[string]string {
	out := map[string]string{}
	for topic, payload := range tree {
		switch {
		case strings.HasSuffix(topic, "/instance"), strings.HasSuffix(topic, "/health"):
		case strings.HasPrefix(topic, base) && !strings.HasSuffix(topic, "/availability"):
			out[topic] = ""
		default:
			out[topic] = payload
		}
	}
	return out
}

// queuesAreTold keeps I8 from having nothing to judge.
func (st *story) queuesAreTold() (bad []history.Violation) {
	if !slices.ContainsFunc(st.entries, func(e history.Entry) bool { return e.What == history.Queue }) {
		bad = append(bad, history.Violation{Rule: "I8", Subject: "bridge", Detail: "no queue tells how full it was"})
	}
	return bad
}

var lively = regexp.MustCompile(`vacuum|cooker|curtain`)

// polite is I12.
func (st *story) polite() (bad []history.Violation) {
	for did, n := range st.sent {
		budget := 3 * int(st.scene.plan.Span/(10*time.Second))
		if lively.MatchString(st.scene.model(did)) {
			budget = 2 * int(st.scene.plan.Span/(2*time.Second)) // what moves all the time is watched every 2 s
		}
		if len(st.scene.plan.Of(did)) > 0 {
			budget *= 2 // what gets lost is asked again
		}
		if n > budget {
			bad = append(bad, history.Violation{Rule: "I12", Subject: did, Detail: fmt.Sprintf("got %d datagrams, more than %d", n, budget)})
		}
	}
	slices.SortFunc(bad, func(a, b history.Violation) int { return cmp.Compare(a.Subject, b.Subject) })
	return bad
}

// secretsStay is I13.
func (st *story) secretsStay() (bad []history.Violation) {
	for _, where := range st.leaks {
		bad = append(bad, history.Violation{Rule: "I13", Subject: where, Detail: "holds a token"})
	}
	for _, line := range st.log {
		for _, i := range st.infos {
			if strings.Contains(line, i.Token.Reveal()) {
				bad = append(bad, history.Violation{Rule: "I13", Subject: "log", Detail: line})
			}
		}
	}
	return bad
}

// logIsCalm is I15: a home makes few lines, each device few warnings.
func (st *story) logIsCalm() (bad []history.Violation) {
	warnings := map[string]int{}
	for _, line := range st.log {
		var l struct{ Level, Device string }
		if json.Unmarshal([]byte(line), &l) == nil && l.Level != "info" {
			warnings[l.Device]++
		}
	}
	for _, who := range slices.Sorted(maps.Keys(warnings)) {
		if n, most := warnings[who], st.warnings(who); n > most {
			bad = append(bad, history.Violation{Rule: "I15", Subject: cmp.Or(who, "bridge"), Detail: fmt.Sprintf("%d warnings, more than %d: %s", n, most, st.sample(who))})
		}
	}
	return bad
}

// warnings is how many a device may make: some for each fault of its own and of
// the world, and one for each of its orders that failed and each time it was gone.
func (st *story) warnings(did string) int {
	n := 4 + 8*len(st.scene.plan.Of(did)) + 4*len(st.scene.plan.Of(chaos.World))
	for _, e := range st.entries {
		failed := e.What == history.Done && e.Value != ""
		gone := e.What == history.Available && e.Value == "offline"
		if (failed || gone) && (e.DID == did || did == "") {
			n++
		}
	}
	return n
}

func (st *story) sample(who string) string {
	var out [][]byte
	for _, line := range st.log {
		if strings.Contains(line, `"device":"`+who+`"`) && !strings.Contains(line, `"level":"info"`) {
			out = append(out, []byte(line))
		}
	}
	return string(bytes.Join(out[:min(len(out), 3)], []byte(" | ")))
}

func (st *story) allWentWell() (bad []history.Violation) {
	for _, err := range st.failed {
		bad = append(bad, history.Violation{Rule: "run", Subject: "bridge", Detail: err.Error()})
	}
	return bad
}
