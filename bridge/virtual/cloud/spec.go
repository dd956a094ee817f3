package cloud

import (
	"embed"
	"io/fs"
)

//go:embed specs/*.json
var specFiles embed.FS

// Specs returns the spec instances of the models that only the cloud has, one
// <model>.json each; the others are those of miio.Specs.
func Specs() fs.FS {
	sub, err := fs.Sub(specFiles, "specs")
	if err != nil {
		panic(err) // the folder is part of the binary
	}
	return sub
}
