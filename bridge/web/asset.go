package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed asset/*
var assetFiles embed.FS

// assets are the files of the pages by their plain name. Their address holds a hash
// of what they hold, so that a browser may keep them for ever.
type assets map[string]assetFile

type assetFile struct {
	address string
	data    []byte
}

func loadAssets() (assets, error) {
	all := assets{}
	files, err := fs.ReadDir(assetFiles, "asset")
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		data, err := assetFiles.ReadFile("asset/" + f.Name())
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(data)
		ext := path.Ext(f.Name())
		all[f.Name()] = assetFile{strings.TrimSuffix(f.Name(), ext) + "-" + hex.EncodeToString(sum[:6]) + ext, data}
	}
	return all, nil
}

var assetTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// At returns the address of an asset, from the first page on.
func (a assets) At(name string) string { return "asset/" + a[name].address }

func (s *Server) asset(w http.ResponseWriter, r *http.Request) {
	for _, f := range s.assets {
		if f.address == r.PathValue("name") {
			w.Header().Set("Content-Type", assetTypes[path.Ext(f.address)])
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			_, _ = w.Write(f.data) // the browser is gone
			return
		}
	}
	s.missing(w, r)
}
