package web

import (
	"html/template"
	"maps"
	"slices"
	"strings"
)

// lines are the icons: what stands inside an svg of 24 by 24. They are drawn by us.
var lines = map[string]string{
	"air":       `<rect x="6.5" y="3.5" width="11" height="17" rx="3"/><path d="M10 8h4M9.5 12h5M9.5 15h5"/>`,
	"back":      `<path d="m14 6-6 6 6 6"/>`,
	"bluetooth": `<path d="m7 8 10 8-5 4V4l5 4-10 8"/>`,
	"camera":    `<circle cx="12" cy="10" r="6"/><circle cx="12" cy="10" r="2"/><path d="M8 20h8M12 16v4"/>`,
	"check":     `<path d="m5.5 12.5 4.5 4.5 9-10"/>`,
	"climate":   `<rect x="3.5" y="5.5" width="17" height="8" rx="2"/><path d="M7 17v2M12 17v3M17 17v2M7 10.500h7"/>`,
	"cloud":     `<path d="M7.5 18.5a4 4 0 0 1-.4-8A5.2 5.2 0 0 1 17 9.7a4.4 4.4 0 0 1-.5 8.8z"/>`,
	"cooker":    `<path d="M5 10h14v6a4 4 0 0 1-4 4H9a4 4 0 0 1-4-4zM4 10a8 5 0 0 1 16 0M12 5V3.5"/>`,
	"copy":      `<rect x="8.5" y="8.5" width="11" height="11" rx="2"/><path d="M15.500 8.500V6A1.500 1.500 0 0 0 14 4.500H6A1.500 1.500 0 0 0 4.500 6v8A1.500 1.500 0 0 0 6 15.500h2.500"/>`,
	"curtain":   `<path d="M4 4.500h16M6 4.500v15M18 4.500v15M6 19.500c3-2 4-7 4-15M18 19.500c-3-2-4-7-4-15"/>`,
	"device":    `<rect x="6" y="4" width="12" height="16" rx="2.5"/><path d="M12 16.500v.1"/>`,
	"devices":   `<rect x="4" y="4" width="7" height="7" rx="1.5"/><rect x="13" y="4" width="7" height="7" rx="1.5"/><rect x="4" y="13" width="7" height="7" rx="1.5"/><rect x="13" y="13" width="7" height="7" rx="1.5"/>`,
	"down":      `<path d="M12 4.500v10M7.500 10.500l4.500 4.500 4.500-4.500M5 19.500h14"/>`,
	"external":  `<path d="M10 5.500H6A1.500 1.500 0 0 0 4.500 7v11A1.500 1.500 0 0 0 6 19.500h11a1.500 1.500 0 0 0 1.500-1.500v-4M14 4.500h5.500V10M19 5l-8 8"/>`,
	"fan":       `<circle cx="12" cy="9.5" r="5.500"/><path d="M12 15v5M8.500 20h7M12 9.500V6M12 9.500l3 2M12 9.500l-3 2"/>`,
	"gateway":   `<rect x="4" y="13" width="16" height="6.5" rx="1.5"/><path d="M8 16.3h.01M12 13V9"/><path d="M8.8 7.2a4.5 4.5 0 0 1 6.4 0"/>`,
	"gear":      `<path d="M5 7h8M17 7h2M5 17h2M11 17h8"/><circle cx="15" cy="7" r="2"/><circle cx="9" cy="17" r="2"/>`,
	"home":      `<path d="M4 11 12 4.5 20 11v8a1 1 0 0 1-1 1h-4.5v-5.5h-5V20H5a1 1 0 0 1-1-1z"/>`,
	"key":       `<circle cx="8.500" cy="14" r="4"/><path d="m11.500 11 7.500-7M16 7l2.500 2.500"/>`,
	"lamp":      `<path d="M9.5 18h5M10.5 20.5h3M8.6 14.6a5.5 5.5 0 1 1 6.8 0c-.6.5-.9 1-.9 1.7h-5c0-.7-.3-1.2-.9-1.7z"/>`,
	"lan":       `<path d="M4.5 10a11 11 0 0 1 15 0M7.3 13.2a7 7 0 0 1 9.4 0M10 16.3a3 3 0 0 1 4 0"/><path d="M12 19.4v.1"/>`,
	"lock":      `<rect x="5.500" y="10.500" width="13" height="9.500" rx="2"/><path d="M8.500 10.500V8a3.500 3.500 0 0 1 7 0v2.500"/>`,
	"logo":      `<path d="M4 11.5 12 5l8 6.5V19a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1z"/><path d="M9 14.5a4.2 4.2 0 0 1 6 0"/><path d="M7.2 12.3a7 7 0 0 1 9.6 0"/><circle cx="12" cy="17" r=".6"/>`,
	"logs":      `<path d="M5 6h14M5 10.5h14M5 15h9M5 19.5h6"/>`,
	"more":      `<path d="M5 12h.01M12 12h.01M19 12h.01" stroke-width="3"/>`,
	"motion":    `<circle cx="13" cy="5" r="1.8"/><path d="m10 20 2-5-2.5-2.5L11 9l3 2.5h3M9.5 9.5 7 12"/>`,
	"mqtt":      `<path d="M5 19.5h.1M5 12.5a7 7 0 0 1 7 7M5 5.5a14 14 0 0 1 14 14"/>`,
	"note":      `<circle cx="12" cy="12" r="8"/><path d="M12 11v5M12 8v.1"/>`,
	"off":       `<circle cx="12" cy="12" r="8"/><path d="M8.5 12h7"/>`,
	"phone":     `<rect x="7" y="3.500" width="10" height="17" rx="2"/><path d="M11 17.500h2"/>`,
	"plug":      `<path d="M8.500 4v4M15.500 4v4M6 8h12v3.500a6 6 0 0 1-12 0zM12 17.500V21"/>`,
	"refresh":   `<path d="M19 12a7 7 0 1 1-2.2-5.1M19 4v4h-4"/>`,
	"router":    `<rect x="4" y="14" width="16" height="5.500" rx="1.5"/><path d="M7.500 14V6M16.500 14V6M8 16.800h.01M11 16.800h.01"/>`,
	"routes":    `<circle cx="6" cy="6" r="2.5"/><circle cx="18" cy="12" r="2.5"/><circle cx="6" cy="18" r="2.5"/><path d="M8.4 7.1 15.6 11M8.4 16.9 15.6 13"/>`,
	"search":    `<circle cx="10.500" cy="10.500" r="6"/><path d="m15 15 5 5"/>`,
	"speaker":   `<rect x="6.500" y="3.500" width="11" height="17" rx="2"/><circle cx="12" cy="14.500" r="3"/><path d="M12 7.500v.1"/>`,
	"stop":      `<path d="M8.3 3.5h7.4l4.8 4.8v7.4l-4.8 4.8H8.3l-4.8-4.8V8.3z"/><path d="M12 8v5M12 16.2v.1"/>`,
	"tv":        `<rect x="3.5" y="5.5" width="17" height="11" rx="1.5"/><path d="M9 20h6"/>`,
	"user":      `<circle cx="12" cy="8.5" r="3.7"/><path d="M4.8 20a7.2 7.2 0 0 1 14.4 0"/>`,
	"vacuum":    `<circle cx="12" cy="12" r="8"/><circle cx="12" cy="9" r="2.500"/><path d="M6 17h12"/>`,
	"warn":      `<path d="M12 4 21 19.5H3z"/><path d="M12 10v4.5M12 17.2v.1"/>`,
	"water":     `<path d="M12 3.500c4 4.500 6 7.500 6 10.500a6 6 0 0 1-12 0c0-3 2-6 6-10.500z"/>`,
}

// icon refers to a symbol of the page. It is decoration: the words beside it say
// the same.
func icon(name string) template.HTML {
	if _, ok := lines[name]; !ok {
		name = "device"
	}
	return template.HTML(`<svg aria-hidden="true" viewBox="0 0 24 24"><use href="#i-` + name + `"/></svg>`) //nolint:gosec // from our own table
}

// sprite writes the symbols that a page refers to.
func sprite() template.HTML {
	var b strings.Builder
	b.WriteString(`<svg class="sprite" aria-hidden="true">`)
	for _, name := range slices.Sorted(maps.Keys(lines)) {
		b.WriteString(`<symbol id="i-` + name + `" viewBox="0 0 24 24">` + lines[name] + `</symbol>`)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // from our own table
}
