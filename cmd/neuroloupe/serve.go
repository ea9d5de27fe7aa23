package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"

	"neuroloupe/cmd/internal/job"
	"neuroloupe/cmd/internal/live"
	"neuroloupe/mnist"
)

type serveCmd struct {
	Runs      []string `arg:"" optional:"" name:"run" predictor:"run" help:"Run folders, or folders that runs lie in; default runs and sweeps."`
	DataDir   string   `name:"folder" predictor:"dir" placeholder:"DIR" help:"Folder of the runs' data set; default where training found it."`
	Port      int      `placeholder:"N" help:"Port to listen on; default one that is free."`
	Listen    string   `placeholder:"ADDR" help:"Let other machines in, at HOST:PORT or HOST; 0.0.0.0 is all addresses. Only with --token."`
	Token     string   `predictor:"file" placeholder:"FILE" help:"A file with a secret of yours, 16 characters or more, that lets browsers in; without it each address is good once."`
	AllowHost []string `name:"allow-host" placeholder:"NAME" help:"A name that this machine may be called by, beside localhost, 127.0.0.1 and [::1]."`
	Device    string   `default:"auto" placeholder:"NAME" help:"What to train on: auto (default), cpu, cuda, cuda:1 or tape."`
	Export    string   `predictor:"dir" placeholder:"DIR" help:"Instead write the page of one run, without training and the doctor, into a folder that is new or empty, as a file that any web server can host or a browser opens."`
	Open      bool     `default:"true" negatable:"" help:"Open the page in a browser, on a desktop; default true."`
}

func (serveCmd) Help() string {
	return `Opens a page on this machine, for a browser: draw, and see which neurons answer, what each looks for, and what
speaks for the answer and against it; go back to earlier epochs, switch neurons off; train one with the settings of
train and watch it learn. Only this machine is listened to, and only the browser that opens the printed address is let
in, unless --listen and --token say otherwise. ctrl-C ends it, and saves what is training.

Examples:

    neuroloupe serve runs/mnist-784-100-10-clear-s1
    neuroloupe serve --port 8080 --open=false
    neuroloupe serve --export page runs/mnist-784-100-10-clear-s1
    neuroloupe serve --listen 0.0.0.0:8080 --token token.txt --allow-host my.machine
`
}

func (c *serveCmd) Run(a *app) error {
	if err := checkNumbers(atLeast("--port", c.Port, 0).upTo(65535)); err != nil {
		return err
	}
	options := live.Options{
		Runs: c.Runs, DataDir: c.DataDir, Port: c.Port, Listen: c.Listen, Token: c.Token, Allow: c.AllowHost, Talk: a,
		Device: job.Device{Want: c.Device}, Version: version(),
		Load: func(ctx context.Context, name string) (*mnist.Dataset, error) { return a.Load(ctx, name, "") },
	}
	if c.Export != "" {
		file, says, err := live.Export(a.ctx, options, c.Export)
		if err == nil {
			a.Say("%s", says)
			_, err = fmt.Fprintln(a.stdout, file)
		}
		return err
	}
	s, err := live.Open(a.ctx, options)
	if err != nil {
		return err
	}
	desk := live.DeskOf(runtime.GOOS, s.Port(), os.Getenv)
	if c.Listen != "" {
		a.Say("plain HTTP: anybody on the way can read all, the token too; put it behind ssh or a server with TLS")
	} else if desk.Tunnel != "" {
		a.Say("from the machine that you sit at: %s", desk.Tunnel)
	}
	if _, err := fmt.Fprintln(a.stdout, s.Address()); err != nil {
		return err
	}
	if c.Open && desk.Open != nil && c.Token == "" { // a token of a person's own is not for the list of processes
		open := exec.Command(desk.Open[0], append(desk.Open[1:], s.Address())...)
		if err := open.Start(); err != nil {
			a.Say("no browser could be opened (%v); open the address above", err)
		} else {
			go open.Wait()
		}
	}
	return s.Serve(a.ctx)
}
