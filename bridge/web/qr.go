package web

import (
	"fmt"
	"html/template"
	"strings"

	"rsc.io/qr"
)

const (
	qrModule = 6 // pixels
	qrQuiet  = 4 // modules around
)

// qrCode draws a QR code as one path of an SVG, dark on light whatever the theme;
// nothing when the text is too long for one.
func qrCode(text string) template.HTML {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return ""
	}
	var path strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			if !code.Black(x, y) {
				continue
			}
			from := x
			for x < code.Size && code.Black(x, y) {
				x++
			}
			fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", from, y, x-from, x-from)
		}
	}
	side := code.Size + 2*qrQuiet
	return template.HTML(fmt.Sprintf( //nolint:gosec // numbers only
		`<svg role="img" aria-labelledby="qr-label" width="%d" height="%d" viewBox="-%d -%d %d %d"><path d="%s"/></svg>`,
		side*qrModule, side*qrModule, qrQuiet, qrQuiet, side, side, path.String()))
}
