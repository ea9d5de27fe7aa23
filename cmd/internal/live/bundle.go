package live

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// The forms of import and export that bundle knows.
var (
	importing = regexp.MustCompile(`(?m)^import\s+(?:\{([^}]*)\}|\*\s+as\s+([\w$]+))\s+from\s+'\./([\w.-]+)';[ \t]*$`)
	exporting = regexp.MustCompile(`(?m)^export\s+((?:async\s+)?function\*?|const|class)\s+([\w$]+)`)
	left      = regexp.MustCompile(`(?m)^[ \t]*(?:import|export)\b.*$|\bimport\s*[(.].*$`)
)

// bundle makes of a module and of those that it imports one script of the old kind, which a page may carry in itself
// and which runs where modules cannot be fetched. Each module becomes a function that is called once, after those that
// it imports, and returns what it exports; names that are imported become constants. That is the same program only
// where no module imports itself by way of others, and no variable that is exported changes: what is of another form is
// an error.
func bundle(first string, read func(name string) (string, error)) (string, error) {
	b := bundler{read: read, exports: map[string][]string{}}
	if err := b.add(first); err != nil {
		return "", err
	}
	return "'use strict';\n(() => {\nconst modules = {};\n" + b.out.String() + "})();\n", nil
}

type bundler struct {
	read    func(name string) (string, error)
	out     strings.Builder
	exports map[string][]string // of the modules that are out
	open    []string            // modules that wait for those that they import
}

func (b *bundler) add(name string) error {
	if b.exports[name] != nil {
		return nil
	}
	if slices.Contains(b.open, name) {
		return fmt.Errorf("modules import each other in a circle: %s → %s", strings.Join(b.open, " → "), name)
	}
	b.open = append(b.open, name)
	defer func() { b.open = b.open[:len(b.open)-1] }()
	code, err := b.read(name)
	if err != nil {
		return err
	}
	exports := []string{}
	code = exporting.ReplaceAllStringFunc(code, func(s string) string {
		m := exporting.FindStringSubmatch(s)
		exports = append(exports, m[2])
		return m[1] + " " + m[2]
	})
	for _, m := range importing.FindAllStringSubmatch(code, -1) {
		if err := b.add(m[3]); err != nil {
			return err
		}
		for _, n := range names(m[1]) {
			if !slices.Contains(b.exports[m[3]], n[0]) {
				return fmt.Errorf("%s imports %s, which %s does not export by a line of its own", name, n[0], m[3])
			}
		}
	}
	code = importing.ReplaceAllStringFunc(code, func(s string) string {
		m := importing.FindStringSubmatch(s)
		if m[2] != "" {
			return fmt.Sprintf("const %s = modules['%s'];", m[2], m[3])
		}
		var all []string
		for _, n := range names(m[1]) {
			all = append(all, strings.Join(slices.Compact(n), ": "))
		}
		return fmt.Sprintf("const {%s} = modules['%s'];", strings.Join(all, ", "), m[3])
	})
	if line := left.FindString(code); line != "" {
		return fmt.Errorf("%s has an import or export that is not bundled: %s", name, line)
	}
	b.exports[name] = exports
	fmt.Fprintf(&b.out, "modules['%s'] = (() => {\n%s\nreturn {%s};\n})();\n", path.Base(name), code,
		strings.Join(exports, ", "))
	return nil
}

// names are what stands between the braces of an import: each by its name there, and by its name here.
func names(list string) (all [][]string) {
	for part := range strings.SplitSeq(list, ",") {
		if f := strings.Fields(part); len(f) == 1 {
			all = append(all, []string{f[0], f[0]})
		} else if len(f) == 3 && f[1] == "as" {
			all = append(all, []string{f[0], f[2]})
		}
	}
	return all
}
