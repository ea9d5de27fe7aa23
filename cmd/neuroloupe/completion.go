package main

import (
	"fmt"
	"os"

	"github.com/posener/complete"
	"github.com/willabides/kongplete"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

func (completionCmd) Help() string {
	return `Prints what a shell must be told so that the tab key completes commands, flags, runs and files.

Examples:

    neuroloupe completion bash >> ~/.bashrc
    neuroloupe completion fish > ~/.config/fish/completions/neuroloupe.fish
`
}

// completers are what a shell completes where a flag or an argument has the tag predictor.
func completers() kongplete.Option {
	return kongplete.WithPredictors(map[string]complete.Predictor{
		"run": complete.PredictDirs("*"), "dir": complete.PredictDirs("*"), "file": complete.PredictFiles("*"),
	})
}

func (c *completionCmd) Run(a *app) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	bash := fmt.Sprintf("complete -o default -C '%s' neuroloupe\n", program)
	text := map[string]string{
		"bash": bash,
		"zsh":  "autoload -U +X bashcompinit && bashcompinit\n" + bash,
		"fish": fmt.Sprintf(`function __complete_neuroloupe
    set -lx COMP_LINE (commandline -cp)
    test -z (commandline -ct); and set COMP_LINE "$COMP_LINE "
    '%s'
end
complete -c neuroloupe -a "(__complete_neuroloupe)"
`, program),
	}[c.Shell]
	_, err = fmt.Fprint(a.stdout, text)
	return err
}
