package multimode

import (
	_ "embed"
	"strconv"
	"strings"
)

// The tables list what gateways' children have: a head "= models : text", then a
// line for each attribute: its name, Home Assistant's platform or -, where it
// stands, how it is read, its unit or -. A blank inside a word is ~.
var (
	//go:embed zigbee.txt
	zigbeeTable string
	//go:embed mesh.txt
	meshTable string
)

// trait is one attribute of a kind of device.
type trait struct {
	attr     string
	platform string
	place    place
	codec    string // name and, after a colon, its setting
	unit     string
}

// sheet is one entry of a table.
type sheet struct {
	model  string // the first of its models
	text   string
	traits []trait
}

// sheets reads a table, by model.
func sheets(tables ...string) map[string]*sheet {
	all := map[string]*sheet{}
	var s *sheet
	for _, table := range tables {
		for line := range strings.Lines(table) {
			f := strings.Fields(line)
			switch {
			case len(f) > 1 && f[0] == "=":
				models, text, _ := strings.Cut(strings.TrimSpace(line[1:]), " : ")
				names := strings.Fields(models)
				s = &sheet{model: names[0], text: text}
				for _, name := range names {
					all[name] = s
				}
			case len(f) == 5:
				s.traits = append(s.traits, traitOf(f))
			}
		}
	}
	return all
}

func traitOf(f []string) trait {
	for i := range f {
		f[i] = strings.ReplaceAll(f[i], "~", " ")
	}
	t := trait{attr: f[0], platform: f[1], place: placeOf(f[2]), codec: f[3], unit: f[4]}
	if t.unit == "-" {
		t.unit = ""
	}
	return t
}

// placeOf reads "4.1.85" (a resource), "2.p.1", "2.a.1", "2.e.1" and "2.e.1.p.3".
func placeOf(text string) place {
	f := strings.Split(text, ".")
	number := func(i int) int {
		if i >= len(f) {
			return 0
		}
		n, _ := strconv.Atoi(f[i]) // the tables are tested
		return n
	}
	switch f[1] {
	case "p", "a", "e":
		return place{kind: f[1][0], siid: number(0), iid: number(2), arg: number(4)}
	}
	return place{kind: 'r', res: text}
}

// setting splits a codec into its name and its setting.
func (t *trait) setting() (name, setting string) {
	name, setting, _ = strings.Cut(t.codec, ":")
	return name, setting
}

// gatewayModel is what a gateway is called of which nobody knows the model.
const gatewayModel = "lumi.gateway.multimode"

const gatewayTable = `
= lumi.gateway.multimode : Multimode gateway
pair switch 8.0.2109 map:60=true,0=false -
`
