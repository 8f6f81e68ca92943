# SPDX-License-Identifier: BSD-3-Clause
"""vmpower-guest's commands, with a real vmpower-monitor behind the ports, and with other hosts."""

import struct

from tests.harness import frames
from tests.harness.ports import (GuestPorts, command_of, frequencies, name_of, ports_of, scripted)
from tests.harness.scene import HIGHEST, LOWEST, UP, component_main, scene
from tests.harness.wait import wait_until

MIDDLE = UP[len(UP) // 2]


def test_requests_move_the_cpu_below_the_vcpu():
    with scene("requests") as stage, ports_of(stage, stage.started("vm", {0: "2", 1: "3"})) as ports:
        said = ports.tool("request", "1", "max").stdout
        assert said == "vCPU 1: max\n", said
        answer = ports.json("request", "0", "min")
        took = answer.pop("microseconds")
        assert answer == {"vcpu": 0, "request": "min", "port": 0, "answer": "ack"}, answer
        assert 0 < took < 10**7
        stage.expect({2: LOWEST, 3: HIGHEST})
        ports.tool("request", "0", "up")
        stage.expect({2: UP[1], 3: HIGHEST})
        ports.tool("request", "1", "down")
        stage.expect({2: UP[1], 3: UP[-2]})
        # one port serves all vCPUs
        assert ports.json("--port", "1", "request", "0", "up")["port"] == 1
        stage.expect({2: UP[2], 3: UP[-2]})


def test_a_session_ends_when_it_is_asked_for_only():
    with scene("session") as stage, ports_of(stage, stage.started("vm", {0: "2", 1: "3"})) as ports:
        ports.tool("--port", "0", "request", "0", "min")
        ports.tool("--port", "0", "request", "1", "min")
        stage.expect({2: LOWEST, 3: LOWEST})
        ports.tool("--new-session", "request", "0", "max")
        votes = ports.json("query")["vcpus"]
        assert votes == [{"vcpu": 0, "khz": HIGHEST}, {"vcpu": 1, "khz": None}], votes


def test_queries_show_votes():
    with scene("queries") as stage, ports_of(stage, stage.started("vm", {0: "2", 1: "3"})) as ports:
        ports.tool("request", "1", "min")
        said = ports.tool("query").stdout
        assert said == f"vCPU 0: no vote\nvCPU 1: {LOWEST} kHz\n", said
        assert ports.tool("query", "all").stdout == said
        assert ports.tool("query", "1").stdout == f"vCPU 1: {LOWEST} kHz\n"
        caps = ports.json("query", "--caps", "1")
        assert [set(vcpu) for vcpu in caps["vcpus"]] == [{"vcpu", "turbo", "priority"}], caps
        # a vCPU that the domain does not have
        assert "refused" in ports.tool("query", "7", check=1).stderr
        # looking has changed nothing
        stage.expect({3: LOWEST})


def test_queries_that_the_host_refuses():
    with scene("no-queries", {"channel": {"queries": "no"}}) as stage, \
            ports_of(stage, stage.started("vm", {0: "2"})) as ports:
        assert "queries" in ports.tool("query", check=1).stderr
        assert "allows no queries" in ports.tool("status").stdout


def test_refused_requests():
    with scene("refused") as stage, \
            ports_of(stage, stage.started("vm", {0: "2"}, vcpus=2)) as ports:
        assert "pinned" in ports.tool("request", "1", "max", check=1).stderr
        assert "NACK" in ports.tool("request", "5", "max", check=1).stderr
        assert ports.json("request", "1", "max", check=1)["answer"] == "nack"


def test_policies_are_sent_and_removed():
    with scene("policies") as stage, ports_of(stage, stage.started("vm", {0: "2", 1: "3"})) as ports:
        ports.tool("policy", "send", "workload", "low", "--vcpus", "0-1")
        stage.expect({2: LOWEST, 3: LOWEST})
        sent = ports.json("policy", "send", "workload", "high", "--vcpus", "1")
        sent.pop("microseconds")
        assert sent == {"policy": "workload", "vcpus": [1], "port": 1, "answer": "ack"}, sent
        stage.expect({2: LOWEST, 3: HIGHEST})
        ports.tool("policy", "send", "workload", "medium", "--vcpus", "0")
        wait_until(lambda: LOWEST < stage.tree.khz(2) < HIGHEST, 20, "medium")
        ports.tool("policy", "send", "time", "--vcpus", "0", "--busy-hours", "0-23")
        stage.expect({2: HIGHEST, 3: HIGHEST})
        ports.tool("policy", "send", "time", "--vcpus", "0", "--quiet-hours", "0-23")
        stage.expect({2: LOWEST, 3: HIGHEST})
        ports.tool("policy", "remove", "--vcpus", "1")
        assert [v["khz"] for v in ports.json("query")["vcpus"]] == [LOWEST, None]
        ports.tool("policy", "remove")
        stage.expect({})
        ports.tool("policy", "send", "branch-ratio", "--vcpus", "0", check=1)
        ports.tool("policy", "remove", "--vcpus", "7", check=1)


def test_status():
    with scene("status") as stage, ports_of(stage, stage.started("vm", {0: "2", 1: "3"})) as ports:
        ports.tool("request", "1", "min")
        said = ports.tool("status").stdout.splitlines()
        assert len(said) == 2 and all("the host answers (" in line for line in said), said
        assert f"voted for {LOWEST} kHz" in said[1], said
        found = ports.json("status")["ports"]
        assert [p["state"] for p in found] == ["answers", "answers"], found
        assert found[1]["khz"] == LOWEST and found[0]["khz"] is None, found


def ack(frame):
    """As any host."""
    return frames.answer_to(frame, frames.ACK)


def nack(frame):
    """As any host."""
    return frames.answer_to(frame, frames.NACK)


def test_what_is_written_are_the_published_vectors():
    def answer(frame):
        return frequencies(1) if command_of(frame) in (7, 8) else ack(frame)

    def policy():
        vector = bytearray(464)
        vector[12], vector[16:23], vector[128] = 3, b"ubuntu2", 1
        vector[48:54] = bytes.fromhex("525400123456")
        struct.pack_into("<3I", vector, 132, 96000, 1800000, 2000000)
        vector[145], vector[152] = 1, 2
        for at, hours in ((156, (3, 4, 5)), (252, (11, 12, 13)), (348, (8, 10))):
            struct.pack_into(f"<{len(hours)}I", vector, at, *hours)
        vector[448], vector[452] = 2, 1
        return bytes(vector)

    with scene("vectors", start=False) as stage, scripted(stage.directory, answer) as (ports, host):
        ports.tool("request", "2", "max", "--port", "0", "--new-session")
        ports.tool("request", "0", "turbo-on")
        ports.tool("query", "0", "--vm-name", "vm0")
        ports.tool(
            "policy", "send", "time", "--vm-name", "ubuntu2", "--vcpus", "0-1", "--busy-hours",
            "3-5", "--quiet-hours", "11-13", "--traffic-hours", "8,10", "--macs",
            "52:54:00:12:34:56", "--min-packets", "96000", "--medium-packets", "1800000",
            "--max-packets", "2000000")
        connect, power, turbo, query, sent = host.received
        assert command_of(connect) == frames.CONNECT
        for frame, vcpu, unit in ((power, 2, "max"), (turbo, 0, "turbo")):
            assert name_of(frame).startswith(frames.TAG) and len(name_of(frame)) == 30, frame
            assert frame == frames.request(vcpu, unit, name=name_of(frame))
        assert name_of(power) != name_of(turbo)
        assert query == frames.request(0, 0, frames.QUERY_FREQ, name=b"vm0")
        assert sent == policy(), sent.hex()


def test_answers_to_others_are_nobodys():
    """What the port's last user did not read, and late answers, come first."""
    other = frames.request(0, "max", name=b"vmpower-guest:0123456789abcdef")
    stock = frames.request(0, "max", name=b"")

    def answer(frame):
        return ack(other) + ack(stock) + ack(stock)[:460] + frequencies(7) + nack(frame)

    with scene("others", start=False) as stage, scripted(stage.directory, answer) as (ports, host):
        host.host.sendall(ack(stock) * 3)
        assert "refused" in ports.tool("request", "0", "max", check=1).stderr


def test_a_host_that_answers_late():
    late = []

    def answer(frame):
        late.append(ack(frame))
        return b"" if len(late) < 2 else late[0] + nack(frame)

    with scene("late", start=False) as stage, scripted(stage.directory, answer) as (ports, _host):
        said = ports.tool("--timeout", "10", "request", "0", "max", check=3).stderr
        assert "no answer" in said and "within 10 ms" in said, said
        ports.tool("request", "0", "max", check=1)


def test_dpdks_own_host():
    """Its lists have no name, and it answers nothing when it refuses."""
    def answer(frame):
        if command_of(frame) == frames.QUERY_FREQ_LIST:
            return frequencies(2300001, 1200000)
        return ack(frame) if command_of(frame) == frames.CPU_POWER else b""

    with scene("dpdk", start=False) as stage, scripted(stage.directory, answer) as (ports, _host):
        assert ports.tool("request", "0", "down").stdout == "vCPU 0: down\n"
        assert ports.tool("query", "--vm-name", "vm").stdout == (
            "vCPU 0: 2300001 kHz\nvCPU 1: 1200000 kHz\n")
        said = ports.tool("--timeout", "20", "policy", "remove", check=3).stderr
        assert "may not answer this command" in said, said


def test_no_port_says_how_to_add_one():
    with scene("no-port", start=False) as stage:
        ports = GuestPorts(stage.directory, {})
        assert "vmpowerctl attach" in ports.tool("request", "0", "max", check=3).stderr
        assert "vmpowerctl attach" in ports.tool("status", check=3).stdout
        assert ports.json("status", check=3) == {"ports": [], "agent": None}
        said = ports.tool("--ports", stage.directory / "nowhere", "query", check=3).stderr
        assert "no power port" in said, said


def test_a_port_in_use_says_by_whom():
    with scene("in-use", start=False) as stage, scripted(stage.directory, lambda f: b"") as (ports, _):
        from socket import AF_UNIX, socket  # pylint: disable=import-outside-toplevel

        with socket(AF_UNIX) as holder:
            holder.connect(str(ports.ports[0].path))
            wait_until(lambda: "in use" in ports.tool("request", "0", "max", check=3).stderr
                       or None, 20, "the port to be in use")
            assert ports.json("status")["ports"][0]["state"] == "in-use"
            assert "there is no port 3" in ports.tool("--port", "3", "query", check=3).stderr


def test_no_host():
    with scene("no-host", start=False) as stage:
        ports = GuestPorts(stage.directory, {0: None})
        try:
            said = ports.tool("--timeout", "50", "request", "0", "max", check=3).stderr
            assert "no host program is connected" in said and "vmpowerctl list" in said, said
            assert ports.json("status", check=3)["ports"][0]["state"] == "no-host"
        finally:
            ports.close()


WRONG = (
    ((), "no command given"),
    (("requests",), "unknown command"),
    (("policy", "keep"), "unknown command"),
    (("request", "0"), "usage: vmpower-guest request VCPU WHAT"),
    (("request", "0", "fast"), "use up, down, min, max, turbo-on or turbo-off"),
    (("request", "-1", "max"), "invalid option"),
    (("request", "1024", "max"), "use a number from 0 to 1023"),
    (("query", "8"), "vCPUs 0 to 7"),
    (("query", "one"), "use a number"),
    (("--timeout", "soon", "status"), "--timeout"),
    (("--caps", "status"), "--caps is an option of query only"),
    (("--port", "x", "query"), "--port"),
    (("--vm-name", "x" * 32, "query"), "1 to 31 bytes"),
    (("policy", "send", "hourly"), "use time, traffic, workload or branch-ratio"),
    (("policy", "send", "workload"), "high|medium|low"),
    (("policy", "send", "workload", "full"), "high|medium|low"),
    (("policy", "send", "time"), "needs hours"),
    (("policy", "send", "time", "--busy-hours", "24"), "from 0 to 23"),
    (("policy", "send", "time", "--busy-hours", "0"), "hour 0 alone"),
    (("policy", "send", "traffic"), "--medium-packets and --max-packets"),
    (("policy", "send", "traffic", "--medium-packets", "9", "--max-packets", "8"), "higher than"),
    (("policy", "send", "traffic", "--medium-packets", "1", "--max-packets", "8", "--macs", "x"),
     "MAC addresses"),
    (("policy", "send", "workload", "low", "--busy-hours", "1"), "policy send time"),
    (("policy", "send", "workload", "low", "--macs", "52:54:00:12:34:56"), "--macs needs"),
    (("policy", "send", "workload", "low", "--vcpus", "0-8"), "room for 8"),
    (("policy", "send", "workload", "low", "--vcpus", "256"), "0 to 255"),
    (("policy", "remove", "--vcpus", "first"), "a list of vCPUs"),
)


def test_wrong_usage_is_explained():
    with scene("usage", start=False) as stage, scripted(stage.directory, ack) as (ports, host):
        for words, text in WRONG:
            done = ports.tool(*words, check=2)
            assert text in done.stderr and not done.stdout, (words, done.stderr)
        assert not host.received


if __name__ == "__main__":
    component_main()
