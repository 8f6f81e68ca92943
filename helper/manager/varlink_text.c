/* SPDX-License-Identifier: BSD-3-Clause */
#include "varlink_text.h"

/* The assembler finds the files as the compiler finds headers, by -I. */
#define TEXT_FILE(symbol, file)                                                                    \
	__asm__(".pushsection .rodata\n"                                                           \
		".globl " #symbol "\n"                                                             \
		".type " #symbol ", @object\n" #symbol ":\n"                                       \
		".incbin \"" file "\"\n"                                                           \
		".byte 0\n"                                                                        \
		".size " #symbol ", . - " #symbol "\n"                                             \
		".popsection\n")

TEXT_FILE(varlink_text_service, "org.varlink.service.varlink");
TEXT_FILE(varlink_text_manager, "org.vmpower.Manager.varlink");
