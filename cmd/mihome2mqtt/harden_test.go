//go:build unix

package main

import (
	"io"
	"os"
	"syscall"
	"testing"
)

func TestHardenForbidsCoreDumpsAndOpenFiles(t *testing.T) {
	if syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{Cur: 4096, Max: 4096}) != nil {
		t.Log("core dumps are forbidden here anyway: that harden does it is not seen")
	}
	harden()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_CORE, &limit); err != nil || limit.Cur != 0 {
		t.Errorf("core dumps may have %d bytes (%v)", limit.Cur, err)
	}
	if mask := syscall.Umask(0o077); mask != 0o077 {
		t.Errorf("umask = %o", mask)
	}
}

func TestSecretsLeaveTheEnvironment(t *testing.T) {
	t.Setenv("MIHOME2MQTT_MQTT_PASSWORD", "hunter2")
	p := newProcess(t.Context(), os.Environ(), io.Discard, io.Discard)
	c, err := p.settings(nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.MQTT.Password.Reveal() != "hunter2" {
		t.Error("the password was not read")
	}
	if value, there := os.LookupEnv("MIHOME2MQTT_MQTT_PASSWORD"); there {
		t.Errorf("the password is still %q in the environment", value)
	}
}
