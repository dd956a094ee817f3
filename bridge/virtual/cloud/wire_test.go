package cloud

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"testing"
)

// vectors are what foreign clients produced with known secrets and nonces.
type vectors struct {
	Passwords []struct{ Password, Hash string } `json:"password_hash"`
	Signs     []struct {
		Nonce     int64
		Ssecurity string
		Sign      string
	} `json:"client_sign"`
	Requests  []foreignRequest
	Responses []struct {
		Name, Ssecurity, Nonce, Body, Plain string
		Zipped                              string `json:"body_gzip_variant"`
	}
}

type foreignRequest struct {
	Name, Ssecurity, Nonce string
	Path                   string            `json:"path_signed"`
	Data                   string            `json:"data_plain"`
	Form                   map[string]string `json:"form"`
	Get                    map[string]string `json:"get_form"`
	HMAC                   struct {
		Signature string
		Wrong     string `json:"with_app_prefix_in_path"`
	} `json:"hmac_sha256"`
}

func readVectors(t *testing.T) (v vectors) {
	t.Helper()
	raw, err := os.ReadFile("../../../../shared/vectors/cloud.json")
	if err != nil {
		t.Skip("the captures of foreign clients are not here: ", err)
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func formOf(m map[string]string) url.Values {
	f := url.Values{}
	for k, v := range m {
		f.Set(k, v)
	}
	return f
}

func must(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := decode(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestForeignRequestsOpen(t *testing.T) {
	all := readVectors(t).Requests
	for _, r := range all {
		key, sealed := must(t, r.Ssecurity), formOf(r.Form)
		get := formOf(r.Get)
		get.Set("_nonce", r.Nonce)
		plain := url.Values{"data": {r.Data}, "_nonce": {r.Nonce}, "signature": {r.HMAC.Signature}}
		for _, tc := range []struct {
			method string
			form   url.Values
		}{{"POST", sealed}, {"GET", get}, {"POST", plain}} {
			c, err := rule{}.openCall(tc.method, r.Path, tc.form, key)
			if err != nil || string(c.data) != r.Data {
				t.Errorf("%s %s: %q, %v, want %q", tc.method, r.Name, c.data, err, r.Data)
			}
			if _, err = (rule{other: true}).openCall(tc.method, r.Path, tc.form, key); err == nil {
				t.Errorf("%s %s opens by another rule", tc.method, r.Name)
			}
		}
		plain.Set("signature", r.HMAC.Wrong)
		if _, err := (rule{}).openCall("POST", r.Path, plain, key); err == nil {
			t.Errorf("%s opens with a wrong path", r.Name)
		}
		for _, k := range []string{"data", "rc4_hash__", "signature", "_nonce"} {
			bent := formOf(r.Form)
			bent.Set(k, "A"+bent.Get(k)[1:])
			if bent.Get(k) == sealed.Get(k) {
				bent.Set(k, "B"+bent.Get(k)[1:])
			}
			if _, err := (rule{}).openCall("POST", r.Path, bent, key); err == nil {
				t.Errorf("%s opens with another %s", r.Name, k)
			}
		}
	}
	if len(all) != 7 {
		t.Errorf("%d requests, want 7", len(all))
	}
}

func TestForeignResponsesAreOurs(t *testing.T) {
	v := readVectors(t)
	for _, r := range v.Responses {
		c := call{key: signNonce(must(t, r.Ssecurity), must(t, r.Nonce)), sealed: true}
		if got := string(c.seal([]byte(r.Plain), false)); got != r.Body {
			t.Errorf("%s: %s, want %s", r.Name, got, r.Body)
		}
		ours, theirs := crypt(c.key, must(t, string(c.seal([]byte(r.Plain), true)))), crypt(c.key, must(t, r.Zipped))
		if a, b := unzip(t, ours), unzip(t, theirs); !bytes.Equal(a, b) || string(a) != r.Plain || !bytes.HasPrefix(ours, []byte{0x1f, 0x8b}) {
			t.Errorf("%s zipped: %q, want %q", r.Name, a, b)
		}
	}
	if len(v.Responses) != 7 {
		t.Errorf("%d responses, want 7", len(v.Responses))
	}
}

func TestPasswordsAndSigns(t *testing.T) {
	v := readVectors(t)
	for _, p := range v.Passwords {
		if got := hashPassword(p.Password); got != p.Hash {
			t.Errorf("password %q: %s, want %s", p.Password, got, p.Hash)
		}
	}
	for _, c := range v.Signs {
		if got := clientSign(c.Nonce, c.Ssecurity); got != c.Sign {
			t.Errorf("clientSign %d: %s, want %s", c.Nonce, got, c.Sign)
		}
	}
	if len(v.Passwords) != 5 || len(v.Signs) != 2 {
		t.Errorf("%d passwords and %d signs, want 5 and 2", len(v.Passwords), len(v.Signs))
	}
}

// One request of micloud 0.6, so that a clone without the captures tests it too.
func TestOneForeignRequestOpens(t *testing.T) {
	form := url.Values{
		"data": {"gb4="}, "rc4_hash__": {"rInfG8KdWUfUgw1FjSeD/P2jNw9zxnjf2o7KTw=="},
		"signature": {"DxpcApKKtL/9yR4SzPM1TvQ34MA="}, "_nonce": {"AAAAAAAAAAAAAAAA"},
	}
	c, err := rule{}.openCall("POST", "/v2/message/v2/typelist", form, must(t, "q7VGM/8ykFnJxUaT0fyVDQ=="))
	if err != nil || string(c.data) != "{}" || !c.sealed {
		t.Errorf("opened: %q, %v", c.data, err)
	}
}

func FuzzOpenCall(f *testing.F) {
	f.Add("POST", "/home/device_list", "gb4=", "rInfG8KdWUfUgw1FjSeD/P2jNw9zxnjf2o7KTw==", "DxpcApKKtL/9yR4SzPM1TvQ34MA=", "AAAAAAAAAAAAAAAA")
	f.Add("GET", "", "{}", "", "", "AA")
	f.Fuzz(func(t *testing.T, method, path, data, hash, signature, nonce string) {
		form := url.Values{"data": {data}, "rc4_hash__": {hash}, "signature": {signature}, "_nonce": {nonce}}
		if c, err := (rule{}).openCall(method, path, form, make([]byte, 16)); err == nil && len(c.key) != 32 {
			t.Errorf("opened without a key: %+v", c)
		}
	})
}

func TestSealedCallsOpenAgain(t *testing.T) {
	nonce, secret := make([]byte, nonceLen), make([]byte, 16)
	key := signNonce(secret, nonce)
	for _, plain := range []bool{true, false} {
		c, err := rule{}.openCall("POST", "/x", seal(key, nonce, "/x", `{"a":"客厅 &=+/"}`, plain), secret)
		if err != nil || string(c.data) != `{"a":"客厅 &=+/"}` {
			t.Errorf("plain %v: %q, %v", plain, c.data, err)
		}
	}
}
