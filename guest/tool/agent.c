/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include "common/log.h"
#include "guest/agent/agent.h"
#include "guest/tool/tool.h"

int tool_agent(const struct tool *tool)
{
	const struct agent_places places = {.ports = tool->ports, .socket = tool->socket};
	char error[GUEST_ERROR_SIZE];
	struct guest_config config;

	if (guest_config_load(&config, tool->config, error) < 0) {
		tool_error("%s", error);
		return TOOL_USAGE;
	}
	if (tool->print_config)
		guest_config_print(&config, stdout);
	if (tool->print_config || tool->check_config)
		return TOOL_OK;
	log_init("vmpower-guest", LOG_INFO);
	if (tool->release)
		return agent_release(&config, &places) < 0 ? TOOL_UNREACHABLE : TOOL_OK;
	return agent_run(&config, &places) < 0 ? TOOL_UNREACHABLE : TOOL_OK;
}
