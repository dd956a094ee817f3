package lumi

import (
	"strings"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func zero() time.Time { return time.Time{} }

func TestParseRefusesWhatIsNoMessage(t *testing.T) {
	for _, bad := range []string{
		"", "{}", "[]", "null", `{"cmd":""}`, `{"cmd":"report","sid":"../etc"}`, `{"cmd":"report","sid":"158D0001"}`,
		`{"cmd":"report","sid":"158d0001","data":"{"}`, `{"cmd":"report","sid":"158d0001","data":"[1]"}`,
		`{"cmd":"report","sid":"158d0001","params":[1]}`, `{"cmd":"report","sid":"158d0001","data":"{\"a\":1e999}"}`,
		`{"cmd":"report","sid":"158d0001","data":"` + strings.Repeat(" ", maxDatagram) + `"}`,
	} {
		if m, err := parse([]byte(bad)); err == nil {
			t.Errorf("parse(%.60q) = %+v", bad, m)
		}
	}
}

func TestParseBoundsWhatItBelieves(t *testing.T) {
	list := `{"cmd":"get_id_list_ack","sid":"34ce0088aabb","token":"short","data":"[` +
		strings.Repeat(`\"158d0001\",`, 500) + `\"no sid\"]"}`
	m, err := parse([]byte(list))
	if err != nil || len(m.children) != maxChildren || m.token != "" {
		t.Errorf("%d children, token %q, %v", len(m.children), m.token, err)
	}
	fields := `{"a":1},` + strings.Repeat(`{"b":2,"c":"3"},`, 300) + `{"d":4}`
	m, err = parse([]byte(`{"cmd":"report","sid":"158d0001","params":[` + fields + `]}`))
	if err != nil || len(m.fields) != maxFields {
		t.Errorf("%d fields, %v", len(m.fields), err)
	}
}

func TestEveryModelIsSound(t *testing.T) {
	c := newCatalog()
	if len(c.builders) < 40 {
		t.Errorf("%d models", len(c.builders))
	}
	for name := range c.official {
		k := c.find("lumi." + name)
		if k != c.find(name) {
			t.Fatalf("%s is built twice", name)
		}
		ids := map[string]bool{}
		for i := range k.spec.Props {
			ids[k.spec.Props[i].ID()] = true
		}
		for i := range k.spec.Events {
			ids[k.spec.Events[i].ID()] = true
		}
		if len(ids) != len(k.spec.Props)+len(k.spec.Events) {
			t.Errorf("%s: an id occurs twice", name)
		}
		for i := range k.spec.Props {
			if k.role == gateway || k.spec.Props[i].Access&mi.Read == 0 {
				continue
			}
			t.Errorf("%s: %s is to be read, which a gateway answers for the dead", name, k.spec.Props[i].Key)
		}
	}
}

func TestGatewayLampKeepsItsColourWhileOff(t *testing.T) {
	l := lamp{}.seen(100<<24 | 0xff0000)
	if !l.on || l.brightness != 100 || l.color != 0xff0000 || l.rgb() != 1694433280 {
		t.Errorf("lamp = %+v, rgb %d", l, l.rgb())
	}
	if l = l.seen(0); l.on || l.color != 0xff0000 || l.rgb() != 0 {
		t.Errorf("lamp off = %+v", l)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"cmd":"iam","ip":"192.168.1.2","port":"9898","model":"gateway","sid":"34ce0088aabb","proto_version":"1.1.2"}`,
		`{"cmd":"heartbeat","model":"gateway","sid":"34ce0088aabb","short_id":0,"token":"n2l3GAHqEoAEKeqd","data":"{\"ip\":\"1.2.3.4\"}"}`,
		`{"cmd":"report","model":"cube","sid":"158d00011c0006","data":"{\"rotate\":\"-85,220\"}"}`,
		`{"cmd":"discovery_rsp","sid":"34ce0088aabb","token":"n2l3GAHqEoAEKeqd","dev_list":[{"sid":"158d0001","model":"plug"}]}`,
		`{"cmd":"report","model":"lock.aq1","sid":"158d00021c0003","params":[{"fing_verified":"open"},{"rgb":4294967295}]}`,
	} {
		f.Add([]byte(seed))
	}
	c := newCatalog()
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parse(b)
		if err != nil {
			return
		}
		if len(m.fields) > maxFields || len(m.children) > maxChildren {
			t.Fatalf("%d fields, %d children", len(m.fields), len(m.children))
		}
		for name := range c.builders {
			k := c.find(name)
			for _, ch := range k.changes(&m, reported, nil) {
				if !ch.Value.Known() {
					t.Fatalf("%s: an unknown value of %s", name, k.spec.Props[ch.Prop].Key)
				}
			}
			k.events(&m, zero(), nil)
		}
	})
}
