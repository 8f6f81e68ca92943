/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VMPOWER_XML_XML_ERROR_H
#define VMPOWER_XML_XML_ERROR_H

#include "common/bounds.h"

/* What is wrong with an XML, for a person: names the element and the remedy. */
struct xml_error {
	char text[512];
	char domain[MAX_DOMAIN_NAME]; /* whose it is; "": not a domain's, or one without name */
};

/* A piece of a document for an error text: at most 128 bytes of one line, whole characters. */
#define MAX_EXCERPT 132
struct excerpt {
	char text[MAX_EXCERPT];
};

struct excerpt excerpt(const char *text);

/** xml_error_set() - write an error text; bound foreign text in it by excerpt(x).text */
void xml_error_set(struct xml_error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The same, as an expression with the value of @result, a negative errno. */
#define xml_fail(error, result, ...) (xml_error_set((error), __VA_ARGS__), (result))

#endif
