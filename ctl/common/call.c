/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/command_line/text.h"
#include "ctl/common/client.h"
#include "ctl/common/ctl.h"
#include "ctl/common/print.h"

/* Return: CTL_OK; else an exit code, with @problem. */
static int complete_names(const struct ctl *ctl, const char *method, char **path, char **name,
			  char **problem)
{
	*path = text_make("%s/control.sock", ctl->runtime_dir);
	*name = text_make("org.vmpower.Manager.%s", method);
	*problem = NULL;
	return *path && *name ? CTL_OK : CTL_FAILED;
}

static int unreachable(int error, char **problem)
{
	if (!*problem)
		*problem = strdup(strerror(-error));
	return CTL_UNREACHABLE;
}

/* Turn a reply into CTL_OK and @out, or an exit code and @problem. */
static int judge(struct client_reply *reply, json_t **out, char **problem)
{
	int r = reply->error ? CTL_FAILED : CTL_OK;

	if (reply->error)
		*problem = ctl_error_text(reply->error, reply->parameters);
	else
		*out = json_incref(reply->parameters);
	client_reply_clear(reply);
	return r;
}

int ctl_ask(const struct ctl *ctl, const char *method, json_t *parameters, json_t **out,
	    char **problem)
{
	cleanup_free char *path = NULL, *name = NULL;
	struct client_reply reply = {0};
	int r = complete_names(ctl, method, &path, &name, problem);

	if (r != CTL_OK) {
		json_decref(parameters);
		return r;
	}
	r = client_call(path, name, parameters, &reply, problem);
	return r < 0 ? unreachable(r, problem) : judge(&reply, out, problem);
}

int ctl_stream(const struct ctl *ctl, const char *method, json_t *parameters, struct client *client,
	       char **problem)
{
	cleanup_free char *path = NULL, *name = NULL;
	cleanup_json json_t *given = parameters;
	int r = complete_names(ctl, method, &path, &name, problem);

	if (r != CTL_OK)
		return r;
	r = client_open(client, path, problem);
	if (r == 0)
		r = client_send(client, name, json_incref(given), true, problem);
	return r < 0 ? unreachable(r, problem) : CTL_OK;
}

int ctl_next(struct client *client, int timeout_ms, json_t **out, char **problem)
{
	struct client_reply reply = {0};
	int r = client_receive(client, timeout_ms, &reply, problem);

	*out = NULL;
	if (r < 0)
		return unreachable(r, problem);
	return r == 0 ? CTL_OK : judge(&reply, out, problem);
}

int ctl_report(int status, const char *problem)
{
	if (status != CTL_OK)
		ctl_error("%s", problem ? problem : "out of memory");
	return status;
}

int ctl_call(const struct ctl *ctl, const char *method, json_t *parameters, json_t **out)
{
	cleanup_free char *problem = NULL;
	int r;

	if (!parameters) { /* only text from the command line can be invalid */
		ctl_error("invalid argument: not UTF-8");
		return CTL_USAGE;
	}
	r = ctl_ask(ctl, method, parameters, out, &problem);
	if (r == CTL_OK && ctl->json)
		ctl_print_json(*out, JSON_INDENT(2));
	return ctl_report(r, problem);
}
