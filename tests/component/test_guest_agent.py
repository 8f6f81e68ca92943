# SPDX-License-Identifier: BSD-3-Clause
"""vmpower-guest's agent, with a real vmpower-monitor behind its ports, and stand-in applications."""

import contextlib

from tests.harness.ports import Agent, GuestPort, ports_of
from tests.harness.process import run
from tests.harness.scene import HIGHEST, LOWEST, UP, component_main, scene
from tests.harness.telemetry import Application
from tests.harness import paths
from tests.harness.wait import wait_until

PINS = {0: "2", 1: "3"}


@contextlib.contextmanager
def governed(name, settings=None, lcores=None, **more):
    """A domain of two vCPUs whose agent runs: yields stage, agent and application."""
    with scene(name, **more) as stage, ports_of(stage, stage.started("vm", PINS)) as ports:
        application = Application(stage.directory / "dpdk", lcores or {0: [0], 1: [1]})
        agent = Agent(ports, stage.directory, stage.log.with_name(f"{name}-agent.log"), settings)
        try:
            yield stage, agent, application
            agent.stop()
        finally:
            agent.process.kill()
            if application.listener.fileno() >= 0:
                application.close()
        # its session has ended: nobody has voted
        stage.expect({})


def test_a_load_goes_up_and_down():
    with governed("load") as (stage, agent, application):
        stage.expect({2: LOWEST, 3: LOWEST})
        application.set(1.0, 1)
        stage.expect({2: LOWEST, 3: HIGHEST})
        application.set(0.0, 1)
        stage.expect({2: LOWEST, 3: LOWEST})
        state = agent.vcpu(1)
        assert state["sensor"] == "telemetry" and state["khz"] == LOWEST, state
        assert state["steps_below_maximum"] == len(UP) - 1, state


def test_down_is_step_by_step():
    with governed("steps", {"governor": {"cooldown": 300}}) as (stage, _agent, application):
        application.set(1.0)
        stage.expect({2: HIGHEST, 3: HIGHEST})
        seen = []

        def bottom():
            khz = stage.tree.khz(2)
            if not seen or seen[-1] != khz:
                seen.append(khz)
            return khz == LOWEST

        application.set(0.0)
        wait_until(bottom, 60, "the lowest frequency")
        assert seen == [khz for khz in reversed(UP) if khz in seen] and len(seen) > 2, seen


def test_a_floor():
    with governed("floor", {"governor": {"floor": UP[2]}}) as (stage, agent, _application):
        wait_until(lambda: agent.vcpu(0)["khz"] == UP[2], 30, "the floor")
        stage.expect({2: UP[2], 3: UP[2]})


def test_two_lcores_on_a_vcpu_and_one_that_floats():
    with governed("lcores", lcores={5: [0], 6: [0], 7: [0, 1]}) as (stage, _agent, application):
        stage.expect({2: LOWEST, 3: LOWEST})
        application.set(1.0, 6)
        stage.expect({2: HIGHEST, 3: LOWEST})
        application.set(1.0, 7)
        stage.expect({2: HIGHEST, 3: HIGHEST})


def test_telemetry_that_hangs_means_maximum():
    with governed("hang", {"sensors": {"silence": 300}}) as (stage, agent, application):
        stage.expect({2: LOWEST, 3: LOWEST})
        application.hang()
        stage.expect({2: HIGHEST, 3: HIGHEST})
        wait_until(lambda: agent.vcpu(0)["sensor"] is None, 20, "no sensor")
        application.hang(False)
        stage.expect({2: LOWEST, 3: LOWEST})


def test_an_application_that_is_killed_and_started_again():
    with governed("killed") as (stage, agent, application):
        stage.expect({2: LOWEST, 3: LOWEST})
        application.close(leave_socket=True)
        stage.expect({2: HIGHEST, 3: HIGHEST})
        other = Application(agent.telemetry, {0: [0], 1: [1]})
        stage.expect({2: LOWEST, 3: LOWEST})
        other.close()
        stage.expect({2: HIGHEST, 3: HIGHEST})


def test_a_stopped_application_goes_by_the_kernel():
    sections = {"sensors": {"proc-stat": "yes"}}
    with governed("stopped", sections) as (stage, agent, application):
        wait_until(lambda: agent.vcpu(0)["sensor"] == "telemetry", 20, "telemetry")
        application.stop()
        wait_until(lambda: agent.vcpu(0)["sensor"] == "proc-stat", 20, "/proc/stat")


def test_an_application_that_does_not_count_is_told_of_once():
    with governed("counts") as (stage, agent, application):
        stage.expect({2: LOWEST, 3: LOWEST})
        other = Application(agent.telemetry, {0: [0]}, counts=False, name="ovs")
        wait_until(lambda: "does not count" in agent.said(), 20, "the line")
        wait_until(lambda: len(agent.state()["applications"]) == 2, 20, "both")
        asked = application.asked
        wait_until(lambda: application.asked > asked + 5, 20, "some intervals")
        assert agent.said().count("does not count") == 1 and other.asked == 1
        stage.expect({2: LOWEST, 3: LOWEST})
        other.close()


def test_a_command():
    with scene("command") as stage, ports_of(stage, stage.started("vm", PINS)) as ports:
        load = stage.directory / "load"
        load.write_text("0 10\n1 100\n")
        agent = Agent(ports, stage.directory, stage.log.with_name("command-agent.log"),
                      {"sensors": {"command": f"while cat {load}; do sleep 0.05; done"}})
        stage.expect({2: LOWEST, 3: HIGHEST})
        load.write_text("5\n")
        stage.expect({2: LOWEST, 3: LOWEST})
        load.unlink()  # it ends, and again and again
        stage.expect({2: HIGHEST, 3: HIGHEST})
        agent.stop()
        stage.expect({})


def test_the_host_restarts():
    with governed("restart") as (stage, agent, application):
        stage.expect({2: LOWEST, 3: LOWEST})
        stage.vmpower.restart()
        application.set(1.0, 0)
        stage.expect({2: HIGHEST, 3: LOWEST})
        assert agent.vcpu(0)["unanswered"] == 0, agent.vcpu(0)


def test_a_port_that_the_host_closes():
    with governed("closed") as (stage, agent, application):
        stage.expect({2: LOWEST, 3: LOWEST})
        old = agent.ports.ports[1]
        old.close()
        wait_until(lambda: agent.vcpu(1)["state"] == "closed", 20, "the port's end")
        assert "no host is connected" in agent.said() or "gone" in agent.said()
        stage.expect({2: LOWEST, 3: LOWEST})  # the channel stands, and so does its vote
        agent.ports.ports[1] = GuestPort(agent.ports.directory, 1, old.host)
        application.set(1.0, 1)
        stage.expect({2: LOWEST, 3: HIGHEST})


def test_a_killed_agent_leaves_votes_until_they_are_released():
    with governed("released") as (stage, agent, _application):
        stage.expect({2: LOWEST, 3: LOWEST})
        agent.process.kill()
        stage.expect({2: LOWEST, 3: LOWEST})
        agent.ports.tool("--config", agent.config, "agent", "--release")
        stage.expect({})
        agent.start()
        stage.expect({2: LOWEST, 3: LOWEST})


def test_the_tool_speaks_through_the_agent():
    with governed("through", {"governor": {"cooldown": 3600000}}) as (stage, agent, _application):
        stage.expect({2: HIGHEST, 3: HIGHEST})
        wait_until(lambda: "agent: vCPU 1 is 0.0 % busy (telemetry)" in
                   agent.ports.tool("status").stdout, 10, "what the agent measures")
        ports = agent.ports.json("status")["ports"]
        assert all(port["agent"] and port["state"] == "answers" for port in ports), ports
        agent.ports.tool("request", "0", "down")
        stage.expect({2: UP[-2], 3: HIGHEST})
        assert agent.ports.json("query")["vcpus"][0]["khz"] == UP[-2]
        # a vCPU that does not exist: the host's NACK comes through
        agent.ports.tool("--port", "0", "request", "9", "max", check=1)


def test_it_leaves_ports_of_others_alone():
    with governed("alone", {"agent": {"vcpus": "1"}}) as (stage, agent, _application):
        stage.expect({3: LOWEST})
        assert [v["vcpu"] for v in agent.state()["vcpus"]] == [1]
        agent.ports.tool("request", "0", "min")
        stage.expect({2: LOWEST, 3: LOWEST})
        agent.ports.tool("--new-session", "request", "0", "turbo-off", check=None)


def test_votes_do_not_run_out():
    sections = {"host": {"heartbeat": 1}}
    with governed("heartbeat", sections, sections={"channel": {"vote-lifetime": 4}}) as (
            stage, agent, application):
        stage.expect({2: LOWEST, 3: LOWEST})
        changes = agent.vcpu(0)["changes"]
        asked = application.asked
        wait_until(lambda: application.asked > asked + 120, 60, "six seconds")
        stage.expect({2: LOWEST, 3: LOWEST})
        assert agent.vcpu(0)["changes"] == changes


def test_a_second_agent_is_refused():
    with governed("second") as (_stage, agent, _application):
        done = agent.ports.tool("--socket", agent.socket, "--config", agent.config, "agent",
                                check=3)
        assert "another agent runs" in done.stderr, done.stderr


WRONG = (
    ("[agents]", "unknown section"),
    ("[agent]\ninterval = 5", "use a number from 10 to 1000"),
    ("[agent]\nspeed = 5", 'line 2: unknown key "speed"'),
    ("vcpus = all", "a section must come before"),
    ("[agent]\nvcpus = some", "0-3,6"),
    ("[agent]\nvcpus", "neither a section"),
    ("[agent]\nvcpus = 1\nvcpus = 2", "given twice"),
    ("[sensors]\ntelemetry = maybe", "yes or no"),
    ("[governor]\nfloor = fast", "2.4GHz"),
    ("[governor]\ntarget = 90\nsaturated = 80", "saturated"),
    ("[governor]\ntarget = 20\nmargin = 20", "margin"),
    ("[sensors]\nsilence = 100", "twice"),
    ("[sensors]\ntelemetry = no\nproc-stat = no", "no sensor"),
)


def test_wrong_configurations():
    with scene("wrong", start=False) as stage:
        file = stage.directory / "guest.conf"
        program = paths.BIN / "vmpower-guest"
        for text, problem in WRONG:
            file.write_text(text + "\n", encoding="utf-8")
            done = run(program, "agent", "--check-config", "--config", file, check=False)
            assert done.returncode == 2 and problem in done.stderr, (text, done.stderr)
        file.write_text("[agent]\n# text\nvcpus = 0-1\n\n[governor]\nfloor = 1.2GHz\n")
        printed = run(program, "agent", "--print-config", "--config", file).stdout
        assert "vcpus = 0-1\n" in printed and "floor = 1200000\n" in printed, printed
        file.write_text(printed)
        assert run(program, "agent", "--print-config", "--config", file).stdout == printed
        done = run(program, "agent", "--check-config", "--config", "/nowhere", check=False)
        assert done.returncode == 2 and "No such file" in done.stderr, done.stderr


if __name__ == "__main__":
    component_main()
