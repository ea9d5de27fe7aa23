package page

import "neuroloupe/render"

// Style is the stylesheet of the reports, with which that of the live page begins.
func Style() []byte {
	text, err := assets.ReadFile("assets/style.css")
	if err != nil {
		panic(err) // it is embedded
	}
	return text
}

// Palettes are the colour maps that a reader can choose from, the usual one first.
func Palettes() []Colors { return palettes(render.BlueOrange) }
