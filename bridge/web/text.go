package web

import (
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

//go:embed text/*.json
var textFiles embed.FS

// texts are the words of the pages in other languages, by language and by their
// English words. What a language lacks is shown in English.
type texts struct {
	languages []string // sorted, English included
	words     map[string]map[string]string
}

// languageNames are how each language calls itself.
var languageNames = map[string]string{"en": "English", "de": "Deutsch", "zh": "中文"}

func loadTexts() (texts, error) {
	t := texts{languages: []string{"en"}, words: map[string]map[string]string{}}
	files, err := textFiles.ReadDir("text")
	if err != nil {
		return t, err
	}
	for _, f := range files {
		raw, err := textFiles.ReadFile(path.Join("text", f.Name()))
		if err != nil {
			return t, err
		}
		words := map[string]string{}
		if err := json.Unmarshal(raw, &words); err != nil {
			return t, fmt.Errorf("web: text %s: %w", f.Name(), err)
		}
		language := strings.TrimSuffix(f.Name(), ".json")
		t.words[language] = words
		t.languages = append(t.languages, language)
	}
	slices.Sort(t.languages)
	return t, nil
}

// say returns an English sentence in a language, with its parameters filled in.
func (t *texts) say(language, english string, args ...any) string {
	text, ok := t.words[language][english]
	if !ok || text == "" {
		text = english
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// tell returns a text that was put together elsewhere in a language, as far as its
// sentences are known there. Numbers in it may stand as %d in the known sentence.
func (t *texts) tell(language, text string) string {
	for end := len(text); end > 0; end = strings.LastIndex(text[:end], ". ") + 1 {
		known, ok := t.known(language, text[:end])
		switch {
		case ok && end == len(text):
			return known
		case ok:
			return known + " " + t.tell(language, text[end+1:])
		}
	}
	return text
}

var number = regexp.MustCompile(`\d+`)

func (t *texts) known(language, sentence string) (string, bool) {
	if text := t.words[language][sentence]; text != "" {
		return text, true
	}
	var numbers []any
	pattern := number.ReplaceAllStringFunc(sentence, func(digits string) string {
		n, _ := strconv.Atoi(digits) // too large a number is 0, and no sentence has one
		numbers = append(numbers, n)
		return "%d"
	})
	if text := t.words[language][pattern]; text != "" && len(numbers) > 0 {
		return fmt.Sprintf(text, numbers...), true
	}
	return "", false
}

// choose finds the language of a request: the one chosen, else the browser's.
func (t *texts) choose(r *http.Request) string {
	if c, err := r.Cookie("lang"); err == nil && slices.Contains(t.languages, c.Value) {
		return c.Value
	}
	for wish := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		wish, _, _ = strings.Cut(strings.TrimSpace(wish), ";")
		wish, _, _ = strings.Cut(strings.ToLower(wish), "-")
		if slices.Contains(t.languages, wish) {
			return wish
		}
	}
	return "en"
}
