package live

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"neuroloupe/cmd/internal/lesson"
	"neuroloupe/engine"
)

// post has something changed as the page does.
func (x *served) post(path, body string, headers ...string) (status int, answer []byte) {
	x.t.Helper()
	if len(headers) == 0 {
		headers = []string{"Origin: http://localhost:" + x.s.Port(), "Sec-Fetch-Site: same-origin"}
	}
	if !strings.Contains(strings.Join(headers, ""), "Content-Type") {
		headers = append(headers, "Content-Type: application/json")
	}
	request := "POST " + path + " HTTP/1.1\r\nHost: localhost:" + x.s.Port() + "\r\nCookie: " + x.cookie +
		"\r\nContent-Length: " + fmt.Sprint(len(body)) + "\r\n"
	r := x.raw(request + strings.Join(headers, "\r\n") + "\r\n\r\n" + body)
	answer, err := io.ReadAll(r.Body)
	if err != nil {
		x.t.Fatal(err)
	}
	return r.StatusCode, answer
}

// classroom is a server of one run on strokes, whose data set can be trained on too.
func classroom(t *testing.T) *served {
	run := testRun(t)
	return serve(t, Options{Runs: []string{run}, Root: filepath.Join(filepath.Dir(run), "kept")})
}

// order is a training of so many epochs of 50 steps.
func order(epochs int, more string) string {
	return fmt.Sprintf(`{"data": "data", "preset": "clear", "layers": [6],
		"settings": {"split": "500/100", "epochs": %d}%s}`, epochs, more)
}

func (x *served) begin(body string) begun {
	x.t.Helper()
	status, text := x.post(lessonsPath, body)
	var b begun
	if err := json.Unmarshal(text, &b); status != 200 || err != nil {
		x.t.Fatalf("a training: status %d: %s", status, text)
	}
	return b
}

// lesson is the training of a name.
func (x *served) lesson(name string) *lesson.Lesson {
	x.t.Helper()
	b, err := x.s.shelf.find(name)
	if err != nil {
		x.t.Fatal(err)
	}
	return b.lesson
}

// events reads a stream to its end, and returns the epochs and the last status; open is called once it has begun.
func (x *served) events(name string, open func()) (epochs []engine.Metrics, last lesson.Status) {
	x.t.Helper()
	c, err := net.Dial("tcp", "127.0.0.1:"+x.s.Port())
	if err != nil {
		x.t.Error(err)
		return nil, last
	}
	defer c.Close()
	fmt.Fprintf(c, "GET %s/%s/events HTTP/1.1\r\nHost: localhost\r\nCookie: %s\r\n\r\n", lessonsPath, name, x.cookie)
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || r.StatusCode != 200 || r.Header.Get("Content-Type") != "text/event-stream" {
		x.t.Errorf("a stream begins with %v, %v", r, err)
		return nil, last
	}
	open()
	lines := bufio.NewScanner(r.Body)
	event := ""
	for lines.Scan() {
		what, value, _ := strings.Cut(lines.Text(), ": ")
		switch what {
		case "event":
			event = value
		case "data":
			if event == "epochs" {
				var some []engine.Metrics
				err = json.Unmarshal([]byte(value), &some)
				epochs = append(epochs, some...)
			} else {
				before := last
				err = json.Unmarshal([]byte(value), &last)
				if last.Version < before.Version || last.Steps < before.Steps {
					x.t.Errorf("after %+v comes %+v", before, last)
				}
			}
			if err != nil {
				x.t.Errorf("event %s: %v: %s", event, err, value)
			}
		}
		if last.State == lesson.Ended || last.State == lesson.Over {
			break
		}
	}
	return epochs, last
}

// Whatever tries to change something and is not the page is refused, and what the page may not ask for too; trainings
// stay as they were.
func TestHostilePosts(t *testing.T) {
	x := classroom(t)
	b := x.begin(order(3, ""))
	before := x.lesson(b.Name).Wait(t.Context(), b.Status.Version)
	for before.State == lesson.Begins {
		before = x.lesson(b.Name).Wait(t.Context(), before.Version)
	}
	same := "Origin: http://localhost:" + x.s.Port()
	play := lessonsPath + "/" + b.Name + "/play"
	for name, c := range map[string]struct {
		path, body string
		headers    []string
		status     int
	}{
		"cross-site":              {play, "{}", []string{"Sec-Fetch-Site: cross-site"}, 403},
		"same site, another port": {play, "{}", []string{"Sec-Fetch-Site: same-site"}, 403},
		"foreign origin":          {play, "{}", []string{"Origin: http://evil.example"}, 403},
		"null origin":             {play, "{}", []string{"Origin: null"}, 403},
		"a form":                  {play, "{}", []string{same, "Content-Type: text/plain"}, 415},
		"cross-site, begin":       {lessonsPath, order(1, ""), []string{"Sec-Fetch-Site: cross-site"}, 403},
		"a run":                   {"/api/runs/0", "{}", nil, 405},
		"a list of runs":          {"/api/runs", "{}", nil, 405},
		"beside the path":         {lessonsPath + "x", "{}", nil, 405},
		"an act of none":          {lessonsPath + "/" + b.Name + "/explode", "{}", nil, 404},
		"a training of none":      {lessonsPath + "/t99/play", "{}", nil, 404},
		"a run played":            {lessonsPath + "/0/play", "{}", nil, 404},
		"no JSON":                 {play, "steps=1", nil, 400},
		"JSON and more":           {play, "{} {}", nil, 400},
		"an unknown field":        {lessonsPath, order(1, `, "out": "/etc"`), nil, 400},
		"a path for data":         {lessonsPath, `{"data": "/etc", "preset": "clear"}`, nil, 400},
		"a path below":            {lessonsPath, `{"data": "../data", "preset": "clear"}`, nil, 400},
		"an unknown preset":       {lessonsPath, `{"data": "data", "preset": "../x"}`, nil, 400},
		"an unknown setting":      {lessonsPath, `{"data": "data", "preset": "clear", "settings": {"out": "x"}}`, nil, 400},
		"a setting of no kind":    {lessonsPath, `{"data": "data", "preset": "clear", "settings": {"lr": {"a": 1}}}`, nil, 400},
		"a rate that is none":     {lessonsPath, `{"data": "data", "preset": "clear", "settings": {"lr": -1}}`, nil, 400},
		"a huge layer":            {lessonsPath, `{"data": "data", "preset": "clear", "layers": [1000000]}`, nil, 400},
		"a layer of less":         {lessonsPath, `{"data": "data", "preset": "clear", "layers": [-5]}`, nil, 400},
		"many layers":             {lessonsPath, `{"data": "data", "preset": "clear", "layers": [1` + strings.Repeat(",1", 99) + `]}`, nil, 400},
		"endless epochs":          {lessonsPath, order(1_000_000_000, ""), nil, 400},
		"a large body":            {lessonsPath, `{"data": "` + strings.Repeat("x", maxBody) + `"}`, nil, 413},
	} {
		t.Run(name, func(t *testing.T) {
			x := *x
			x.t = t
			if status, answer := x.post(c.path, c.body, c.headers...); status != c.status {
				t.Errorf("status %d, want %d: %s", status, c.status, answer)
			}
		})
	}
	cookie := x.cookie
	x.cookie = "none=1"
	if status, _ := x.post(play, "{}"); status != 403 {
		t.Errorf("without the cookie: status %d", status)
	}
	x.cookie = cookie
	for _, path := range []string{play, lessonsPath + "/" + b.Name + "/end"} {
		if status, _ := x.get(path); status != 405 && status != 404 {
			t.Errorf("GET %s: status %d", path, status)
		}
	}
	if now := x.lesson(b.Name).Status(); now != before {
		t.Errorf("the training stood at %+v, and now at %+v", before, now)
	}
	if all := ask[struct{ Lessons []begun }](x, lessonsPath); len(all.Lessons) != 1 {
		t.Errorf("%d trainings are there", len(all.Lessons))
	}
	x.begin(order(3, ""))
	if status, answer := x.post(lessonsPath, order(3, "")); status != 400 || !strings.Contains(string(answer),
		"2 trainings") {
		t.Errorf("a third training: status %d: %s", status, answer)
	}
}

// A stream tells every epoch once, and how things stand at the end, to a hundred readers at once as to one; after that
// nobody is left. What is asked about the training is of the network as it is then.
func TestStreams(t *testing.T) {
	x := classroom(t)
	b := x.begin(order(12, ""))
	var wg, joined sync.WaitGroup
	joined.Add(100)
	for i := range 100 {
		wg.Go(func() {
			in := sync.OnceFunc(joined.Done)
			defer in()
			epochs, last := x.events(b.Name, in)
			if len(epochs) != 12 || last.State != lesson.Ended || last.Epoch != 12 {
				t.Errorf("reader %d hears of %d epochs and at last %+v", i, len(epochs), last)
			}
			for j, m := range epochs {
				if m.Epoch != j+1 {
					t.Errorf("epoch %d comes at %d", m.Epoch, j+1)
				}
			}
		})
	}
	l := x.lesson(b.Name)
	joined.Wait()
	if n := x.s.shelf.crowd(); n != 100 {
		t.Errorf("%d streams are open", n)
	}
	if status, answer := x.post(lessonsPath+"/"+b.Name+"/play", "{}"); status != 200 {
		t.Fatalf("play: status %d: %s", status, answer)
	}
	wg.Wait()
	status, body := x.get("/api/runs/" + b.Name + "/weights")
	want := appendFloats(nil, l.Frame().Params[0].Data)
	if status != 200 || !slices.Equal(body[:len(want)], want) {
		t.Error("the weights are not those of the last picture")
	}
	moments := ask[struct{ Frames []moment }](x, "/api/runs/"+b.Name+"/frames").Frames
	if len(moments) != 13 || moments[12].Epoch != 12 || float64(moments[12].Accuracy) < 0.25 {
		t.Errorf("the moments are %+v", moments)
	}
	type seen struct{ Mean []float64 }
	now := ask[seen](x, "/api/runs/"+b.Name+"/seen/1")
	at := ask[seen](x, "/api/runs/"+b.Name+"/seen/1?frame=12")
	start := ask[seen](x, "/api/runs/"+b.Name+"/seen/1?frame=0")
	if !slices.Equal(now.Mean, at.Mean) || slices.Equal(now.Mean, start.Mean) {
		t.Errorf("the means are %v, those after the last epoch %v, those at the start %v", now.Mean, at.Mean,
			start.Mean)
	}
	var st lesson.Status
	_, text := x.post(lessonsPath+"/"+b.Name+"/keep", "{}")
	if err := json.Unmarshal(text, &st); err != nil || st.Kept == "" {
		t.Fatalf("keep: %s", text)
	}
	if _, err := os.Stat(filepath.Join(st.Kept, "sheet.png")); err != nil {
		t.Error(err)
	}
	if list := ask[struct{ Runs []listed }](x, "/api/runs"); len(list.Runs) != 2 || list.Runs[1].Name != st.Kept {
		t.Errorf("the runs are %+v", list.Runs)
	}
	if status, text := x.post(lessonsPath+"/"+b.Name+"/end", "{}"); status != 200 {
		t.Errorf("end: status %d: %s", status, text)
	}
	if status, _ := x.get("/api/runs/" + b.Name); status != 404 {
		t.Errorf("a training that was let go: status %d", status)
	}
}

// pipes is a listener whose connections have no buffer: who does not read holds the sender up.
type pipes struct {
	net.Listener
	next chan net.Conn
}

func (*pipes) Close() error { return nil }

func (p *pipes) Accept() (net.Conn, error) {
	c, ok := <-p.next
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

// A reader that stops reading is dropped.
func TestStreamDropsWhoDoesNotRead(t *testing.T) {
	x := classroom(t)
	x.s.shelf.patience = 20 * time.Millisecond
	b := x.begin(order(3, ""))
	p := &pipes{Listener: x.s.listeners[0], next: make(chan net.Conn, 1)}
	done := make(chan struct{})
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x.s.guard.ServeHTTP(w, r)
		close(done)
	})}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(p) }()
	here, there := net.Pipe()
	p.next <- there
	fmt.Fprintf(here, "GET %s/%s/events HTTP/1.1\r\nHost: localhost\r\nCookie: %s\r\n\r\n", lessonsPath,
		b.Name, x.cookie)
	<-done // though nobody has read a byte, or ever does
	if n := x.s.shelf.crowd(); n != 0 {
		t.Errorf("%d streams are left", n)
	}
	close(p.next)
	<-ended
	here.Close()
	for range mostStreams {
		x.s.shelf.enter()
	}
	if status, answer := x.get(lessonsPath + "/" + b.Name + "/events"); status != 503 {
		t.Errorf("one stream too many: status %d: %s", status, answer)
	}
}
