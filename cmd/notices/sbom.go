package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
)

// bom is a list of what a binary is made of, in the form of CycloneDX 1.6.
type bom struct {
	Format     string      `json:"bomFormat"`
	Spec       string      `json:"specVersion"`
	Version    int         `json:"version"`
	Metadata   metadata    `json:"metadata"`
	Components []component `json:"components"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	URL        string     `json:"purl"`
	Hashes     []hash     `json:"hashes,omitempty"`
	Licences   []licence  `json:"licenses,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type licence struct {
	Licence struct {
		ID string `json:"id"`
	} `json:"license"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// writeBOM lists what stands in a built binary, with the licences of its modules.
func writeBOM(w io.Writer, binary string, modules []module) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("build information: %w", err)
	}
	data, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	list := newBOM(info, modules)
	list.Metadata.Component.Hashes = []hash{{"SHA-256", hex.EncodeToString(sum[:])}}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(list)
}

func newBOM(info *debug.BuildInfo, modules []module) bom {
	licences := map[string]string{}
	for _, m := range modules {
		licences[m.path] = m.licence
	}
	list := bom{Format: "CycloneDX", Spec: "1.6", Version: 1, Metadata: metadata{newComponent("application", info.Main.Path, info.Main.Version, "Apache-2.0")}}
	for _, s := range info.Settings {
		if strings.HasPrefix(s.Key, "GO") || strings.HasPrefix(s.Key, "vcs") || strings.HasPrefix(s.Key, "-") || s.Key == "CGO_ENABLED" {
			c := &list.Metadata.Component
			c.Properties = append(c.Properties, property{"go:build:" + s.Key, s.Value})
		}
	}
	list.Components = append(list.Components, newComponent("library", "std", strings.TrimPrefix(info.GoVersion, "go"), licences["Go standard library"]))
	for _, d := range info.Deps {
		if d.Replace != nil {
			d = d.Replace
		}
		c := newComponent("library", d.Path, d.Version, licences[d.Path])
		c.Properties = []property{{"go:sum", d.Sum}}
		list.Components = append(list.Components, c)
	}
	return list
}

func newComponent(kind, path, version, licensed string) component {
	url := "pkg:golang/" + path + "@" + version
	c := component{Type: kind, Ref: url, Name: path, Version: version, URL: url}
	if licensed != "" {
		c.Licences = make([]licence, 1)
		c.Licences[0].Licence.ID = licensed
	}
	return c
}
