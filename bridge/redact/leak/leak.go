// Package leak finds secrets in what a program has said. It is for tests: it knows
// the forms that secrets take from its own tables, so that a mistake of package
// redact shows.
package leak

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// least is the shortest secret and form, in bytes, that is looked for: shorter ones
// are in ordinary text too.
const least = 6

// Search looks for secrets.
type Search struct{ all []secret }

type secret struct {
	mark  string // how the secret is named in a finding
	forms []form
}

type form struct{ name, text string }

// For returns a search for secrets; those too short to be told from ordinary text
// are left out.
func For(secrets ...string) *Search {
	s := &Search{}
	slices.Sort(secrets)
	for _, one := range slices.Compact(secrets) {
		if len(one) < least {
			continue
		}
		forms := formsOf(one, "")
		if raw, err := hex.DecodeString(one); err == nil && len(raw) >= least {
			forms = append(forms, formsOf(string(raw), " of its bytes")...)
		}
		s.all = append(s.all, secret{mark: fmt.Sprintf("%.4s… (%d bytes)", one, len(one)), forms: distinct(forms)})
	}
	return s
}

// Len returns how many secrets are looked for.
func (s *Search) Len() int { return len(s.all) }

// In returns which secrets text holds and in which form, in words that do not give
// them away.
func (s *Search) In(text string) (found []string) {
	for _, one := range s.all {
		for _, f := range one.forms {
			if strings.Contains(text, f.text) {
				found = append(found, one.mark+" as "+f.name)
				break
			}
		}
	}
	return found
}

// formsOf returns how the usual formats and encodings write a secret.
func formsOf(secret, of string) []form {
	digits := hex.EncodeToString([]byte(secret))
	quoted := bare(strconv.Quote(secret))
	escaped := inJSON(secret)
	all := []form{
		{"itself", secret}, {"hex", digits}, {"HEX", strings.ToUpper(digits)}, {"spaced hex", fmt.Sprintf("% x", secret)}, {"spaced HEX", fmt.Sprintf("% X", secret)},
		{"hex with colons", strings.ReplaceAll(fmt.Sprintf("% x", secret), " ", ":")}, {"numbers", strings.Trim(fmt.Sprint([]byte(secret)), "[]")},
		{"numbers of JSON", strings.ReplaceAll(strings.Trim(fmt.Sprint([]byte(secret)), "[]"), " ", ",")},
		{"query", url.QueryEscape(secret)}, {"query twice", url.QueryEscape(url.QueryEscape(secret))}, {"query in small letters", strings.ToLower(url.QueryEscape(secret))},
		{"path", url.PathEscape(secret)}, {"path twice", url.PathEscape(url.PathEscape(secret))}, {"path of a URL", (&url.URL{Path: secret}).EscapedPath()},
		{"user info", url.UserPassword("", secret).String()[1:]},
		{"JSON", escaped}, {"JSON with slashes", strings.ReplaceAll(escaped, "/", `\/`)}, {"JSON with signs", strings.ReplaceAll(escaped, "=", `\u003d`)}, {"JSON in JSON", inJSON(escaped)},
		{"quoted", quoted}, {"quoted in ASCII", bare(strconv.QuoteToASCII(secret))}, {"HTML", html.EscapeString(secret)}, {"HTML of a template", strings.ReplaceAll(html.EscapeString(secret), "+", "&#43;")}, {"JSON in HTML", html.EscapeString(escaped)},
	}
	for offset := range 3 {
		for _, e := range []struct {
			name string
			*base64.Encoding
		}{{"base64", base64.RawStdEncoding}, {"base64 for URLs", base64.RawURLEncoding}} {
			text := certain(e.Encoding, secret, offset)
			all = append(all, form{fmt.Sprint(e.name, " at ", offset), text}, form{fmt.Sprint(e.name, " at ", offset, " in a query"), url.QueryEscape(text)})
		}
	}
	for i := range all {
		all[i].name += of
	}
	return all
}

// certain returns the characters of base64 that depend on secret alone when it
// begins offset bytes after a group of three.
func certain(e *base64.Encoding, secret string, offset int) string {
	text := e.EncodeToString([]byte("ab"[:offset] + secret))
	return text[(offset*8+5)/6 : (offset+len(secret))*8/6]
}

func bare(quoted string) string { return quoted[1 : len(quoted)-1] }

func inJSON(text string) string {
	out, _ := json.Marshal(text) // text always encodes
	return bare(string(out))
}

// distinct drops what is too short, and what another form says.
func distinct(all []form) (kept []form) {
	for _, f := range all {
		if len(f.text) >= least && !slices.ContainsFunc(kept, func(k form) bool { return strings.Contains(f.text, k.text) }) {
			kept = append(kept, f)
		}
	}
	return kept
}
