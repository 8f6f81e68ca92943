/* SPDX-License-Identifier: BSD-3-Clause */
/* Embeds interface descriptions (*.varlink) into the program. */
#ifndef VMPOWER_HELPER_MANAGER_VARLINK_TEXT_H
#define VMPOWER_HELPER_MANAGER_VARLINK_TEXT_H

/* Define @symbol, a string with the contents of @file (a path from the top of the tree). */
#define VARLINK_TEXT(symbol, file)                                                                 \
	__asm__(".pushsection .rodata\n"                                                           \
		".globl " #symbol "\n"                                                             \
		".type " #symbol ", @object\n" #symbol ":\n"                                       \
		".incbin \"" file "\"\n"                                                           \
		".byte 0\n"                                                                        \
		".size " #symbol ", . - " #symbol "\n"                                             \
		".popsection\n")

extern const char varlink_text_service[]; /* org.varlink.service */

#endif
