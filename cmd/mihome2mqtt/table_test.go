package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestTableKnowsWideCharacters(t *testing.T) {
	for _, tc := range []struct {
		name   string
		screen screen
		want   string
	}{
		{"pipe", screen{}, "NAME            ROOM     STATE\n客厅空气净化器  客厅     x no answer\ne\u0301tage           Kitchen  online\n"},
		{"narrow", screen{columns: 29}, "NAME       ROOM     STATE\n客厅空气…  客厅     x no ans…\ne\u0301tage      Kitchen  online\n"},
		{"colour", screen{colour: true}, "NAME            ROOM     STATE\n客厅空气净化器  客厅     \x1b[31mx\x1b[0m no answer\ne\u0301tage           Kitchen  online\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out bytes.Buffer
			tab := &table{out: &out, screen: tc.screen}
			tab.row("NAME", "ROOM", "STATE")
			tab.row("客厅空气净化器", "客厅", "x no answer")
			tab.row("e\u0301tage", "Kitchen", "online")
			if err := tab.end(); err != nil {
				t.Fatal(err)
			}
			if out.String() != tc.want {
				t.Errorf("got\n%s\nwant\n%s", &out, tc.want)
			}
		})
	}
}

func TestTableNeverGrowsWiderThanTheScreen(t *testing.T) {
	for limit := 30; limit < 120; limit++ {
		var out bytes.Buffer
		tab := &table{out: &out, screen: screen{columns: limit}}
		tab.row("客厅空气净化器客厅空气净化器", strings.Repeat("model ", 7), "x no answer")
		if err := tab.end(); err != nil {
			t.Fatal(err)
		}
		if n := columns(strings.TrimSuffix(out.String(), "\n")); n > limit {
			t.Errorf("%d columns where %d are", n, limit)
		}
	}
}

func TestReadingsStandBesideWhatCanBeSet(t *testing.T) {
	values := []mi.Change{{Prop: 0, Value: mi.Text("x")}, {Prop: 1, Value: mi.Bool(true)}, {Prop: 2, Value: mi.Int(0)}, {Prop: 6, Value: mi.Float(1.5)}}
	want := "level  1.5      power  on\n                mode   day (day, 1)\n"
	if got := sideBySide(lamp, values, 80); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got, want := sideBySide(lamp, values, 20), "level  1.5\npower  on\nmode   day (day, 1)\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestShellWords(t *testing.T) {
	for word, want := range map[string]string{"lamp": "lamp", "Desk plug": "'Desk plug'", "Anna's": `'Anna'\''s'`, "": "''", "客厅": "客厅"} {
		if got := quoted(word); got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
	}
}

func TestHandyWord(t *testing.T) {
	var all []apiDevice
	for _, name := range []string{"Balcony Camera", "Kitchen Camera", "Lamp", "Lamp"} {
		d := apiDevice{}
		d.Name = name
		all = append(all, d)
	}
	for name, want := range map[string]string{"Balcony Camera": "balcony", "Lamp": "Lamp"} {
		if got := handy(name, all); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
