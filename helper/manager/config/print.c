/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints the shipped configuration file from the table of keys. */
#include <string.h>

#include "helper/manager/config/keys.h"

#define COLUMNS 98 /* of a line of text */

static const char head[] =
	"The configuration of vmpowerd, which reads it when it starts, and on \"systemctl reload "
	"vmpowerd\" or \"vmpowerctl reload\". See vmpower.conf(5).\n"
	"\n"
	"Every key is shown with its default. Rather than change this file, put your settings "
	"into a file of their own, /etc/vmpower/vmpower.conf.d/NAME.conf. Those are read after "
	"this one, in the order of their names; the last value of a key counts. \"vmpowerd "
	"--check-config\" reports mistakes. After a mistake the whole configuration is refused, "
	"and a reload keeps the previous one. A comment begins with \"#\" at the start of a "
	"line.";

static const char domains_help[] =
	"Settings of some domains: a section for each, named by UUID, name, or name with "
	"wildcards (*, ?, [a-z]), in quotes. One section applies to a domain, as a whole: the one "
	"with its UUID, else the one with its name, else, of those whose wildcards match, the one "
	"with the most characters that are not wildcards (the first of equals). A domain's own XML "
	"can narrow these settings, not widen them. They cannot go beyond [limits].";

/* As comment lines, wrapped between words. */
static void print_text(FILE *out, const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t length = strcspn(text, " \n");

		if (column > 0 && column + 1 + length > COLUMNS) {
			(void)fputc('\n', out);
			column = 0;
		}
		if (column == 0)
			column = (size_t)fprintf(out, "#");
		if (length > 0)
			column += (size_t)fprintf(out, " %.*s", (int)length, text);
		text += length;
		if (*text == '\n') {
			(void)fputc('\n', out);
			column = 0;
		}
		text += *text != '\0';
	}
	(void)fputc('\n', out);
}

void config_print_defaults(FILE *out)
{
	const char *section = "";

	print_text(out, head);
	for (unsigned int i = 0; i < n_config_keys; i++) {
		const struct config_key *key = &config_keys[i];

		(void)fputc('\n', out);
		if (strcmp(key->section, section) != 0)
			(void)fprintf(out, "[%s]\n", key->section);
		section = key->section;
		print_text(out, key->help);
		(void)fprintf(out, "#%s = %s\n", key->name, key->initial);
	}
	(void)fputc('\n', out);
	print_text(out, domains_help);
	(void)fprintf(out, "#[" DOMAIN_SECTION " \"NAME\"]\n");
	for (int i = 0; i < N_SETTINGS; i++) {
		(void)fputc('\n', out);
		print_text(out, domain_setting_fields[i].help);
		(void)fprintf(out, "#%s = %s\n", domain_setting_fields[i].name,
			      domain_setting_fields[i].initial);
	}
}
