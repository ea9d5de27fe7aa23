package live

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"

	"neuroloupe/cmd/internal/job"
	"neuroloupe/cmd/internal/lesson"
	"neuroloupe/cmd/internal/page"
	"neuroloupe/cmd/internal/study"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/mnist"
)

// Options say what is served, and to whom.
type Options struct {
	Runs    []string  // folders of runs, or that runs lie in; none for those of the usual places
	DataDir string    // where the files of the runs' data set are; "" for where each run found them
	Port    int       // to listen on; 0 is any that is free
	Listen  string    // HOST:PORT or HOST, for others than this machine; only with Token
	Token   string    // a file with the token that lets browsers in, again and again; "" for one that is good once
	Allow   []string  // names of this machine that requests may call it by, beside localhost and its addresses
	Talk    talk.Talk // hears the address that takes the place of one that is used

	Root    string     // the folder that trainings are kept in; "" is runs
	Device  job.Device // to train on; Want "" is auto
	Version string     // of the program

	// Load reads the data set of a training; nil reads it without a word.
	Load func(ctx context.Context, name string) (*mnist.Dataset, error)

	headerTime time.Duration // that a request's header may take; 0 is that of every server
}

// Server is the live page of some runs. It listens from Open on, and answers during Serve.
type Server struct {
	listeners []net.Listener
	port      string
	name      string // that the machine is called by in the address that is printed
	options   Options
	guard     *guard
	shelf     *shelf
}

// Open finds the runs and begins to listen, on 127.0.0.1 and, where there is one, on ::1, or where Options.Listen says.
// ctx is that of all work on the runs. The error says which folder, or which port, and what to do.
func Open(ctx context.Context, o Options) (*Server, error) {
	if o.Talk == nil {
		o.Talk = talk.Silent{}
	}
	door, err := o.door()
	if err != nil {
		return nil, err
	}
	shelf, err := o.find(ctx)
	if err != nil {
		return nil, err
	}
	s := &Server{shelf: shelf, name: "127.0.0.1", options: o}
	names := loopback
	if door.listen == nil {
		err = s.listen(o.Port)
	} else {
		names, err = s.listenAt(*door.listen)
		s.name = door.listen.known(o.Allow)
	}
	if err != nil {
		return nil, err
	}
	s.guard = newGuard(s.routes(), s.port, names, o.Allow, func(token string) {
		o.Talk.Say("a browser has opened the page; for another: %s", s.address(token))
	})
	s.guard.own = door.listen != nil && door.listen.all()
	if door.token != "" {
		s.guard.token, s.guard.lasting = door.token, newGuesses()
	}
	return s, nil
}

// find finds the runs: at least one where folders were named, else perhaps none, and then one can be trained.
func (o *Options) find(ctx context.Context) (*shelf, error) {
	folders := o.Runs
	if len(folders) == 0 {
		folders = study.Usual()
	}
	found, err := study.Finder{Talk: o.Talk}.Find(ctx, folders...)
	if err != nil {
		return nil, err
	}
	o.Device.Want = cmp.Or(o.Device.Want, "auto")
	s := newShelf(ctx, found, o.DataDir)
	if len(s.all) == 0 && len(o.Runs) > 0 {
		return nil, fmt.Errorf("there is no trained run to show in %s; neuroloupe train makes one, and "+
			"neuroloupe serve without a folder lets you train one", strings.Join(o.Runs, ", "))
	}
	s.school = &lesson.School{
		Root: cmp.Or(o.Root, "runs"), Device: o.Device, Version: o.Version, Talk: o.Talk, Load: o.Load,
	}
	return s, nil
}

// listen listens on a port of this machine alone.
func (s *Server) listen(port int) error {
	l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return talk.Usage("port %d is taken by another program; --port 0 takes one that is free", port)
	}
	if err != nil {
		return err
	}
	s.listeners = []net.Listener{l}
	_, s.port, _ = net.SplitHostPort(l.Addr().String()) // that of a listener is whole
	// The same on ::1, for browsers that try it first for localhost; many a machine has none.
	if l, err := net.Listen("tcp6", net.JoinHostPort("::1", s.port)); err == nil {
		s.listeners = append(s.listeners, l)
	}
	return nil
}

// Port is the one listened on.
func (s *Server) Port() string { return s.port }

// Address is what lets the next browser in; of a token that is a person's own there are dots in its place.
func (s *Server) Address() string {
	if s.guard.lasting != nil {
		return s.address("…")
	}
	return s.address(s.guard.Token())
}

func (s *Server) address(token string) string {
	return "http://" + net.JoinHostPort(s.name, s.port) + "/?token=" + token
}

// Serve answers requests until ctx is done, which is no error. Then nothing listens any more, and the runs are closed.
func (s *Server) Serve(ctx context.Context) error {
	srv := &http.Server{
		Handler: s.guard, ErrorLog: log.New(io.Discard, "", 0), MaxHeaderBytes: 16 << 10,
		ReadHeaderTimeout: cmp.Or(s.options.headerTime, 5*time.Second), ReadTimeout: 10 * time.Second,
		WriteTimeout: 5 * time.Minute, IdleTimeout: 2 * time.Minute,
		BaseContext: func(net.Listener) context.Context { return ctx }, // of streams, which would not end else
	}
	ended := make(chan error, len(s.listeners))
	for _, l := range s.listeners {
		go func() { ended <- srv.Serve(l) }()
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-ended:
	}
	// Whoever is being answered gets the rest of it; who asks for more, or hangs, is cut off.
	wait, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer stop()
	if srv.Shutdown(wait) != nil {
		srv.Close()
	}
	return errors.Join(err, s.shelf.close())
}

//go:embed assets
var assets embed.FS

// routes are all that can be asked for.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", asset("index.html"))
	mux.HandleFunc("GET /assets/report.css", func(w http.ResponseWriter, r *http.Request) {
		send(w, "text/css; charset=utf-8", page.Style())
	})
	mux.HandleFunc("GET /assets/{name}", func(w http.ResponseWriter, r *http.Request) {
		asset(r.PathValue("name"))(w, r)
	})
	s.shelf.routes(mux)
	s.shelf.lessonRoutes(mux)
	return mux
}

// asset answers with a file of the folder assets. A name has no slash in it.
func asset(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		text, err := assets.ReadFile("assets/" + path.Base(name))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		send(w, kinds[path.Ext(name)], text)
	}
}

// kinds are the media types of assets by their endings. The system's table may say otherwise, and a module of another
// type is not run.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// send answers with a text or with bytes.
func send(w http.ResponseWriter, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // who hung up needs no answer
}
