/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/guest/agent_commands.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/guest/answer.h"
#include "tests/guest/application.h"
#include "tests/guest/programs.h"

static void say_result(char *answer, int error)
{
	say(answer, error ? "error %s" : "ok", strerror(error < 0 ? -error : error));
}

void application_command(char **words, char *answer)
{
	const char *what = words[1] ? words[1] : "";

	if (!strcmp(what, "start"))
		say_result(answer, application_start());
	else if (!strcmp(what, "load") && words[2] && words[3])
		say_result(answer, application_load(strtoul(words[2], NULL, 10),
						    strtoul(words[3], NULL, 10)));
	else if (!strcmp(what, "kill"))
		say_result(answer, application_signal(SIGKILL));
	else if (!strcmp(what, "hang"))
		say_result(answer, application_signal(SIGSTOP));
	else if (!strcmp(what, "continue"))
		say_result(answer, application_signal(SIGCONT));
	else
		say(answer, "error app what?");
}

void agent_command(char **words, char *answer)
{
	const char *what = words[1] ? words[1] : "";

	if (!strcmp(what, "start"))
		say_result(answer, agent_start(words + 2));
	else
		say(answer, "ok %d", agent_end(strcmp(what, "kill") ? SIGTERM : SIGKILL));
}

void tool_command(char **words, char *answer)
{
	char output[ANSWER_MAX / 2];
	int status = program_run(words + 1, output, sizeof(output));

	say(answer, "ok %d %s", status, output);
}
