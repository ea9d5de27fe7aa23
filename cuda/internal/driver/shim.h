// What driver's Go files call in C.
#pragma once
#include "extra.h"

// neuroloupe_open opens the driver's library and fills the table of trampolines. It returns 0, or -1 when there is no
// such library, with why in text, else the error of the driver's cuInit.
int neuroloupe_open(const char *path, char *text, int size);

// A process with this in its environment opens the driver's library that it names, does nothing else, and has so many
// seconds for it: see try.go.
#define NEUROLOUPE_TRY "NEUROLOUPE_TRY_LIBCUDA"
#define NEUROLOUPE_TRY_SECONDS 60

// neuroloupe_copy_in and neuroloupe_copy_out copy and wait: the stream's work before the copy is done, and so is the
// copy.
CUresult neuroloupe_copy_in(CUdeviceptr dst, const void *src, size_t n, CUstream s);
CUresult neuroloupe_copy_out(void *dst, CUdeviceptr src, size_t n, CUstream s);

// A kernel launch with its arguments: argument i begins with value[at[i]]. One that is no struct has a value to itself.
enum { NEUROLOUPE_ARGS = 24, NEUROLOUPE_VALUES = 120 };
typedef struct {
	CUfunction f;
	unsigned gx, gy, gz, bx, by, bz, shared;
	int n;
	unsigned char at[NEUROLOUPE_ARGS + 1];
	unsigned long long value[NEUROLOUPE_VALUES];
} neuroloupe_launch;

CUresult neuroloupe_run(neuroloupe_launch *l, CUstream s, int cooperative);
