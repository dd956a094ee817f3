package cloud

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
)

// glyphs are the characters of pictures, 5 by 7, a row in the lowest bits of each
// of seven numbers.
func glyphs() map[byte][7]byte {
	return map[byte][7]byte{
		'2': {14, 17, 1, 2, 4, 8, 31},
		'3': {31, 2, 4, 2, 1, 17, 14},
		'4': {2, 6, 10, 18, 31, 2, 2},
		'6': {6, 8, 16, 30, 17, 17, 14},
		'7': {31, 1, 2, 4, 8, 8, 8},
		'9': {14, 17, 17, 15, 1, 2, 12},
		'A': {14, 17, 17, 31, 17, 17, 17},
		'E': {31, 16, 16, 30, 16, 16, 31},
		'H': {17, 17, 17, 31, 17, 17, 17},
		'K': {17, 18, 20, 24, 20, 18, 17},
		'L': {16, 16, 16, 16, 16, 16, 31},
		'T': {31, 4, 4, 4, 4, 4, 4},
		'h': {16, 16, 22, 25, 17, 17, 17},
		'n': {0, 0, 22, 25, 17, 17, 17},
		'r': {0, 0, 22, 25, 16, 16, 16},
	}
}

// alphabet are the glyphs in order, for drawing one.
const alphabet = "234679AEHKLThnr"

// picture makes a captcha: the picture, and the cookie that belongs to it.
func (s *Server) picture() reply {
	text := make([]byte, 5)
	for i := range text {
		text[i] = alphabet[s.draw.IntN(len(alphabet))]
	}
	room(s.captchas)
	ick := encode(s.bytes(18))
	s.captchas[ick], s.captchas[newest] = string(text), string(text)
	return reply{kind: "image/png", body: paint(text, s.bytes(300)), cookies: [][2]string{{"ick", ick}}}
}

// paint draws text with some dirt.
func paint(text, dirt []byte) []byte {
	const dot, gap, margin = 5, 6, 12
	img := image.NewPaletted(image.Rect(0, 0, 2*margin+len(text)*gap*dot, 2*margin+7*dot), color.Palette{color.White, color.Black, color.Gray{170}})
	b := img.Bounds()
	for i := 0; i+1 < len(dirt); i += 2 {
		img.SetColorIndex(int(dirt[i])%b.Dx(), int(dirt[i+1])%b.Dy(), 2)
	}
	font := glyphs()
	for i, c := range text {
		for y, row := range font[c] {
			for x := range 5 {
				if row&(16>>x) != 0 {
					block(img, margin+(i*gap+x)*dot, margin+y*dot, dot)
				}
			}
		}
	}
	return encodePNG(img)
}

func block(img *image.Paletted, left, top, size int) {
	for y := range size {
		for x := range size {
			img.SetColorIndex(left+x, top+y, 1)
		}
	}
}

func encodePNG(img image.Image) []byte {
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		panic(err) // a buffer takes everything
	}
	return buf.Bytes()
}

// scanPicture stands for the picture of a QR code. Clients draw the code themselves
// from its address; this one only shows that there is a picture.
func scanPicture(v *visit) reply {
	name := []byte(v.Form.Get("ticket"))
	return reply{kind: "image/png", body: paint([]byte("AEHL"), name)}
}
