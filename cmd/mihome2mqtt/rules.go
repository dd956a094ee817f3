package main

import (
	"fmt"
	"io/fs"
	"os"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
	"github.com/mihome2mqtt/mihome2mqtt/mappings"
)

// rules loads the built-in mapping files with the user's own laid over them.
func (p *process) rules(c *config.Config) (*entity.Rules, error) {
	files, err := mappingFiles(c.Mappings)
	if err != nil {
		return nil, wrongUse(fmt.Errorf("%sMAPPINGS: %w", config.Prefix, err))
	}
	return entity.Load(files)
}

// mappingFiles opens folder so that no link leads out of it.
func mappingFiles(folder string) (fs.FS, error) {
	if folder == "" {
		return mappings.FS, nil
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	return mappings.Over(root.FS()), nil
}
