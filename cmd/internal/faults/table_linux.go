//go:build linux && (amd64 || arm64)

package faults

import "golang.org/x/sys/unix"

// shape is which arguments of a call say what it is about.
type shape struct {
	name   string
	fd, at int // place of a file descriptor, and of a path that is looked for in the folder before it; -1 for none
	to     int // place of a rename's new path, which is looked for in the folder before it; -1 for none
	bytes  int // place of the number of bytes; -1 for none
}

// shapes are the calls that Go's os and syscall packages make about files. mmap is not among them: the program maps no
// file.
func shapes() map[uint64]shape {
	fd := func(name string) shape { return shape{name, 0, -1, -1, -1} }
	data := func(name string) shape { return shape{name, 0, -1, -1, 2} }
	at := func(name string) shape { return shape{name, -1, 1, -1, -1} }
	return map[uint64]shape{
		unix.SYS_OPENAT: at("openat"), unix.SYS_OPENAT2: at("openat2"),
		unix.SYS_READ: data("read"), unix.SYS_PREAD64: data("pread64"),
		unix.SYS_WRITE: data("write"), unix.SYS_PWRITE64: data("pwrite64"), unix.SYS_WRITEV: fd("writev"),
		unix.SYS_FSYNC: fd("fsync"), unix.SYS_FDATASYNC: fd("fdatasync"), unix.SYS_CLOSE: fd("close"),
		unix.SYS_RENAMEAT: {"renameat", -1, 1, 3, -1}, unix.SYS_RENAMEAT2: {"renameat2", -1, 1, 3, -1},
		unix.SYS_LINKAT: {"linkat", -1, 1, 3, -1}, unix.SYS_SYMLINKAT: {"symlinkat", -1, 2, -1, -1},
		unix.SYS_MKDIRAT: at("mkdirat"), unix.SYS_UNLINKAT: at("unlinkat"),
		unix.SYS_FTRUNCATE: fd("ftruncate"), unix.SYS_TRUNCATE: {"truncate", -1, 0, -1, -1},
		unix.SYS_FALLOCATE: fd("fallocate"), unix.SYS_FLOCK: fd("flock"), unix.SYS_LSEEK: fd("lseek"),
		unix.SYS_NEWFSTATAT: at("newfstatat"), unix.SYS_FSTAT: fd("fstat"), unix.SYS_STATX: at("statx"),
		unix.SYS_FACCESSAT: at("faccessat"), unix.SYS_FACCESSAT2: at("faccessat2"),
		unix.SYS_READLINKAT: at("readlinkat"), unix.SYS_GETDENTS64: fd("getdents64"),
		unix.SYS_FCHMOD: fd("fchmod"), unix.SYS_FCHMODAT: at("fchmodat"),
		unix.SYS_COPY_FILE_RANGE: {"copy_file_range", 2, -1, -1, 4}, unix.SYS_SENDFILE: {"sendfile", 0, -1, -1, 3},
	}
}
