/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * <metadata>
 *   <vmpower:domain xmlns:vmpower='https://vmpower.org/domain/1.0'>
 *     <vmpower:max-frequency>2400000</vmpower:max-frequency> ...
 *
 * vmpower-domain.rng is the schema; both are tested with the same samples.
 */
#include "xml/domain_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/policy_settings.h"
#include "common/value.h"

static bool is_ours(const xmlNode *node)
{
	return node->ns && !strcmp((const char *)node->ns->href, DOMAIN_NAMESPACE);
}

static bool is_blank(const xmlNode *node)
{
	return !node->content ||
	       !((const char *)node->content)[strspn((const char *)node->content, " \t\r\n")];
}

/* Refuse what would be ignored: text between elements, attributes, elements of other namespaces. */
static int check_node(const xmlNode *node, struct xml_error *error)
{
	if (node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE)
		return is_blank(node) ? 0
				      : xml_fail(error, -EINVAL, "text between the settings: %s",
						 excerpt((const char *)node->content).text);
	if (node->type != XML_ELEMENT_NODE)
		return 0;
	if (!is_ours(node))
		return xml_fail(error, -EINVAL, "<%s> is not in namespace %s",
				excerpt((const char *)node->name).text, DOMAIN_NAMESPACE);
	if (node->properties)
		return xml_fail(error, -EINVAL,
				"<%s> has an attribute %s: settings are elements with the value as "
				"text",
				excerpt((const char *)node->name).text,
				excerpt((const char *)node->properties->name).text);
	return 0;
}

static int read_setting(const xmlNode *element, struct domain_settings *settings,
			struct xml_error *error)
{
	struct excerpt name = excerpt((const char *)element->name);
	int setting = domain_setting_find((const char *)element->name);
	char *text cleanup_free = NULL;
	const char *value;
	char names[SETTING_NAMES_SIZE];
	int r;

	if (setting < 0)
		return xml_fail(error, -EINVAL, "unknown setting <%s>; the settings are %s",
				name.text, domain_setting_names(names, sizeof(names)));
	if (domain_setting_given(settings, (enum domain_setting)setting))
		return xml_fail(error, -EINVAL, "<%s> appears twice: keep one", name.text);
	if (setting == SETTING_POLICY_RANK)
		return xml_fail(error, -EINVAL,
				"<%s> is not allowed here, only in the host's configuration",
				name.text);
	r = xml_tree_text(element, &text, error);
	if (r < 0)
		return r;
	value = value_trim(text);
	if (!domain_setting_parse((enum domain_setting)setting, value, settings))
		return xml_fail(error, -EINVAL, "<%s> is '%s'; allowed is %s", name.text,
				excerpt(value).text, domain_setting_fields[setting].allowed);
	return 0;
}

static int read_settings(const xmlNode *settings_element, struct domain_settings *settings,
			 struct xml_error *error)
{
	char problem[256];
	int r = check_node(settings_element, error);

	for (const xmlNode *node = settings_element->children; r == 0 && node; node = node->next) {
		r = check_node(node, error);
		if (r == 0 && node->type == XML_ELEMENT_NODE)
			r = read_setting(node, settings, error);
	}
	if (r == 0 && settings->max_khz && settings->min_khz > settings->max_khz)
		r = xml_fail(error, -EINVAL, "<min-frequency> %u is above <max-frequency> %u",
			     settings->min_khz, settings->max_khz);
	if (r == 0 && !policy_settings_check(settings, problem, sizeof(problem)))
		r = xml_fail(error, -EINVAL, "%s", problem);
	return r;
}

/* Another version of the namespace, or a misspelt one: meant for us, and easily overlooked. */
static bool is_near_miss(const xmlNode *node)
{
	return node->ns && !is_ours(node) &&
	       strstr((const char *)node->ns->href, DOMAIN_NAMESPACE_FAMILY);
}

/* *found is NULL if there is none. */
static int find_settings(const xmlNode *root, const xmlNode **found, struct xml_error *error)
{
	const xmlNode *near_miss = NULL;

	*found = NULL;
	for (const xmlNode *metadata = xml_tree_first(root, "metadata"); metadata;
	     metadata = xml_tree_next(metadata, "metadata")) {
		for (const xmlNode *node = metadata->children; node; node = node->next) {
			if (node->type != XML_ELEMENT_NODE)
				continue;
			if (is_near_miss(node))
				near_miss = node;
			if (!is_ours(node))
				continue;
			if (strcmp((const char *)node->name, "domain") != 0)
				return xml_fail(
					error, -EINVAL, "<%s> in namespace %s: must be <domain>",
					excerpt((const char *)node->name).text, DOMAIN_NAMESPACE);
			if (*found)
				return xml_fail(error, -EINVAL,
						"<domain> in namespace %s appears twice: keep one",
						DOMAIN_NAMESPACE);
			*found = node;
		}
	}
	if (!*found && near_miss)
		return xml_fail(error, -EINVAL, "<%s> is in namespace %s: must be %s",
				excerpt((const char *)near_miss->name).text,
				excerpt((const char *)near_miss->ns->href).text, DOMAIN_NAMESPACE);
	return 0;
}

int domain_read_metadata(const xmlNode *root, struct domain_description *domain,
			 struct xml_error *error)
{
	struct domain_settings settings = {0};
	const xmlNode *element;
	int r = find_settings(root, &element, error);

	if (r == 0 && element)
		r = read_settings(element, &settings, error);
	if (r == -ENOMEM)
		return r;
	if (r == 0) {
		domain->metadata = settings;
		return 0;
	}
	(void)snprintf(domain->metadata_error, sizeof(domain->metadata_error), "%.*s",
		       (int)sizeof(domain->metadata_error) - 1, error->text);
	error->text[0] = '\0';
	return 0;
}
