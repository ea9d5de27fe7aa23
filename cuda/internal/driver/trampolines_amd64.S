//go:build gpu && linux

// Each function of symbols.h jumps to its entry in the table that shim.c fills.
#define SYMBOL(name)                      \
	.p2align 4;                       \
	.globl name;                      \
	.hidden name;                     \
	.type name, @function;            \
	name:;                            \
	jmp *neuroloupe_cu+entry(%rip);   \
	.size name, . - name;             \
	.set entry, entry + 8;

	.text
	.set entry, 0
#include "symbols.h"
	.section .note.GNU-stack, "", @progbits
