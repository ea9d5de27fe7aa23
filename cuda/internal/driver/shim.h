// What driver's Go files call in C.
#pragma once
#include "extra.h"

// neuroloupe_open opens the driver's library and fills the table of trampolines. It returns 0, or -1 when there is no
// such library, with why in text, else the error of the driver's cuInit.
int neuroloupe_open(const char *path, char *text, int size);

// neuroloupe_copy_in and neuroloupe_copy_out copy and wait: the stream's work before the copy is done, and so is the copy.
CUresult neuroloupe_copy_in(CUdeviceptr dst, const void *src, size_t n, CUstream s);
CUresult neuroloupe_copy_out(void *dst, CUdeviceptr src, size_t n, CUstream s);

// A kernel launch with its arguments, each 4 or 8 bytes at the start of a value.
enum { NEUROLOUPE_ARGS = 24 };
typedef struct {
	CUfunction f;
	unsigned gx, gy, gz, bx, by, bz, shared;
	int n;
	unsigned long long value[NEUROLOUPE_ARGS];
} neuroloupe_launch;

CUresult neuroloupe_run(neuroloupe_launch *l, CUstream s, int cooperative);
