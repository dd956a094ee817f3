package account

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// vectors are bytes that other clients of this cloud made.
type vectors struct {
	PasswordHash []struct{ Password, Hash string } `json:"password_hash"`
	ClientSign   []struct {
		Nonce           json.Number
		Ssecurity, Sign string
	} `json:"client_sign"`
	Nonce []struct {
		Seconds int64  `json:"unix_seconds"`
		Bits    string `json:"getrandbits64_hex"`
		Hex     string `json:"nonce_hex"`
	}
	RC4 []struct {
		Key    string `json:"key_hex"`
		Plain  string
		Cipher string
	}
	Requests []struct {
		Name, Method, Ssecurity string
		Nonce                   string                     `json:"nonce_hex"`
		Signed                  string                     `json:"signed_nonce_hex"`
		Path                    string                     `json:"path_signed"`
		Data                    string                     `json:"data_plain"`
		Hash                    string                     `json:"rc4_hash_plain"`
		Encoded                 string                     `json:"form_urlencoded_without_ssecurity"`
		GetForm                 map[string]string          `json:"get_form"`
		HMAC                    struct{ Signature string } `json:"hmac_sha256"`
	}
	Responses []struct {
		Name, Ssecurity, Nonce, Body, Plain string
		Packed                              string `json:"body_gzip_variant"`
	}
}

func load(t *testing.T) *vectors {
	t.Helper()
	raw, err := os.ReadFile("../../../shared/vectors/cloud.json")
	if err != nil {
		t.Skip("the vectors of other clients are not here:", err)
	}
	var v vectors
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return &v
}

func mustSeal(t *testing.T, ssecurity string, nonce []byte) *seal {
	t.Helper()
	s, err := newSeal(ssecurity, [12]byte(nonce))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestSealOfOthers holds one vector of each kind, so that it runs everywhere:
// micloud 0.6 and mihome-ctl 0.7.0 made the same values.
func TestSealOfOthers(t *testing.T) {
	s := mustSeal(t, "BnDQHJkIrPl9GhgT4llZyA==", unhex(t, "0480a93d2e9b094b01c03b5a"))
	form, err := url.ParseQuery(s.form("POST", "/miotspec/prop/set", `{"params":[{"did":"987","siid":3,"piid":4,"value":"客厅 Küche &=+/"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"data":       {"EagoKmwA+XuuiHzVfuQ8vOWtHMRn1D1iNiEcZViufBPB/egt95C2CfkAtm29A6WdhALFNb2uNv4QqhB6XVPh/Gu+mliseNgtMg=="},
		"rc4_hash__": {"AsxuB20j5ifD3lLEZLIttp3NcJwmrHp+JWQ8MQ=="},
		"signature":  {"XsBUdELJlzeitQwLgbgl/lfEvDs="},
		"_nonce":     {"BICpPS6bCUsBwDta"},
	}
	if diff := cmp.Diff(want, form); diff != "" {
		t.Error(diff)
	}
	if got := clientSign("1234567890123456789", "AAECAwQFBgcICQoLDA0ODw=="); got != "C434rCJHNvGCDLlkoEZJrJeGW2U=" {
		t.Errorf("clientSign %s", got)
	}
	if got := passwordHash("密码123"); got != "D18902DD4CC8DF459A9E769DC749888D" {
		t.Errorf("hash %s", got)
	}
}

func TestVectorsOfRequests(t *testing.T) {
	v := load(t)
	for _, r := range v.Requests {
		t.Run(r.Name, func(t *testing.T) {
			s := mustSeal(t, r.Ssecurity, unhex(t, r.Nonce))
			if got := hex.EncodeToString(s.signed[:]); got != r.Signed {
				t.Errorf("signed nonce %s, want %s", got, r.Signed)
			}
			if got := s.hash(r.Method, r.Path, "data="+r.Data); got != r.Hash {
				t.Errorf("hash %s, want %s", got, r.Hash)
			}
			wantForm(t, s.form(r.Method, r.Path, r.Data), r.Encoded)
			get, _ := url.ParseQuery(s.form("GET", r.Path, r.Data))
			for name, want := range r.GetForm {
				if got := get.Get(name); got != want {
					t.Errorf("GET %s = %s, want %s", name, got, want)
				}
			}
			plain, _ := url.ParseQuery(s.plainForm(r.Path, r.Data))
			if got := plain.Get("signature"); got != r.HMAC.Signature || plain.Get("data") != r.Data {
				t.Errorf("plain %v, want %s", plain, r.HMAC.Signature)
			}
			form, _ := url.ParseQuery(r.Encoded) // and back
			hidden, _ := base.DecodeString(form.Get("data"))
			if got := string(s.crypt(hidden)); got != r.Data {
				t.Errorf("decrypted %s, want %s", got, r.Data)
			}
		})
	}
}

func wantForm(t *testing.T, got, want string) {
	t.Helper()
	a, _ := url.ParseQuery(got)
	b, _ := url.ParseQuery(want)
	if diff := cmp.Diff(b, a); diff != "" || len(got) != len(want) {
		t.Errorf("form %s, want %s: %s", got, want, diff)
	}
}

func TestVectorsOfAnswers(t *testing.T) {
	v := load(t)
	for _, r := range v.Responses {
		t.Run(r.Name, func(t *testing.T) {
			nonce, _ := base.DecodeString(r.Nonce)
			s := mustSeal(t, r.Ssecurity, nonce)
			for _, body := range []string{r.Body, r.Packed} {
				if got, err := s.open([]byte(body)); err != nil || string(got) != r.Plain {
					t.Errorf("opened %s, %v, want %s", got, err, r.Plain)
				}
				if got, err := parseReply([]byte(body), s); err != nil || got.Code != "0" || got.Message != "ok" {
					t.Errorf("reply %+v, %v", got, err)
				}
			}
			if got := base.EncodeToString(s.crypt([]byte(r.Plain))); got != r.Body { // and back
				t.Errorf("encrypted %s, want %s", got, r.Body)
			}
		})
	}
}

func TestVectorsOfTheRest(t *testing.T) {
	v := load(t)
	for _, r := range v.RC4 {
		s := &seal{}
		copy(s.signed[:], unhex(t, r.Key))
		plain, err := base.DecodeString(r.Plain)
		if r.Plain == "hello" || err != nil || len(r.Plain) > 200 { // text, not base64
			plain = []byte(r.Plain)
		}
		cipher, _ := base.DecodeString(r.Cipher)
		if len(plain) != len(cipher) {
			plain = []byte(r.Plain)
		}
		if got := base.EncodeToString(s.crypt(plain)); got != r.Cipher {
			t.Errorf("RC4 %.20q: %.40s, want %.40s", r.Plain, got, r.Cipher)
		}
		if got := s.crypt(cipher); string(got) != string(plain) {
			t.Errorf("RC4 back %.40q, want %.40q", got, plain)
		}
	}
	for _, r := range v.PasswordHash {
		if got := passwordHash(mi.Secret(r.Password)); got != r.Hash {
			t.Errorf("hash of %q is %s, want %s", r.Password, got, r.Hash)
		}
	}
	for _, r := range v.ClientSign {
		if got := clientSign(r.Nonce.String(), r.Ssecurity); got != r.Sign {
			t.Errorf("clientSign of %s is %s, want %s", r.Nonce, got, r.Sign)
		}
	}
	for _, r := range v.Nonce {
		bits := unhex(t, r.Bits)
		n := newNonce(be(bits)-1<<63, time.Unix(r.Seconds, 0)) // the other client takes half the range away
		if got := hex.EncodeToString(n[:]); got != r.Hex {
			t.Errorf("nonce %s, want %s", got, r.Hex)
		}
	}
}

func be(b []byte) (n uint64) {
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n
}

func TestSignInAnswersKeepLargeNumbers(t *testing.T) {
	a, err := parseAnswer([]byte(prefix + `{"code":0,"nonce":9007199254740993,"userId":4294967297}`))
	if err != nil || a.Nonce != "9007199254740993" || a.UserID != "4294967297" {
		t.Errorf("answer %+v, %v", a, err)
	}
	a, err = parseAnswer([]byte(prefix + `{"code":0,"nonce":-42,"userId":"7"}`))
	if err != nil || a.Nonce != "-42" || a.UserID != "7" {
		t.Errorf("answer %+v, %v", a, err)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	s := mustSeal(t, ssecurity, make([]byte, 12))
	for name, tc := range map[string]struct {
		body string
		want error
	}{
		"page":    {"<!DOCTYPE html><html><body>blocked</body></html>", ErrHTML},
		"noise":   {"%%%", mi.ErrProtocol},
		"no code": {`{"message":"hello"}`, mi.ErrProtocol},
		"deep":    {`{"code":0,"result":` + string(make([]byte, 0)) + deepList(40) + `}`, mi.ErrProtocol},
		"empty":   {"", mi.ErrProtocol},
	} {
		if _, err := parseReply([]byte(tc.body), s); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
	if _, err := parseAnswer([]byte("<html>")); !errors.Is(err, ErrHTML) || !errors.Is(err, mi.ErrProtocol) {
		t.Errorf("page: %v", err)
	}
}

func deepList(n int) string {
	out := ""
	for range n {
		out = "[" + out + "]"
	}
	return out
}

func TestSessionsThatEnded(t *testing.T) {
	for body, want := range map[string]bool{
		`{"code":3,"message":"auth error"}`:                                      true,
		`{"code":2,"message":""}`:                                                true,
		`{"code":0,"message":"SERVICETOKEN_EXPIRED"}`:                            true,
		`{"code":0,"message":"auth err","result":null}`:                          true,
		`{"code":-704010901,"message":"token missing"}`:                          true,
		`{"code":0,"message":"invalid signature"}`:                               true,
		`{"code":0,"message":"ok","result":{}}`:                                  false,
		`{"code":0,"message":"scene SERVICETOKEN_EXPIRED ran","result":["yes"]}`: false,
		`{"code":-704042011,"message":"device offline"}`:                         false,
	} {
		r, err := parseReply([]byte(body), nil)
		if err != nil || r.expired() != want || errors.Is(r.refused(), ErrAuthExpired) != want {
			t.Errorf("%s: expired %v, %v", body, r.expired(), err)
		}
	}
}

func TestRefusalsHaveKinds(t *testing.T) {
	for code, want := range map[int]error{
		-704042011: mi.ErrOffline, -704053036: mi.ErrTimeout, -704220043: mi.ErrInvalid,
		-704040003: mi.ErrUnsupported, -2: mi.ErrOffline, -8: mi.ErrTimeout, -6: mi.ErrInvalid, 42: mi.ErrUnsupported,
	} {
		err := (&reply{Code: text(json.Number(itoa(code))), Message: "no"}).refused()
		r, ok := errors.AsType[*Refusal](err)
		if !ok || r.Code() != code || !errors.Is(err, want) {
			t.Errorf("%d: %v, want %v", code, err, want)
		}
	}
}

func itoa(n int) string { b, _ := json.Marshal(n); return string(b) }

func TestGzipBombIsRefused(t *testing.T) {
	noise := make([]byte, 17<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise) // it never fails
	for _, tc := range []struct {
		name  string
		level int
		text  []byte
		good  bool
	}{
		{"as much as anything may have", gzip.BestCompression, make([]byte, freeOpened), true}, {"200 to 1", gzip.BestCompression, make([]byte, freeOpened+1), false},
		{"16 MiB that cannot be packed", gzip.NoCompression, noise[:maxOpened], true}, {"more than 16 MiB", gzip.NoCompression, noise, false},
	} {
		var packed bytes.Buffer
		z, _ := gzip.NewWriterLevel(&packed, tc.level) // a level that there is
		_, _ = z.Write(tc.text)                        // into memory
		_ = z.Close()
		out, err := unpack(packed.Bytes())
		if good := err == nil && bytes.Equal(out, tc.text); good != tc.good || !good && !errors.Is(err, mi.ErrProtocol) {
			t.Errorf("%s, %d bytes packed: %d bytes, %v", tc.name, packed.Len(), len(out), err)
		}
	}
	if _, err := unpack([]byte{0x1f, 0x8b, 1}); !errors.Is(err, mi.ErrProtocol) {
		t.Errorf("got %v", err)
	}
}
