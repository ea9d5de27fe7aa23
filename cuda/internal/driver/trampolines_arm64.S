//go:build gpu && linux

// Each function of symbols.h jumps to its entry in the table that shim.c fills. x16 is the register that the ABI gives to
// such code.
#define SYMBOL(name)                              \
	.p2align 4;                               \
	.globl name;                              \
	.hidden name;                             \
	.type name, %function;                    \
	name:;                                    \
	adrp x16, neuroloupe_cu+entry;            \
	ldr x16, [x16, :lo12:neuroloupe_cu+entry]; \
	br x16;                                   \
	.size name, . - name;                     \
	.set entry, entry + 8;

	.text
	.set entry, 0
#include "symbols.h"
	.section .note.GNU-stack, "", %progbits
