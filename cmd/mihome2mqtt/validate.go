package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
)

type validateCmd struct {
	Folder string `arg:"" optional:"" type:"path" help:"Folder of mapping files; that of the setting MAPPINGS when left out."`
}

// Run checks the built-in mapping files together with those of a folder.
func (c *validateCmd) Run(p *process) error {
	conf, err := p.settings(nil)
	if err != nil {
		return err
	}
	folder := cmp.Or(c.Folder, conf.Mappings)
	files, err := mappingFiles(folder)
	if err != nil {
		return wrongUse(err)
	}
	if _, err := entity.Load(files); err != nil {
		problems := strings.Split(err.Error(), "\n")
		return fmt.Errorf("%s\n%d problems in the mapping files", err, len(problems))
	}
	fmt.Fprintln(p.talk, "ok the mapping files have no mistake.")
	return nil
}
