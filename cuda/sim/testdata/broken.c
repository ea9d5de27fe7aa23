// A driver that hangs, crashes or ends the process. sim.Broken compiles it with what each of its steps does: -DINIT=hang().
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void hang(void) {
	for (;;) pause();
}
static void spin(void) {
	for (volatile int i = 0;; i++);
}
static void crash(void) { *(volatile int *)0 = 1; }
static void quit(void) { exit(3); }
static void chatter(void) { (void)!write(1, "libcuda: hello\n", 15); }

#ifndef OPEN
#define OPEN
#endif
#ifndef INIT
#define INIT
#endif
#ifndef COUNT
#define COUNT
#endif
#ifndef GET
#define GET
#endif
#ifndef RETAIN
#define RETAIN
#endif

__attribute__((constructor)) static void opened(void) { OPEN; }

int cuInit(unsigned flags) {
	INIT;
	return 0;
}

int cuDriverGetVersion(int *version) {
	*version = 12040;
	return 0;
}

int cuDeviceGetCount(int *n) {
	COUNT;
	*n = 2;
	return 0;
}

int cuDeviceGet(int *device, int i) {
	GET;
	*device = i;
	return 0;
}

int cuDeviceGetName(char *name, int size, int device) {
	strncpy(name, "broken", size);
	return 0;
}

int cuDeviceTotalMem_v2(size_t *bytes, int device) {
	*bytes = 1 << 30;
	return 0;
}

int cuDeviceGetAttribute(int *value, int attribute, int device) {
	*value = 9;
	return 0;
}

int cuDevicePrimaryCtxRetain(void **context, int device) {
	RETAIN;
	return 2; // out of memory
}
