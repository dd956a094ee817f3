package cloud

import (
	"net/http"
	"testing"
)

func TestLastingLoginsOutliveTheCloud(t *testing.T) {
	var before guest
	var pass string
	bubble(t, Options{Lasting: true}, func(s *stage) {
		before = *s.login()
		pass = string(s.cloud.Grant(User))
	})
	bubble(t, Options{Lasting: true}, func(s *stage) {
		after := before
		after.stage = s
		if status, text := after.call("/v2/homeroom/gethome_merged", map[string]any{"limit": 300}); status != http.StatusOK {
			t.Errorf("the service token of another life: %d %s", status, text)
		}
		if again := string(s.cloud.Grant(User)); again != pass {
			t.Error("another passToken in another life")
		}
	})
	bubble(t, Options{}, func(s *stage) {
		after := before
		after.stage = s
		if status, _ := after.call("/v2/homeroom/gethome_merged", map[string]any{"limit": 300}); status != http.StatusUnauthorized {
			t.Errorf("the service token of a lasting cloud at another: %d, want %d", status, http.StatusUnauthorized)
		}
	})
}
