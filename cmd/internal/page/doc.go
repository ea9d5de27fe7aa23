// Package page makes the report of a run: one HTML file that opens offline, loads nothing, and lets a person walk
// through a network neuron by neuron.
//
//	doc, err := page.Collect(ctx, run) // the numbers
//	err = page.Write(w, doc)           // the file
//
// [Collect] asks package inspect for every number and packs them as a [Document]; [Write] puts it, as JSON, into a page
// with the stylesheet and the script of the folder assets. The script draws and sorts; it computes nothing that package
// inspect knows, but for one sum that the reader is asked to check.
//
// [CollectMany] and [WriteMany] do the same for many runs side by side, with package study's numbers.
//
// # Why
//
// Maps travel as one signed byte per weight and a scale per map, which the script colours: a tenth of what PNGs of
// three views in two themes take, and the colour bar, the theme and the scale stay free to change. The raw weights are
// put together from the learned part and the start, W = (W − γW₀) + γW₀, so two of the three are kept. Images are
// sprites of hundreds in one PNG, because four of five of their pixels are 0. The film is kept as differences from
// frame to frame, deflated, because what a network has learned changes little late in its training.
//
// What is worked out for every neuron is bounded, so that 4,096 neurons take seconds and some hundred megabytes: a
// layer's values are held for the images of one class at a time, patterns and ablation go over a part of the test
// images when all would be too much work or memory, and the film has the most important neurons. Every neuron keeps its
// map, its numbers and its page. What a bound cuts short is said on the page: [Document].Bounds.
//
// The page carries a content security policy that allows its own style and script, by hash, and nothing else, so that a
// request is refused by the browser even if one were ever written.
package page
