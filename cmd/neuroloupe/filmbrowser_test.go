package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/draw"
	"image/gif"
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// decodedFilm is what a browser makes of a film: all that is known of its frames, and the pixels of the first and the
// last, RGBA.
type decodedFilm struct {
	Width, Height int
	Durations     []int // of the frames, in microseconds
	Forever       bool
	First, Last   []byte
}

// decodeFilm decodes a film with the browser's own decoders.
func (b *browser) decodeFilm(data []byte, kind string) decodedFilm {
	b.t.Helper()
	// alone: it would fill the text of an error
	eval[bool](b, fmt.Sprintf("(window.film = %q) !== ''", base64.StdEncoding.EncodeToString(data)))
	return eval[decodedFilm](b, fmt.Sprintf(`(async () => {
		const data = Uint8Array.from(atob(film), c => c.charCodeAt(0)), d = new ImageDecoder({data, type: %q});
		await Promise.all([d.completed, d.tracks.ready]);
		const n = d.tracks.selectedTrack.frameCount, out = {Durations: [], Forever: d.tracks.selectedTrack.repetitionCount === Infinity};
		for (let i = 0; i < n; i++) {
			const {image} = await d.decode({frameIndex: i});
			[out.Width, out.Height] = [image.displayWidth, image.displayHeight];
			out.Durations.push(image.duration);
			if (i === 0 || i === n - 1) {
				const c = new OffscreenCanvas(out.Width, out.Height).getContext('2d', {willReadFrequently: true});
				c.drawImage(image, 0, 0);
				let text = '';
				for (const v of c.getImageData(0, 0, out.Width, out.Height).data) text += String.fromCharCode(v);
				out[i ? 'Last' : 'First'] = btoa(text);
			}
			image.close();
		}
		d.close();
		return out;
	})()`, kind))
}

// The film plays in a browser: as GIF and as animated PNG it has the frames, their times and every pixel of the first
// and the last that were drawn.
func TestFilmInBrowser(t *testing.T) {
	run := trained(t, "--net", "120-12-4", "--epochs", "3")
	dir := t.TempDir()
	blank := filepath.Join(dir, "page.html")
	if err := os.WriteFile(blank, []byte("<!doctype html><title>a film</title><link rel=icon href=data:,>"),
		0o666); err != nil {
		t.Fatal(err)
	}
	b := openPage(t, blank)
	film := func(name string) []byte {
		must(t, "film", run, "--delay", "300ms", "--mark-dead", "-o", filepath.Join(dir, name))
		return mustRead(t, dir, name)
	}
	asGIF, asPNG := film("film.gif"), film("film.png")
	// The frames as they were drawn; both files are made of the same ones.
	g, err := gif.DecodeAll(bytes.NewReader(asGIF))
	if err != nil {
		t.Fatal(err)
	}
	size := image.Rect(0, 0, g.Config.Width, g.Config.Height)
	drawn := make([][]byte, len(g.Image))
	canvas := image.NewRGBA(size)
	for i, img := range g.Image {
		draw.Draw(canvas, img.Rect, img, img.Rect.Min, draw.Over)
		drawn[i] = bytes.Clone(canvas.Pix)
	}
	if len(drawn) != 4 || bytes.Equal(drawn[0], drawn[3]) {
		t.Fatalf("%d frames, want 4, of which the last differs from the first", len(drawn))
	}
	still, err := png.Decode(bytes.NewReader(asPNG)) // which knows no animation
	if err != nil {
		t.Fatal(err)
	}
	first := image.NewRGBA(size)
	draw.Draw(first, size, still, image.Point{}, draw.Src)
	if !bytes.Equal(first.Pix, drawn[0]) {
		t.Error("the still of the animated PNG is not the first frame")
	}
	for _, c := range []struct {
		kind string
		data []byte
	}{{"image/gif", asGIF}, {"image/png", asPNG}} {
		t.Run(c.kind, func(t *testing.T) {
			got := b.decodeFilm(c.data, c.kind)
			if got.Width != size.Dx() || got.Height != size.Dy() || !got.Forever || len(got.Durations) != 4 {
				t.Fatalf("%d×%d pixels, %d frames, for ever %v; want %v, 4, true", got.Width, got.Height,
					len(got.Durations), got.Forever, size.Max)
			}
			for i, d := range got.Durations {
				want := 300 * time.Millisecond
				if i == 3 {
					want = 3 * time.Second // the last one stays
				}
				if time.Duration(d)*time.Microsecond != want {
					t.Errorf("frame %d stands %d µs, want %v", i, d, want)
				}
			}
			for name, pair := range map[string][2][]byte{"first": {got.First, drawn[0]}, "last": {got.Last, drawn[3]}} {
				if len(pair[0]) != len(pair[1]) {
					t.Errorf("%s frame: %d bytes, want %d", name, len(pair[0]), len(pair[1]))
					continue
				}
				wrong := 0
				for i := 0; i < len(pair[0]); i += 4 {
					if !bytes.Equal(pair[0][i:i+4], pair[1][i:i+4]) {
						if wrong++; wrong == 1 {
							t.Errorf("%s frame, %v: %v, want %v", name, image.Pt(i/4%size.Dx(), i/4/size.Dx()),
								pair[0][i:i+4], pair[1][i:i+4])
						}
					}
				}
				if wrong > 0 {
					t.Errorf("%s frame: %d of %d pixels differ", name, wrong, len(pair[0])/4)
				}
			}
		})
	}
	b.quiet()
}
