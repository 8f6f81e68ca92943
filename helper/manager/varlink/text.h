/* SPDX-License-Identifier: BSD-3-Clause */
/* Descriptions of interfaces, *.varlink files, as strings in the program. */
#ifndef VMPOWER_HELPER_MANAGER_VARLINK_TEXT_H
#define VMPOWER_HELPER_MANAGER_VARLINK_TEXT_H

/* Defines @symbol, a string; @file is relative to the top of the tree, where make runs. */
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
