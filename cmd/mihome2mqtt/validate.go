package main

import (
	"fmt"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
)

type validateCmd struct {
	Folder string `arg:"" optional:"" help:"Folder of mapping files; that of the setting MAPPINGS when left out."`
}

// Run checks the built-in mapping files together with those of a folder.
func (c *validateCmd) Run(p *process) error {
	conf, err := p.settings(nil)
	if err != nil {
		return err
	}
	files, err := folder(config.Prefix+"MAPPINGS names", conf.Mappings)
	if c.Folder != "" {
		files, err = folder("the folder is", c.Folder)
	}
	if err != nil {
		return wrongUse(err)
	}
	if err := bridge.Check(bridge.Files{Mappings: files}); err != nil {
		problems := 1 + strings.Count(err.Error(), "\n")
		return fmt.Errorf("%w\n%s in the mapping files", err, count(problems, "problem", "problems"))
	}
	p.hint("%s the mapping files have no mistake.", p.side.mark(markGood))
	return nil
}
