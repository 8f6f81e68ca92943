/* SPDX-License-Identifier: BSD-3-Clause */
#include "helper/manager/registry/saved_domain.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/json/build.h"
#include "common/policy_settings.h"
#include "helper/manager/registry/saved_interfaces.h"

/* --- to text --------------------------------------------------------------------------- */

static json_t *vcpus_json(const struct domain_description *description)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < description->n_vcpus; i++) {
		const struct vcpu_description *vcpu = &description->vcpus[i];
		json_t *json = json_object();

		json_put_bool(&json, "online", vcpu->online);
		if (vcpu->pinned)
			json_put(&json, "cpus", json_cpus(vcpu->affinity));
		json_put_bool(&json, "uncertain", vcpu->uncertain);
		json_add(&array, json);
	}
	return array;
}

static json_t *channels_json(const struct domain *domain)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < domain->n_channels; i++) {
		const struct channel *channel = &domain->channels[i];
		uint64_t cookie = channel->state == CHANNEL_CONNECTED ? channel->cookie : 0;
		json_t *json = json_object();

		json_put_int(&json, "number", channel->number);
		json_put_int(&json, "slot", channel->id % MAX_DOMAIN_CHANNELS);
		json_put(&json, "path", json_string(channel->path));
		json_put_bool(&json, "enabled", channel->enabled);
		json_put_bool(&json, "removed", channel->state == CHANNEL_REMOVED);
		json_put_int(&json, "socket", (json_int_t)cookie);
		json_put_int(&json, "peer_uid", channel->peer_uid);
		json_put_int(&json, "peer_pid", channel->peer_pid);
		json_add(&array, json);
	}
	return array;
}

/* Slots of former channels, whose counters count too. */
static json_t *former_slots_json(const struct domain *domain)
{
	uint64_t slots = domain->slots;
	json_t *array = json_array();

	for (uint32_t i = 0; i < domain->n_channels; i++)
		slots &= ~(UINT64_C(1) << domain->channels[i].id % MAX_DOMAIN_CHANNELS);
	for (; slots != 0; slots &= slots - 1)
		json_add(&array, json_integer(__builtin_ctzll(slots)));
	return array;
}

static json_t *overrides_json(const struct domain *domain)
{
	json_t *object = json_object();

	for (uint32_t i = 0; domain->overrides && i < domain->description->n_vcpus; i++) {
		char key[16];

		if (domain->overrides[i] == 0)
			continue;
		(void)snprintf(key, sizeof(key), "%u", i);
		json_put_int(&object, key, domain->overrides[i]);
	}
	return object;
}

static bool is_number(enum setting_type type)
{
	return type == TYPE_FREQUENCY || type == TYPE_NUMBER || type == TYPE_COMMANDS;
}

static json_t *setting_json(const struct domain_settings *from, enum domain_setting setting)
{
	enum setting_type type = domain_setting_fields[setting].type;
	char text[SETTING_TEXT_SIZE];

	if (type == TYPE_FLAG)
		return json_boolean(domain_setting_get(from, setting));
	if (is_number(type))
		return json_integer(domain_setting_get(from, setting));
	return json_string(domain_setting_text(setting, from, text));
}

/* Of a policy only what is given: most domains have none. */
static json_t *settings_json(const struct domain_settings *from)
{
	json_t *object = json_object();

	json_put_int(&object, "given", from->given);
	for (enum domain_setting i = 0; i < N_SETTINGS; i++)
		if (i < SETTING_POLICY || domain_setting_given(from, i))
			json_put(&object, domain_setting_fields[i].json, setting_json(from, i));
	return object;
}

/* A text that quotes the XML may be cut within a character: it is then not UTF-8. */
static json_t *error_json(const char *text)
{
	json_t *json = json_string(text);

	return json ? json : json_string("(not UTF-8)");
}

char *saved_domain_format(const struct domain *domain)
{
	const struct domain_description *description = domain->description;
	json_t *json = json_object();
	char *text;

	json_put_int(&json, "version", SAVED_DOMAIN_VERSION);
	json_put_text(&json, "uuid", description->uuid);
	json_put(&json, "name", json_string(description->name));
	json_put_int(&json, "id", description->id);
	json_put_int(&json, "slot", domain->id);
	json_put_int(&json, "run", (json_int_t)domain->run);
	json_put_bool(&json, "vcpus_vary", description->vcpus_vary);
	json_put_bool(&json, "paused", domain->paused);
	json_put_int(&json, "reported_ns", (json_int_t)domain->last_report_ns);
	json_put(&json, "problem", error_json(description->problem));
	json_put(&json, "vcpus", vcpus_json(description));
	json_put(&json, "channels", channels_json(domain));
	json_put(&json, "former_slots", former_slots_json(domain));
	json_put(&json, "interfaces", saved_interfaces_json(description));
	json_put(&json, "overrides", overrides_json(domain));
	if (domain->policy)
		json_put(&json, "policy", settings_json(domain->policy));
	json_put(&json, "metadata", settings_json(&description->metadata));
	json_put(&json, "metadata_error", error_json(description->metadata_error));
	text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	return text;
}

/* --- from text -------------------------------------------------------------------------- */

/* Return: false: missing, not an integer, or out of range */
static bool get_large(const json_t *object, const char *key, json_int_t max, uint64_t *number)
{
	const json_t *value = json_object_get(object, key);
	json_int_t n = json_integer_value(value);

	if (!json_is_integer(value) || n < 0 || n > max)
		return false;
	*number = (uint64_t)n;
	return true;
}

static bool get_number(const json_t *object, const char *key, uint32_t max, uint32_t *number)
{
	uint64_t n;

	if (!get_large(object, key, max, &n))
		return false;
	*number = (uint32_t)n;
	return true;
}

static bool get_bool(const json_t *object, const char *key, bool *flag)
{
	const json_t *value = json_object_get(object, key);

	*flag = json_is_true(value);
	return json_is_boolean(value);
}

static bool get_optional_text(const json_t *object, const char *key, char *text, size_t size)
{
	const json_t *value = json_object_get(object, key);
	size_t length = json_string_length(value);

	if (!json_is_string(value) || length >= size || strlen(json_string_value(value)) != length)
		return false;
	memcpy(text, json_string_value(value), length + 1);
	return true;
}

static bool get_text(const json_t *object, const char *key, char *text, size_t size)
{
	const json_t *value = json_object_get(object, key);

	return json_string_length(value) > 0 && get_optional_text(object, key, text, size);
}

/* Strict, since the UUID is also a file name. */
static bool is_uuid(const char *text)
{
	for (size_t i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !text[i] || !strchr("0123456789abcdef", text[i]))
			return false;
	}
	return text[36] == '\0';
}

static int parse_vcpus(const json_t *array, struct domain_description *description)
{
	size_t n = json_array_size(array);

	if (n == 0 || n > MAX_DOMAIN_VCPUS)
		return -EBADMSG;
	description->vcpus = calloc(n, sizeof(description->vcpus[0]));
	description->affinities = calloc(n, sizeof(description->affinities[0]));
	if (!description->vcpus || !description->affinities)
		return -ENOMEM;
	description->n_vcpus = (uint32_t)n;
	description->n_affinities = (uint32_t)n;
	for (size_t i = 0; i < n; i++) {
		const json_t *from = json_array_get(array, i), *cpus;
		struct vcpu_description *vcpu = &description->vcpus[i];

		if (!get_bool(from, "online", &vcpu->online) ||
		    !get_bool(from, "uncertain", &vcpu->uncertain))
			return -EBADMSG;
		description->n_online += vcpu->online;
		cpus = json_object_get(from, "cpus");
		if (!cpus)
			continue;
		if (!json_is_string(cpus) ||
		    cpuset_parse(json_string_value(cpus), &description->affinities[i]) < 0)
			return -EBADMSG;
		vcpu->pinned = true;
		vcpu->affinity = &description->affinities[i];
	}
	return 0;
}

static int parse_channels(const json_t *array, struct saved_domain *saved)
{
	struct domain_description *description = saved->description;

	if (!json_is_array(array) || json_array_size(array) > MAX_DOMAIN_CHANNELS)
		return -EBADMSG;
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *from = json_array_get(array, i);
		struct channel_description *channel = &description->channels[i];
		struct saved_channel *more = &saved->channels[i];

		if (!get_number(from, "number", MAX_CHANNEL_NUMBER, &channel->number) ||
		    !get_number(from, "slot", MAX_DOMAIN_CHANNELS - 1, &more->slot) ||
		    !get_text(from, "path", channel->path, sizeof(channel->path)) ||
		    !get_bool(from, "enabled", &more->enabled) ||
		    !get_bool(from, "removed", &more->removed) ||
		    !get_large(from, "socket", INT64_MAX, &more->cookie) ||
		    !get_number(from, "peer_uid", UINT32_MAX, &more->peer_uid) ||
		    !get_number(from, "peer_pid", INT32_MAX, &more->peer_pid) ||
		    (saved->slots >> more->slot & 1) ||
		    (i > 0 && channel->number <= description->channels[i - 1].number))
			return -EBADMSG;
		saved->slots |= UINT64_C(1) << more->slot;
		description->n_channels++;
	}
	return 0;
}

/* A predecessor may lack them. */
static int parse_former_slots(const json_t *array, struct saved_domain *saved)
{
	if (array && !json_is_array(array))
		return -EBADMSG;
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *slot = json_array_get(array, i);
		json_int_t n = json_integer_value(slot);

		if (!json_is_integer(slot) || n < 0 || n >= MAX_DOMAIN_CHANNELS ||
		    (saved->slots >> n & 1))
			return -EBADMSG;
		saved->slots |= UINT64_C(1) << n;
	}
	return 0;
}

static int parse_overrides(json_t *object, struct saved_domain *saved)
{
	uint32_t n_vcpus = saved->description->n_vcpus;
	size_t n_found = 0;

	if (!json_is_object(object))
		return -EBADMSG;
	if (json_object_size(object) == 0)
		return 0;
	saved->overrides = calloc(n_vcpus, sizeof(saved->overrides[0]));
	if (!saved->overrides)
		return -ENOMEM;
	for (uint32_t i = 0; i < n_vcpus; i++) {
		char key[16];

		(void)snprintf(key, sizeof(key), "%u", i);
		if (!json_object_get(object, key))
			continue;
		n_found++;
		if (!get_number(object, key, UINT32_MAX, &saved->overrides[i]))
			return -EBADMSG;
	}
	return n_found == json_object_size(object) ? 0 : -EBADMSG;
}

/* A predecessor may lack the setting: then it must not be among the given ones. */
static bool get_setting(const json_t *object, enum domain_setting setting,
			struct domain_settings *to)
{
	const struct domain_setting_field *field = &domain_setting_fields[setting];
	uint32_t max = field->type == TYPE_COMMANDS ? COMMANDS_ALL : UINT32_MAX;
	char text[SETTING_TEXT_SIZE];
	bool flag;

	if (!json_object_get(object, field->json))
		return !domain_setting_given(to, setting);
	if (is_number(field->type))
		return get_number(object, field->json, max, domain_setting_value(to, setting));
	if (field->type != TYPE_FLAG)
		return domain_setting_given(to, setting) &&
		       get_text(object, field->json, text, sizeof(text)) &&
		       domain_setting_parse(setting, text, to);
	if (!get_bool(object, field->json, &flag))
		return false;
	*domain_setting_value(to, setting) = flag;
	return true;
}

static bool parse_settings(const json_t *object, struct domain_settings *to)
{
	char problem[256];

	if (!get_number(object, "given", DOMAIN_SETTINGS_ALL, &to->given))
		return false;
	for (enum domain_setting i = 0; i < N_SETTINGS; i++) {
		if (!get_setting(object, i, to))
			return false;
	}
	return policy_settings_check(to, problem, sizeof(problem));
}

/* Most have none. */
static int parse_policy(const json_t *object, struct saved_domain *saved)
{
	if (!object)
		return 0;
	saved->policy = calloc(1, sizeof(*saved->policy));
	if (!saved->policy)
		return -ENOMEM;
	if (!parse_settings(object, saved->policy) ||
	    !domain_setting_given(saved->policy, SETTING_POLICY) ||
	    (saved->policy->given & ~POLICY_SETTINGS))
		return -EBADMSG;
	return 0;
}

static int parse_metadata(const json_t *json, struct domain_description *description)
{
	if (!parse_settings(json_object_get(json, "metadata"), &description->metadata) ||
	    !get_optional_text(json, "metadata_error", description->metadata_error,
			       sizeof(description->metadata_error)))
		return -EBADMSG;
	return 0;
}

static int parse(const json_t *json, struct saved_domain *saved)
{
	struct domain_description *description = saved->description;
	uint32_t version, id;
	int r;

	if (!get_number(json, "version", INT32_MAX, &version))
		return -EBADMSG;
	if (version != SAVED_DOMAIN_VERSION)
		return -EPROTONOSUPPORT;
	if (!get_text(json, "uuid", description->uuid, sizeof(description->uuid)) ||
	    !is_uuid(description->uuid) ||
	    !get_text(json, "name", description->name, sizeof(description->name)) ||
	    !get_number(json, "id", INT32_MAX, &id) ||
	    !get_number(json, "slot", MAX_DOMAINS - 1, &saved->id) ||
	    !get_large(json, "run", INT64_MAX, &saved->run) ||
	    !get_bool(json, "vcpus_vary", &description->vcpus_vary) ||
	    !get_bool(json, "paused", &saved->paused) ||
	    !get_large(json, "reported_ns", INT64_MAX, &saved->reported_ns) ||
	    !get_optional_text(json, "problem", description->problem, sizeof(description->problem)))
		return -EBADMSG;
	description->id = (int32_t)id;
	r = parse_vcpus(json_object_get(json, "vcpus"), description);
	if (r == 0)
		r = parse_channels(json_object_get(json, "channels"), saved);
	if (r == 0)
		r = parse_former_slots(json_object_get(json, "former_slots"), saved);
	if (r == 0)
		r = saved_interfaces_parse(json_object_get(json, "interfaces"), description);
	if (r == 0)
		r = parse_overrides(json_object_get(json, "overrides"), saved);
	if (r == 0)
		r = parse_metadata(json, description);
	if (r == 0)
		r = parse_policy(json_object_get(json, "policy"), saved);
	return r;
}

int saved_domain_parse(const char *text, size_t size, struct saved_domain *out)
{
	struct saved_domain saved = {.description = calloc(1, sizeof(*saved.description))};
	json_t *json = NULL;
	int r;

	if (!saved.description)
		return -ENOMEM;
	if (size <= SAVED_DOMAIN_MAX)
		json = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	r = json ? parse(json, &saved) : -EBADMSG;
	json_decref(json);
	if (r < 0)
		saved_domain_free(&saved);
	else
		*out = saved;
	return r;
}

void saved_domain_free(struct saved_domain *saved)
{
	domain_description_free(take_ptr(saved->description));
	free(take_ptr(saved->overrides));
	free(take_ptr(saved->policy));
}
