package redact

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
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

// textForms returns secret as the usual text formats write it.
func textForms(secret string) []string {
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
	decimal := strings.Trim(fmt.Sprint(raw), "[]")
	all := []string{lower, strings.ToUpper(lower), decimal, strings.ReplaceAll(decimal, " ", ",")}
	for _, format := range []string{"% x", "% X"} {
		spaced := fmt.Sprintf(format, raw)
		all = append(all, spaced, strings.ReplaceAll(spaced, " ", ":"))
	}
	for offset := range 3 {
		all = append(all, base64At(base64.RawStdEncoding, raw, offset), base64At(base64.RawURLEncoding, raw, offset))
	}
	return all
}

// base64At returns the characters of the encoded text that depend on raw alone
// when raw begins offset bytes after a group of three.
func base64At(enc *base64.Encoding, raw []byte, offset int) string {
	text := enc.EncodeToString(append(make([]byte, offset), raw...))
	first := (offset*8 + 5) / 6
	last := (offset + len(raw)) * 8 / 6
	return text[first:last]
}
