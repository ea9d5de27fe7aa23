// Package render turns rows of weights into pictures that need no manual: a
// contact sheet shows every hidden neuron of a layer as one small map, with a
// title, a colour bar with numbers, labels, a caption and, where something is
// not plain, a legend.
//
//	picture, err := render.Sheet{
//		Title: "mnist · 784-100-10 · 97.9 % test accuracy",
//		Width: 28, Height: 28, Tiles: tiles,
//	}.Draw()
//	...
//	err = render.EncodePNG(w, picture.Image, picture.Info())
//
// Every page is a Figure: panels of any kind in rows, Sheet, Map, Image, Thumbs,
// HiddenGrid, Bars, Chart, Matrix, Table, Text, Sheets, with a Glyph between them where
// they make an equation. Those with the same Colors have one scale and one colour
// bar. A Sheet or a Chart by itself is the figure of this panel alone. A Figure
// draws to a Picture, which knows where every map lies and reads the values back
// from the pixels. A Film is a sheet over training, written as GIF or APNG.
//
// For a page that draws by itself, Colormap.Table is the colours.
//
// Nothing in the package keeps state between calls; everything may be used by
// several goroutines at once, provided that nobody changes the weights.
//
// # Why
//
// A page is laid out first, as a list of texts and maps with their places, and
// painted afterwards. The size is known, and refused if absurd, before the image
// is allocated, and tests check every box of a page without painting it.
//
// Text, frames and the ends of the colour bar are drawn with gg. The maps are
// written straight into the image's bytes: pixel by pixel through gg, those of a
// sheet of 4096 take nine times as long. All frames as one path of gg took longer
// than everything else on that sheet together, because the rasteriser walks the
// edges of a line of pixels one after the other; sixteen frames a path do not.
//
// Maps are enlarged by whole factors only, without smoothing. A smoothed map is
// prettier and lies: it shows structure between pixels that the network has no
// weight for, and its colours are no longer those of the colour bar.
//
// Lightness of the diverging colour maps falls linearly from zero to both ends,
// so that an equal weight looks equally strong on either side; the common
// red-white-blue through saturated primaries does not do that, and in a map with
// a dark zero the pixels that were never trained look like the important ones.
// What is not finite is violet: magenta, the usual choice, a deuteranope can
// hardly tell from some blues of the default map.
//
// PNG is written by an encoder of a few lines that knows enlarged pixels: a row
// like the one above it, or else as it is. Differences from the left, tried first,
// gave files a sixth to a third larger: pictures have few colours, which repeat
// better than their differences. image/png tries five filters on every row and
// takes four times as long.
//
// A film has 64 colours on each side of zero where a picture has 127. A GIF has
// 256 in all, and 255 would leave one for the text; and weights that hardly move
// then keep their colour from frame to frame, so that they cost nothing. Only the
// rectangle that changes is written, and in it only the pixels that do. Of 31
// frames of 784-100-10, that is 2.6 MB as GIF and 1.5 MB as APNG, whose rows that
// repeat the one above them pack better.
//
// Images and activations are drawn dark on white, like ink: the light neutral
// zero of the maps of weights then means the same everywhere, nothing.
//
// Where tiles become too small for text that can be read, text goes: facts
// first, then names, if they are numbers in order and headings can replace them.
// Text is never made smaller than 8 pixels, never overlaps, and is cut only when
// moving the tiles apart would tear the grid. In charts, bars and matrices a name
// is cut that would leave no room for what it names.
//
// Labels are planned for the whole grid. Fitting each by itself gives each its
// own size and its own number of lines, and the page becomes restless.
package render
