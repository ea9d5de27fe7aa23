package mnist

import (
	"bytes"
	"strings"
)

// sniffed is how many bytes of a file's start tell what it is.
const sniffed = 512

// kind is what a file is that is no IDX file.
type kind struct {
	name string // as in "this is NAME"; empty when it cannot be told
	hint string // one clause: what it is and what to do
}

// what tells a file by its start, up to sniffed bytes; what(nil) is an empty file.
func what(head []byte) kind {
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
	starts := func(magic ...string) bool {
		for _, m := range magic {
			if bytes.HasPrefix(head, []byte(m)) {
				return true
			}
		}
		return false
	}
	other := func(name, do string) kind { return kind{name, "this is " + name + ", not an IDX file" + do} }
	switch {
	case len(head) == 0:
		return kind{"an empty file", "the file is empty: get it again"}
	case starts("version https://git-lfs", "version https://hawser"):
		return kind{"a Git LFS pointer", "this is a Git LFS pointer, which stands for the data: run git lfs pull " +
			"where it was cloned, or download the file itself"}
	case starts("/annex/objects/"):
		return kind{"a git-annex pointer", "this is a git-annex pointer, which stands for the data: run git annex get"}
	case bytes.HasPrefix(text, []byte("<")):
		return kind{"a web page", "this looks like a web page, not data: download the file again"}
	case starts("\x1f\x8b"):
		return other("gzip", ": it was compressed twice, so run gunzip on it once")
	case starts("PK\x03\x04", "PK\x05\x06") && bytes.Contains(head, []byte(".npy")):
		return other("a numpy archive", "")
	case starts("PK\x03\x04", "PK\x05\x06"):
		return other("a zip archive", ": unpack it")
	case starts("BZh", "\xfd7zXZ", "\x28\xb5\x2f\xfd", "7z\xbc\xaf", "Rar!"),
		len(head) > 262 && string(head[257:262]) == "ustar":
		return other("an archive or a compressed file", ": unpack it; gzip alone is read as it is")
	case starts("\x93NUMPY"):
		return other("a numpy array", "")
	case starts("PAR1"):
		return other("a Parquet table", "")
	case starts("\x89HDF"):
		return other("an HDF5 file", "")
	case starts("MATLAB 5.0"):
		return other("a MATLAB file", "")
	case starts("\x80\x02", "\x80\x03", "\x80\x04", "\x80\x05"):
		return other("a Python pickle", "")
	case starts("\x89PNG", "\xff\xd8\xff", "GIF8"):
		return other("a picture", "")
	case isTable(head):
		return other("a table of text", "")
	case bytes.HasPrefix(text, []byte("{")) || bytes.HasPrefix(text, []byte("[")):
		return other("JSON", ": if it is an error of the place it came from, download the file again")
	}
	return kind{"", "this is not an IDX file"}
}

// isTable reports whether a file starts like the first line of numbers or names between commas, semicolons or tabs.
func isTable(head []byte) bool {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	for _, b := range line {
		if b < ' ' && b != '\t' && b != '\r' || b >= 0x7f {
			return false
		}
	}
	return strings.Count(string(line), ",")+strings.Count(string(line), ";")+strings.Count(string(line), "\t") >= 4
}
