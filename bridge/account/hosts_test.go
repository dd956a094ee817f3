package account

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestAnswersLeadToXiaomiOnly(t *testing.T) {
	h, err := newHosts(Hosts{}, []string{"cn", "de"})
	if err != nil {
		t.Fatal(err)
	}
	from, _ := url.Parse("https://account.xiaomi.com/pass/serviceLogin")
	for _, tc := range []struct {
		to   string
		good bool
	}{
		{"/sts?d=1", true}, {"https://sts.api.io.mi.com/sts", true}, {"https://c.id.mi.com/x", true}, {"https://DE.API.IO.MI.COM/app", true},
		{"https://account.xiaomi.com:443/x", true}, {"https://x.mijia.tech/", true},
		{"https://evil.example/", false}, {"https://xiaomi.com.evil.example/", false}, {"https://notxiaomi.com/", false}, {"//evil.example/sts", false},
		{"http://account.xiaomi.example/", false}, {"http://c.id.mi.com/x", false}, {"https://c.id.mi.com:8443/x", false}, {"https://me:pw@account.xiaomi.com/", false},
		{"https://127.0.0.1/", false}, {"https://169.254.169.254/latest", false}, {"file:///etc/passwd", false}, {"ftp://xiaomi.com/", false},
		{"javascript:alert(1)", false}, {"https://account.xiaomi.com\\@evil.example/", false}, {"https://[::1]/", false}, {"%zz", false},
	} {
		u, err := h.lead(from, tc.to)
		if (err == nil) != tc.good || err != nil && !errors.Is(err, ErrHost) {
			t.Errorf("%s leads to %v, %v", tc.to, u, err)
		}
		if err == nil && (u.Scheme != "https" || !below(u.Hostname(), ours)) {
			t.Errorf("%s leads to %s", tc.to, u)
		}
	}
}

func TestAnswersOfAnySizeAreNotTaken(t *testing.T) {
	w := &web{now: time.Now, clock: func(time.Duration) {}}
	for size, good := range map[int]bool{maxPage: true, maxPage + 1: false} {
		res := &http.Response{Body: io.NopCloser(bytes.NewReader(make([]byte, size))), Request: &http.Request{URL: &url.URL{Host: "account.xiaomi.com"}}}
		p, err := w.read(res, maxPage)
		if (err == nil) != good || err != nil && !errors.Is(err, mi.ErrProtocol) {
			t.Errorf("%d bytes: %v, %v", size, p != nil, err)
		}
	}
}
