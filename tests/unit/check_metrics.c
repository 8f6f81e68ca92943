/* SPDX-License-Identifier: BSD-3-Clause */
/* The text of metrics over the control API: both formats, and impossible numbers. */
#include "helper/manager/report/metrics.h"
#include "tests/unit/control_stage.h"
#include "tests/unit/runner.h"

static char *text_of(const char *parameters)
{
	struct peer peer = begin();
	char call[200], *text;
	json_t *reply;

	(void)snprintf(call, sizeof(call), METHOD("Metrics", "%s"), parameters);
	peer_send(&peer, call);
	reply = peer_receive(&peer);
	text = strdup(
		json_string_value(json_object_get(json_object_get(reply, "parameters"), "text")));
	json_decref(reply);
	peer_close(&peer);
	return text;
}

static void expect(const char *text, const char *line)
{
	char wanted[300];

	(void)snprintf(wanted, sizeof(wanted), "\n%s\n", line);
	ck_assert_msg(strstr(text, wanted) != NULL, "no \"%s\" in:\n%s", line, text);
}

FIXTURE(setup, teardown)

TEST(openmetrics)
{
	char *text = text_of("{}");

	expect(text, "# TYPE vmpower_domain_acks counter");
	expect(text, "vmpower_domain_acks_total{domain=\"vm1\",uuid=\"" UUID_1 "\"} 6");
	expect(text, "# UNIT vmpower_frequency_domain_target_hertz hertz");
	expect(text, "vmpower_frequency_domain_target_hertz{frequency_domain=\"4\",cpus=\"4-7\"} "
		     "1000000000");
	expect(text, "vmpower_frequency_domain_controlled{frequency_domain=\"0\",cpus=\"0-3\"} 0");
	expect(text, "vmpower_channels{state=\"removed\"} 1");
	expect(text, "vmpower_monitor_restarts_total 3");
	expect(text, "vmpower_domain_refused_requests_total{domain=\"vm1\",uuid=\"" UUID_1
		     "\",reason=\"unpinned\"} 4");
	/* a counter beyond the range does not wrap to a small number */
	expect(text, "vmpower_domain_requests_total{domain=\"vm1\",uuid=\"" UUID_1
		     "\"} 18446744073709551615");
	ck_assert_str_eq(text + strlen(text) - 7, "\n# EOF\n");
	free(text);
}

#define MONITOR(le) "vmpower_loop_turn_seconds_bucket{process=\"monitor\",le=\"" le "\"} "

TEST(histograms)
{
	char *text;

	shared.turns.all =
		(struct histogram){.n = {7, [3] = 2, [4] = UINT64_MAX}, .sum_ns = 12000000345};
	text = text_of("{}");
	expect(text, "# TYPE vmpower_loop_turn_seconds histogram");
	expect(text, "# UNIT vmpower_loop_turn_seconds seconds");
	expect(text, MONITOR("1e-05") "7");
	expect(text, MONITOR("0.001") "7");
	expect(text, MONITOR("0.005") "9");
	/* the monitor may publish anything: no wrap to a small number */
	expect(text, MONITOR("0.01") "18446744073709551615");
	expect(text, MONITOR("+Inf") "18446744073709551615");
	expect(text, "vmpower_loop_turn_seconds_sum{process=\"monitor\"} 12.000000345");
	ck_assert_ptr_nonnull(
		strstr(text, "vmpower_loop_turn_seconds_count{process=\"manager\"} "));
	expect(text, "vmpower_hook_wait_seconds_bucket{le=\"0.0001\"} 1");
	expect(text, "vmpower_hook_wait_seconds_bucket{le=\"1.0\"} 5");
	expect(text, "vmpower_hook_wait_seconds_bucket{le=\"+Inf\"} 7");
	expect(text, "vmpower_hook_wait_seconds_count 7");
	expect(text, "vmpower_hook_wait_seconds_sum 2.003000001");
	free(text);
}

/* Each has a line, as in "show". */
TEST(states_of_channels)
{
	struct domain *domain = registry_find(stage.registry, "vm1");
	char *text;

	domain->channels[0].state = CHANNEL_UNSERVED;
	domain->channels[1].state = CHANNEL_CONNECTING;
	domain->channels[1].hung_up = true;
	text = text_of("{}");
	expect(text, "vmpower_channels{state=\"unserved\"} 1");
	expect(text, "vmpower_channels{state=\"connecting\"} 0");
	expect(text, "vmpower_channels{state=\"disconnected\"} 1");
	free(text);
}

/* A tenant's text can end neither its label nor its line. */
TEST(names)
{
	struct domain *domain = registry_find(stage.registry, "vm1");
	char *text;

	/* XML can't carry a newline this far, but this does not rely on it */
	(void)snprintf(domain->description->name, sizeof(domain->description->name), "a\"b\\c\nd");
	text = text_of("{}");
	expect(text, "vmpower_domain_acks_total{domain=\"a\\\"b\\\\c\\nd\",uuid=\"" UUID_1 "\"} 6");
	free(text);
}

TEST(prometheus)
{
	char *text = text_of("{\"format\":\"prometheus\"}");

	expect(text, "# TYPE vmpower_domain_acks_total counter");
	expect(text, "# TYPE vmpower_build_info gauge");
	ck_assert_ptr_null(strstr(text, "# UNIT"));
	ck_assert_ptr_null(strstr(text, "# EOF"));
	free(text);
}

TEST(unknown_format)
{
	struct peer peer = begin();

	peer_call(&peer, METHOD("Metrics", "{\"format\":\"xml\"}"), INVALID("format"));
	peer_close(&peer);
}
