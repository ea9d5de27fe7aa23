package page

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"strings"
)

//go:embed assets
var assets embed.FS

// scripts are put together in this order into one.
var scripts = [...]string{
	"base.js", "draw.js", "charts.js", "sheet.js", "table.js", "neuron.js", "class.js", "why.js",
	"rest.js", "film.js", "start.js",
}

// page is what the template of a report sees.
type page struct {
	*Document
	inline
	Has has
}

// inline is what a page carries so that it asks for nothing else.
type inline struct {
	Policy string // content security policy
	Style  template.CSS
	Script template.JS
	Data   template.JS
}

// has says which sections there are.
type has struct{ Start, Data, Film, Metrics bool }

// Write writes the page of a document: one HTML file that asks for nothing else.
func Write(w io.Writer, d *Document) error {
	p := page{Document: d, Has: has{
		Start: d.Missing[NeedsStart] == "", Data: d.Missing[NeedsData] == "",
		Film: d.Missing[NeedsFilm] == "", Metrics: d.Missing[NeedsCurve] == "",
	}}
	var err error
	if p.inline, err = inlined(d, []string{"style.css"}, scripts[:]); err != nil {
		return err
	}
	return fill(w, "page.html", p)
}

// fill writes a page from its template.
func fill(w io.Writer, name string, p any) error {
	t, err := template.ParseFS(assets, "assets/"+name)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := t.Execute(w, p); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// inlined puts stylesheets, scripts and a document together.
func inlined(doc any, styles, scripts []string) (in inline, err error) {
	join := func(names []string) string {
		var all strings.Builder
		for _, name := range names {
			text, rerr := assets.ReadFile("assets/" + name)
			err = errors.Join(err, rerr)
			all.Write(text)
		}
		return all.String()
	}
	in.Style = template.CSS(join(styles))
	in.Script = template.JS("'use strict';\n(() => {\n" + join(scripts) + "})();\n")
	if err != nil {
		return in, fmt.Errorf("report: %w", err)
	}
	var data strings.Builder
	// It escapes <, > and &, so that nothing in it ends the script element.
	if err := json.NewEncoder(&data).Encode(doc); err != nil {
		return in, fmt.Errorf("report: %w", err)
	}
	in.Data = template.JS(strings.TrimSuffix(data.String(), "\n"))
	in.Policy = fmt.Sprintf("default-src 'none'; img-src data:; style-src %s; script-src %s; base-uri 'none'; "+
		"form-action 'none'", hash(string(in.Style)), hash(string(in.Script)))
	return in, nil
}

// hash is the source expression that allows an inline element with this text.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
