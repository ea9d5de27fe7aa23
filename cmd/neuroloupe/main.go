// Command neuroloupe trains feed-forward networks fast and shows what every neuron learned.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/willabides/kongplete"

	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/cmd/internal/watch"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
)

// Exit codes.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

type commands struct {
	Train   trainCmd   `cmd:"" group:"Train and measure" help:"Train a network and draw what its neurons learned."`
	Bench   benchCmd   `cmd:"" group:"Train and measure" help:"Measure training speed on the devices here."`
	Devices devicesCmd `cmd:"" group:"Train and measure" help:"Show what is here to train on, and why not the others."`

	Sweep sweepCmd `cmd:"" group:"Many networks" help:"Train every network that a file describes, and nothing twice."`
	Runs  runsCmd  `cmd:"" group:"Many networks" help:"Look at many runs side by side: table, best, differences."`

	Sheet     sheetCmd     `cmd:"" group:"Pictures of a run" help:"Draw the weight maps of all hidden neurons of a run."`
	Why       whyCmd       `cmd:"" group:"Pictures of a run" help:"Follow one image through a run's network, to what speaks for the answer and against it."`
	Class     classCmd     `cmd:"" group:"Pictures of a run" help:"Show which neurons speak for a class, and which its weights alone would name."`
	Neuron    neuronCmd    `cmd:"" group:"Pictures of a run" help:"Draw one page on one neuron."`
	Templates templatesCmd `cmd:"" group:"Pictures of a run" help:"Draw what each class looks for: class templates W2·W1."`
	Top       topCmd       `cmd:"" group:"Pictures of a run" help:"Draw the images that excite neurons most."`
	Ablate    ablateCmd    `cmd:"" group:"Pictures of a run" help:"Show what the network loses without its neurons."`
	Classes   classesCmd   `cmd:"" group:"Pictures of a run" help:"Show which neurons speak for which class."`
	Attribute attributeCmd `cmd:"" group:"Pictures of a run" help:"Show which pixels of an image an output comes from, by three methods with a control."`
	Dream     dreamCmd     `cmd:"" group:"Pictures of a run" help:"Make up images that excite outputs and neurons, held to what the data is like."`
	Errors    errorsCmd    `cmd:"" group:"Pictures of a run" help:"Show the worst mistakes and the neurons that drove them."`
	Film      filmCmd      `cmd:"" group:"Pictures of a run" help:"Draw the sheet over training as a GIF or an animated PNG."`
	Compare   compareCmd   `cmd:"" group:"Pictures of a run" help:"Pair the neurons of two runs and draw the differences."`

	Doctor  doctorCmd  `cmd:"" group:"A run in words, and all at once" help:"Say in words what state a run's maps are in, and what to type next."`
	Report  reportCmd  `cmd:"" group:"A run in words, and all at once" help:"Write one HTML file with all there is to see of a run."`
	Post    postCmd    `cmd:"" group:"A run in words, and all at once" help:"Train three networks and make every picture of the question that started this project."`
	Explain explainCmd `cmd:"" group:"A run in words, and all at once" help:"Say what a word or a picture means, with its formula."`
	Serve   serveCmd   `cmd:"" group:"A run in words, and all at once" help:"Open a page to draw on, and see what the neurons make of it."`

	Import     importCmd     `cmd:"" group:"Files" help:"Make a run of a network that was trained elsewhere."`
	Export     exportCmd     `cmd:"" group:"Files" help:"Write a run's network as safetensors, npz, ONNX or csv."`
	Data       dataCmd       `cmd:"" group:"Files" help:"List, fetch, verify and describe data sets."`
	Completion completionCmd `cmd:"" group:"Files" help:"Print what makes a shell complete commands, flags and files."`

	Version kong.VersionFlag `help:"Print the version and stop."`
}

// app is what every command works with.
type app struct {
	watch.Screen // standard error, for talk and progress

	ctx    context.Context
	stdout io.Writer
	pipe   io.Writer // where "-" is written, when a file goes to standard output; see piped

	drawn func(*gallery.Drawing) // told each drawing; nil for nobody
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) (code int) {
	ctx, stop := interruptible()
	defer stop()

	a := &app{ctx: ctx, stdout: stdout, Screen: watch.NewScreen(stderr)}
	return a.run(args)
}

// run runs one command.
func (a *app) run(args []string) (code int) {
	var exit *int // set when kong has printed help or the version
	printed := &checkedWriter{w: a.stdout}
	var cli commands
	parser, err := kong.New(&cli,
		kong.Name("neuroloupe"),
		kong.Description("Train feed-forward networks fast, then look at what every neuron learned."),
		kong.Writers(printed, a.Stderr),
		kong.Exit(func(code int) { exit = &code }),
		kong.Vars{"version": version()},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.ValueFormatter(func(v *kong.Value) string { return v.Help }),
	)
	if err != nil {
		panic(err) // the commands above are wrong
	}
	kongplete.Complete(parser, completers())
	if exit != nil {
		return *exit
	}
	k, err := parser.Parse(args)
	switch {
	case printed.err != nil:
		return a.report(printed.err)
	case exit != nil:
		return *exit
	case err != nil:
		fmt.Fprintf(a.Stderr, "neuroloupe: %v; see neuroloupe --help\n", err)
		return exitUsage
	}
	return a.report(k.Run(a))
}

// checkedWriter remembers the first error of a writer whose user looks at none, as kong does not.
type checkedWriter struct {
	w   io.Writer
	err error
}

func (c *checkedWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	if c.err == nil {
		c.err = err
	}
	return n, err
}

// report says in one line what went wrong and returns the exit code.
func (a *app) report(err error) int {
	var wrong talk.UsageError
	var failed failedRuns
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, syscall.EPIPE): // who reads standard output has seen enough, as head has
		return exitFailed
	case errors.Is(err, engine.ErrInterrupted), errors.Is(err, context.Canceled):
		a.Say("neuroloupe: %s", words.Line(err))
		return exitInterrupted
	case errors.As(err, &wrong):
		a.Say("neuroloupe: %s", words.Line(err))
		return exitUsage
	case errors.As(err, &failed):
		a.Say("neuroloupe: %s", words.Line(err))
		return failed.code
	default:
		a.Say("neuroloupe: %s", words.Line(err))
		return exitFailed
	}
}

// version returns the module's version, and the revision it was built from when that is known.
func version() string {
	v := "devel"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" && info.Main.Version != "(devel)" {
		v = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && !strings.Contains(v, s.Value[:min(12, len(s.Value))]) {
			v += " " + s.Value[:min(12, len(s.Value))]
		}
	}
	return v
}
