// Command notices writes the licences of everything that the binary contains.
//
//	go run ./cmd/notices > cmd/mihome2mqtt/NOTICES.txt
package main

import (
	"fmt"
	"os"
)

func main() {
	modules, err := buildList("github.com/mihome2mqtt/mihome2mqtt/cmd/mihome2mqtt")
	if err == nil {
		err = render(os.Stdout, modules)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "notices:", err)
		os.Exit(1)
	}
}
