# SPDX-License-Identifier: BSD-3-Clause
"""vmpower-guest in a real QEMU guest: its tool, and its agent beside an application.

The application is a stand-in with DPDK's telemetry socket (tests/guest/application.c).
"""

import contextlib

from tests.harness import paths
from tests.harness.cpufreq_tree import STEPS
from tests.harness.guest import Guest
from tests.harness.runner import Skip
from tests.harness.stage import system_main
from tests.harness.wait import wait_until

UP = sorted(STEPS)
LOWEST, HIGHEST = UP[0], UP[-1]
SETTINGS = "[agent] interval=100 [sensors] proc-stat=no silence=2000 [governor] cooldown=100"


class AgentGuest(Guest):
    """A domain whose guest runs vmpower-guest."""

    def tool(self, *words, status=0):
        """A command of the tool: what it printed."""
        ended, *text = self.ask(f"tool {' '.join(words)}", 60)[1:]
        assert int(ended) == status, (words, ended, text)
        return " ".join(text).replace("|", "\n")

    def start_agent(self, settings=SETTINGS):
        """Start the agent, with these lines of guest.conf."""
        self.ask(f"agent start {settings}")

    def load(self, vcpu, percent):
        """How busy the application's lcore on a vCPU is from now on."""
        self.ask(f"app load {vcpu} {percent}")


@contextlib.contextmanager
def guest(stage, name):
    """A guest of two vCPUs, in which the application runs, and nothing asks yet."""
    if not paths.GUEST_PROGRAM.exists():
        raise Skip("no static library of jansson, so the guest has no vmpower-guest")
    baseline = stage.host.cpufreq.snapshot()
    pins = {0: stage.host.real_cpus[-1], 1: stage.host.real_cpus[0]}
    it = AgentGuest(stage.host, name, pins).create()
    try:
        stage.host.vmpower.wait_connected(name, 2)
        it.boot()
        it.ask("app start")
        yield it
    finally:
        it.destroy()
    stage.host.wait_baseline(baseline)
    stage.host.vmpower.wait_forgotten(name)


def expect(stage, it, *khz):
    """Wait for the frequencies of the pCPUs below vCPUs 0 and 1."""
    wait_until(
        lambda: tuple(stage.host.cpufreq.khz(it.pins[vcpu]) for vcpu in (0, 1)) == khz,
        90, f"frequencies {khz}",
        state=lambda: [stage.host.cpufreq.khz(it.pins[vcpu]) for vcpu in (0, 1)],
    )


def test_the_tool_in_a_guest(stage):
    with guest(stage, "tool") as it:
        said = it.tool("status")
        assert said.count("the host answers") == 2, said
        assert it.tool("request", "0", "min") == "vCPU 0: min\n"
        it.tool("request", "1", "max")
        expect(stage, it, LOWEST, HIGHEST)
        assert it.tool("query") == f"vCPU 0: {LOWEST} kHz\nvCPU 1: {HIGHEST} kHz\n"
        it.tool("policy", "send", "workload", "high")
        expect(stage, it, HIGHEST, HIGHEST)
        it.tool("policy", "remove")
        it.tool("request", "7", "max", status=1)
        # the tests' guest holds a port
        it.power(1, "min")
        said = it.tool("request", "1", "max", status=3)
        assert "in use by init" in said, said


def test_the_agent_follows_an_application(stage):
    with guest(stage, "agent") as it:
        it.start_agent()
        expect(stage, it, LOWEST, LOWEST)
        it.load(1, 100)
        expect(stage, it, LOWEST, HIGHEST)
        assert "agent: vCPU 1 is" in it.tool("status")
        it.load(1, 0)
        expect(stage, it, LOWEST, LOWEST)


def test_whatever_happens_ends_at_the_maximum_and_recovers(stage):
    with guest(stage, "safe") as it:
        it.start_agent()
        expect(stage, it, LOWEST, LOWEST)
        it.ask("app hang")
        expect(stage, it, HIGHEST, HIGHEST)
        it.ask("app continue")
        expect(stage, it, LOWEST, LOWEST)
        it.ask("app kill")
        expect(stage, it, HIGHEST, HIGHEST)
        it.ask("app start")
        expect(stage, it, LOWEST, LOWEST)
        stage.host.vmpower.restart()
        it.load(0, 100)
        expect(stage, it, HIGHEST, LOWEST)
        it.load(0, 0)
        expect(stage, it, LOWEST, LOWEST)


def test_a_channel_that_the_host_closes(stage):
    with guest(stage, "closed") as it:
        it.start_agent()
        expect(stage, it, LOWEST, LOWEST)
        stage.host.vmpower.ctl("channel", "remove", it.name, "1")
        # nobody has voted for vCPU 1 any more
        wait_until(lambda: stage.host.cpufreq.khz(it.pins[1]) != LOWEST, 60, "its vote's end")
        it.load(1, 100)
        stage.host.vmpower.ctl("channel", "add", it.name, "1")
        stage.host.vmpower.wait_connected(it.name, 2)
        expect(stage, it, LOWEST, HIGHEST)
        it.load(1, 0)
        expect(stage, it, LOWEST, LOWEST)


def test_the_agents_end(stage):
    with guest(stage, "end") as it:
        baseline = stage.host.cpufreq.snapshot()
        it.start_agent()
        expect(stage, it, LOWEST, LOWEST)
        assert it.ask("agent stop") == ["ok", "0"]
        stage.host.wait_baseline(baseline)
        it.start_agent()
        expect(stage, it, LOWEST, LOWEST)
        it.ask("agent kill")
        it.tool("--config", "/guest.conf", "agent", "--release")
        stage.host.wait_baseline(baseline)


if __name__ == "__main__":
    system_main()
