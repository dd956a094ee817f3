package main

import (
	_ "embed" // the licences travel in the binary
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
)

//go:generate sh -c "go run ../notices > NOTICES.tmp && mv NOTICES.tmp NOTICES.txt"

//go:embed NOTICES.txt
var notices string

// version is set by the linker for a release.
var version = "0.1.0-dev"

type versionCmd struct {
	Notices bool `help:"Print the licences of everything inside."`
}

// build is what is known of this binary.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Date     string `json:"date,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func thisBuild() build {
	b := build{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, _ := debug.ReadBuildInfo()
	if info == nil {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value[:min(len(s.Value), 7)]
		case "vcs.time":
			b.Date = s.Value
		}
	}
	return b
}

// Run prints what this binary is.
func (c *versionCmd) Run(p *process) error {
	switch {
	case c.Notices:
		_, err := io.WriteString(p.out, notices)
		return err
	case p.JSON:
		return p.json(thisBuild())
	}
	_, err := fmt.Fprintln(p.out, thisBuild())
	return err
}

// String returns one line for people.
func (b build) String() string {
	var parts []string
	for _, part := range []string{b.Revision, b.Date, b.Go, b.Platform} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return "mihome2mqtt " + b.Version + " (" + strings.Join(parts, ", ") + ")"
}
