package spec

import (
	"strings"
	"testing"
)

// TestModelsOfOddFormAreNoFiles keeps what a device calls itself out of paths: a
// model becomes the name of a file and part of an address.
func TestModelsOfOddFormAreNoFiles(t *testing.T) {
	for model, want := range map[string]bool{
		"zhimi.airp.mb4a": true, "lumi.acpartner.mcn02": true, "xiaomi.tv.v1": true, "090615.switch.switch01": true,
		"": false, "zhimi": false, "zhimi.airp": false, "../../etc.passwd.x": false, "a.b/c.d": false, "a.b.c\x00": false, "a.b.c\n": false,
		"a..b": false, "a.b.": false, "a.b.c?d=e": false, "ä.b.c": false, "a.b." + strings.Repeat("c", 65): false,
	} {
		if got := ValidModel(model); got != want {
			t.Errorf("ValidModel(%q) = %v, want %v", model, got, want)
		}
	}
}
