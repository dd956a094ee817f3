package redact

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"strconv"
	"strings"
)

// forms returns every form in which secret may show. A secret of hexadecimal
// digits is also the bytes that they mean.
func forms(secret string) []string {
	all := append(textForms(secret), byteForms([]byte(secret))...)
	if raw, err := hex.DecodeString(secret); err == nil && len(raw) >= least {
		all = append(all, byteForms(raw)...)
		all = append(all, string(raw))
	}
	kept := all[:0]
	for _, form := range all {
		if len(form) >= least {
			kept = append(kept, form)
		}
	}
	return kept
}

// plain reports whether secret has nothing but letters and digits, which no
// format changes.
func plain(secret string) bool {
	for _, c := range []byte(secret) {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}

// textForms returns secret as the usual text formats write it.
func textForms(secret string) []string {
	if plain(secret) {
		return []string{secret}
	}
	query, path := url.QueryEscape(secret), url.PathEscape(secret)
	quoted := strconv.Quote(secret)
	ascii := strconv.QuoteToASCII(secret)
	escaped := jsonText(secret)
	return []string{
		secret,
		query, url.QueryEscape(query), strings.ToLower(query),
		path, url.PathEscape(path), (&url.URL{Path: secret}).EscapedPath(), url.UserPassword("", secret).String()[1:],
		quoted[1 : len(quoted)-1], ascii[1 : len(ascii)-1],
		escaped, strings.ReplaceAll(escaped, "/", `\/`), strings.ReplaceAll(escaped, "=", `\u003d`),
		html.EscapeString(secret),
	}
}

func jsonText(secret string) string {
	text, err := json.Marshal(secret)
	if err != nil { // a string always encodes
		return secret
	}
	return string(text[1 : len(text)-1])
}

// byteForms returns raw as the usual encodings of bytes write it.
func byteForms(raw []byte) []string {
	lower := hex.EncodeToString(raw)
	upper := strings.ToUpper(lower)
	all := make([]string, 0, 14)
	all = append(all, lower, upper)
	for _, between := range []byte(" ,") {
		all = append(all, decimal(raw, between))
	}
	for _, between := range []byte(" :") {
		all = append(all, pairs(lower, between), pairs(upper, between))
	}
	for offset := range 3 {
		all = append(all, base64At(base64.RawStdEncoding, raw, offset), base64At(base64.RawURLEncoding, raw, offset))
	}
	return all
}

// decimal writes each byte as a number.
func decimal(raw []byte, between byte) string {
	b := make([]byte, 0, 4*len(raw))
	for i, c := range raw {
		if i > 0 {
			b = append(b, between)
		}
		b = strconv.AppendUint(b, uint64(c), 10)
	}
	return string(b)
}

// pairs writes hexadecimal digits two by two.
func pairs(digits string, between byte) string {
	b := make([]byte, 0, len(digits)*3/2)
	for i := 0; i < len(digits); i += 2 {
		if i > 0 {
			b = append(b, between)
		}
		b = append(b, digits[i:i+2]...)
	}
	return string(b)
}

// base64At returns the characters of the encoded text that depend on raw alone
// when raw begins offset bytes after a group of three.
func base64At(enc *base64.Encoding, raw []byte, offset int) string {
	text := enc.EncodeToString(append(make([]byte, offset), raw...))
	first := (offset*8 + 5) / 6
	last := (offset + len(raw)) * 8 / 6
	return text[first:last]
}
