package miio

import (
	"errors"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestAskNeedsATokenAndANumber(t *testing.T) {
	d := New(mi.World{}, Options{})
	for _, info := range []mi.Info{{DID: "lumi.158d"}, {DID: "12345"}} {
		if _, err := d.Ask(t.Context(), info, "get_prop", []any{}); !errors.Is(err, mi.ErrUnsupported) {
			t.Errorf("Ask(%s) = %v", info.DID, err)
		}
	}
}
