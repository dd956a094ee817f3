package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/homeassistant"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/spec"
)

type showCmd struct {
	Model     string `arg:"" optional:"" help:"Model, such as zhimi.airpurifier.mb3."`
	From      string `help:"File with a spec on each line, packed by gzip or not; shows all of them, or the one called MODEL." placeholder:"FILE"`
	Discovery bool   `help:"Print discovery messages and one state for each topic, as lines of JSON."`
	Docs      bool   `help:"Print a page of documentation, as Markdown."`
	Into      string `help:"Write such a page for every profile into this folder, with an index." placeholder:"FOLDER"`
	Form      string `enum:"device,single" default:"device" help:"Form of the discovery messages: device or single."`
}

// Run prints the entities of one model or of every model of a file.
func (c *showCmd) Run(p *process) error {
	if p.JSON && c.Discovery {
		return wrongUse(errors.New("--json and --discovery can't be used together"))
	}
	if c.Into != "" {
		return c.manual(p)
	}
	if c.From == "" && c.Model == "" {
		return wrongUse(errors.New("name a model, or a file of specs by --from"))
	}
	d, _, err := p.direct()
	if err != nil {
		return err
	}
	if c.Discovery {
		if err := homeassistant.ShowBridge(p.out, homeassistant.Form(c.Form)); err != nil {
			return err
		}
	}
	if c.From != "" {
		return c.file(p, func(s *mi.Spec) error { return c.print(p, s.Model, d.Entities(d.Correct(s))) })
	}
	s, err := d.Spec(p.ctx, c.Model)
	if errors.Is(err, mi.ErrUnsupported) {
		return notFound(err)
	}
	if err != nil {
		return err
	}
	return c.print(p, c.Model, d.Entities(s))
}

// file shows the models of a file. One that cannot be read does not hide the rest.
func (c *showCmd) file(p *process, print func(*mi.Spec) error) error {
	f, err := os.Open(c.From)
	if err != nil {
		return wrongUse(err)
	}
	defer f.Close()
	seen, failed := 0, 0
	err = spec.Lines(f, func(l spec.Line) error {
		if c.Model != "" && l.Model != c.Model {
			return nil
		}
		seen++
		s, err := l.Spec()
		if err != nil {
			failed++
			fmt.Fprintln(p.talk, "x", err)
			return nil
		}
		return print(s)
	})
	switch {
	case err != nil:
		return err
	case failed > 0:
		return fmt.Errorf("%d of %d specs cannot be read", failed, seen)
	case seen == 0 && c.Model != "":
		return notFound(fmt.Errorf("%s has no %s", c.From, c.Model))
	}
	return nil
}

func (c *showCmd) print(p *process, model string, m *entity.Model) error {
	switch {
	case c.Discovery:
		return showDiscovery(p.out, homeassistant.Form(c.Form), model, m)
	case c.Docs:
		_, err := io.WriteString(p.out, chapterOf(m).page(""))
		return err
	case p.JSON:
		return describe(model, m).line(p.out)
	}
	return describe(model, m).table(p)
}

// showDiscovery prints what the bridge would publish of a device of this model.
func showDiscovery(out io.Writer, form homeassistant.Form, model string, m *entity.Model) error {
	device := homeassistant.NewDevice(mi.Info{DID: model, Model: model}, m.Spec)
	return homeassistant.Show(out, form, device, m)
}
