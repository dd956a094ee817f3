package main

import (
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/redact"
)

func TestTapHearsTheLogWithoutSecrets(t *testing.T) {
	secrets := &redact.Secrets{}
	secrets.Add("hunter2hunter2hunter2")
	listener := &tap{clean: secrets.Clean}
	log := zerolog.New(zerolog.MultiLevelWriter(listener))
	log.Warn().Msg("nobody listens yet")
	var level zerolog.Level
	var line string
	listener.listen(func(l zerolog.Level, text []byte) { level, line = l, string(text) })
	log.Warn().Str("password", "hunter2hunter2hunter2").Msg("a mistake")
	if level != zerolog.WarnLevel || !strings.Contains(line, "a mistake") || strings.Contains(line, "hunter2") {
		t.Errorf("heard %s %s, want the masked line as a warning", level, line)
	}
	listener.listen(nil)
	line = ""
	log.Warn().Msg("after the end")
	if line != "" {
		t.Errorf("still heard %s", line)
	}
}
