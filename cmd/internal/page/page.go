package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
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

// page is what the template sees.
type page struct {
	*Document
	Policy string // content security policy
	Style  template.CSS
	Script template.JS
	Data   template.JS
	Has    has
}

// has says which sections there are.
type has struct{ Start, Data, Film, Metrics bool }

// Write writes the page of a document: one HTML file that asks for nothing else.
func Write(w io.Writer, d *Document) error {
	p := page{Document: d, Has: has{
		Start: d.Missing[NeedsStart] == "", Data: d.Missing[NeedsData] == "",
		Film: d.Missing[NeedsFilm] == "", Metrics: d.Missing[NeedsCurve] == "",
	}}
	style, err := assets.ReadFile("assets/style.css")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	var script bytes.Buffer
	script.WriteString("'use strict';\n(() => {\n")
	for _, name := range scripts {
		text, err := assets.ReadFile("assets/" + name)
		if err != nil {
			return fmt.Errorf("report: %w", err)
		}
		script.Write(text)
	}
	script.WriteString("})();\n")
	var data strings.Builder
	// It escapes <, > and &, so that nothing in it ends the script element.
	if err := json.NewEncoder(&data).Encode(d); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	p.Style, p.Script, p.Data = template.CSS(style), template.JS(script.String()),
		template.JS(strings.TrimSuffix(data.String(), "\n"))
	p.Policy = fmt.Sprintf("default-src 'none'; img-src data:; style-src %s; script-src %s; base-uri 'none'; "+
		"form-action 'none'",
		hash(string(p.Style)), hash(string(p.Script)))
	t, err := template.ParseFS(assets, "assets/page.html")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := t.Execute(w, p); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// hash is the source expression that allows an inline element with this text.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
