// Command notices writes the licences of everything that the binary contains.
//
//	go run ./cmd/notices > cmd/mihome2mqtt/NOTICES.txt
//
// With a built binary it writes what that is made of instead, as a CycloneDX list:
//
//	go run ./cmd/notices ./mihome2mqtt > sbom.json
package main

import (
	"fmt"
	"os"
)

func main() {
	modules, err := buildList("github.com/mihome2mqtt/mihome2mqtt/cmd/mihome2mqtt")
	switch {
	case err != nil:
	case len(os.Args) > 1:
		err = writeBOM(os.Stdout, os.Args[1], modules)
	default:
		err = render(os.Stdout, modules)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "notices:", err)
		os.Exit(1)
	}
}
