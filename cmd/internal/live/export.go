package live

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"neuroloupe/cmd/internal/page"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/engine/atomicfile"
)

// Export writes the page of one run into a folder that is new or empty, as one file, index.html, that asks for nothing
// else. It is the file's path that is returned, and what the page holds, in words.
func Export(ctx context.Context, o Options, dir string) (file, says string, err error) {
	if o.Talk == nil {
		o.Talk = talk.Silent{}
	}
	if o.Port != 0 || o.Listen != "" || o.Token != "" || len(o.Allow) > 0 {
		return "", "", talk.Usage("--export writes a page and serves none: leave out --port, --listen, --token and " +
			"--allow-host")
	}
	file = filepath.Join(dir, "index.html")
	there, err := vacant(dir, file)
	if err != nil {
		return "", "", err
	}
	s, err := o.find(ctx)
	if err != nil {
		return "", "", err
	}
	if len(s.all) == 0 {
		return "", "", fmt.Errorf("there is no trained run to show; neuroloupe train makes one, and neuroloupe serve " +
			"--export DIR FOLDER looks for them elsewhere")
	}
	if n := len(s.all); n != 1 {
		return "", "", talk.Usage("--export writes the page of one run, and there are %d: name one, as in "+
			"neuroloupe serve --export %s %s", n, dir, s.all[0].run.Path)
	}
	k := keeper{ctx: ctx, mux: http.NewServeMux(), shelf: s, room: fullPage}
	s.routes(k.mux)
	err = k.all()
	if err = errors.Join(err, s.close()); err != nil {
		return "", "", err
	}
	text, err := k.page()
	if err != nil {
		return "", "", err
	}
	if err := atomicfile.MkdirAll(dir); err != nil {
		return "", "", err
	}
	if err := atomicfile.WriteBytes(file, []byte(text)); err != nil {
		if !there {
			_ = os.Remove(dir) // if it is empty still
		}
		return "", "", err
	}
	return file, fmt.Sprintf("%.1f MB: %s", float64(len(text))/1e6, k.says), nil
}

// vacant reports whether a folder is there already; one with anything in it but what an export that was killed has left
// is an error.
func vacant(dir, file string) (there bool, err error) {
	all, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	for _, e := range all {
		if of, ok := atomicfile.TempOf(e.Name()); !ok || of != filepath.Base(file) {
			return true, talk.Usage("--export %s: the folder has files in it, such as %s; name a new or an empty one",
				dir, e.Name())
		}
	}
	return true, err
}

// page puts the page together: index.html with its styles, the script and the answers in it.
func (k *keeper) page() (string, error) {
	read := func(name string) (string, error) {
		b, err := assets.ReadFile("assets/" + name)
		return string(b), err
	}
	html, err := read("index.html")
	css, cerr := read("live.css")
	icon, ierr := read("icon.svg")
	script, serr := bundle("main.js", read)
	if err := errors.Join(err, cerr, ierr, serr); err != nil {
		return "", err
	}
	css = string(page.Style()) + css
	if strings.Contains(script, "</script") || strings.Contains(script, "<!--") || strings.Contains(css, "</style") {
		return "", errors.New("a module or a style holds what ends its element in a page")
	}
	hash := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	var data strings.Builder
	for _, a := range k.kept {
		if a.json {
			fmt.Fprintf(&data, "<script type=\"application/json\" id=\"at:%s\">%s</script>\n", a.path, a.body)
			continue
		}
		fmt.Fprintf(&data, "<script type=\"text/plain\" id=\"at:%s\">", a.path)
		data.WriteString(base64.StdEncoding.EncodeToString(a.body))
		data.WriteString("</script>\n")
	}
	for _, part := range [][2]string{
		{
			`<meta charset="utf-8">`,
			fmt.Sprintf(`<meta charset="utf-8">`+"\n"+`<meta http-equiv="Content-Security-Policy" content="default-src 'none'; `+
				`img-src data:; style-src %s; script-src %s; base-uri 'none'; form-action 'none'">`, hash(css), hash(script)),
		},
		{
			`<link rel="icon" href="/assets/icon.svg">`,
			`<link rel="icon" href="data:image/svg+xml;base64,` + base64.StdEncoding.EncodeToString([]byte(icon)) + `">`,
		},
		{`<link rel="stylesheet" href="/assets/report.css">` + "\n", ""},
		{`<link rel="stylesheet" href="/assets/live.css">`, "<style>" + css + "</style>"},
		{`<script type="module" src="/assets/main.js"></script>` + "\n", ""},
		{"</body>", data.String() + "<script>" + script + "</script>\n</body>"},
	} {
		if strings.Count(html, part[0]) != 1 {
			return "", fmt.Errorf("index.html has not one %s", part[0])
		}
		html = strings.Replace(html, part[0], part[1], 1)
	}
	return html, nil
}
