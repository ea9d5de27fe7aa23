// Package faults runs a program and makes one of its file calls fail, so that tests can ask what the program does then.
//
// It follows the program with ptrace, which needs Linux on amd64 or arm64 and the right to trace one's children. Every
// call that is about a file below one folder is counted, over all threads with one counter, and what happens to it is
// the caller's to say: an error, half of its bytes, the process killed before or after it.
//
// # Why
//
// strace -e inject counts for each thread by itself, so that with Go's threads the N-th call is another at each run. A
// file system that fails (FUSE, device mapper) needs root and cannot kill at a call. Only calls of the program itself
// are seen, not those of programs that it starts.
package faults
