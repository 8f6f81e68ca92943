#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The real programs against stand-ins: QEMU's sockets, a simulated cpufreq tree, no libvirt.

usage: test_daemon.py [WORD...]     only tests whose name contains one of the words

BIN=DIRECTORY takes the programs from there (a sanitizer build, say).
"""

import contextlib
import os
import pwd
import signal
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# pylint: disable=wrong-import-position
from harness import frames, paths  # noqa: E402
from harness.cpufreq_tree import STEPS, CpufreqTree  # noqa: E402
from harness.isolate import Interrupted, interruptible, isolate  # noqa: E402
from harness.process import Process, alive, run  # noqa: E402
from harness.runner import Runner, Skip  # noqa: E402
from harness.standin import ForeignListener, StandinDomain, call_hook  # noqa: E402
from harness.vmpower import Vmpower, configuration  # noqa: E402
from harness.wait import tail, wait_until  # noqa: E402

HIGHEST, LOWEST = max(STEPS), min(STEPS)
UP = sorted(STEPS)
LIMITS_ONLY = "performance powersave"
HOOK_BOUND_MS = 1000  # the deadline is 200 ms; the rest is for a busy machine
RESYNC_S = 0.5  # the monitor gives a broken frame up after some 100 ms


class Scene:
    """One daemon on a tree of its own, and the stand-in domains of one test."""

    def __init__(self, name, sections=None, **tree):
        self.directory = Path(tempfile.mkdtemp(prefix="t", dir=BASE))
        self.log = paths.LOG / "component" / f"{name}.log"
        self.tree = CpufreqTree(self.directory / "sys", **{"cpus": 8, **tree})
        self.sections = {
            "libvirt": {"uri": "none"},
            "channel": {"rate": 0, "peer-user": pwd.getpwuid(os.geteuid()).pw_name},
            "cpufreq": {"sysfs": self.tree.root},
        }
        for section, keys in (sections or {}).items():
            self.sections.setdefault(section, {}).update(keys)
        self.vmpower = Vmpower(self.directory, self.directory / "run", self.sections, self.log)
        self.baseline = self.tree.snapshot()
        self.domains = []

    def domain(self, name, pins, **more):
        """A stand-in domain that nobody was told of."""
        domain = StandinDomain(self.directory, name, pins, **more)
        self.domains.append(domain)
        return domain

    def hook(self, domain, operation="started"):
        """Tell the daemon through the real hook."""
        running = operation in ("started", "reconnect")
        return call_hook(
            self.vmpower.hook_socket, domain.name, operation, domain.xml(running=running)
        )

    def started(self, name, pins, **more):
        """A domain whose channels are all connected."""
        domain = self.domain(name, pins, **more)
        self.hook(domain)
        domain.accept()
        self.vmpower.wait_connected(name, len(domain.channels))
        return domain

    def expect(self, khz):
        """{pCPU: kHz} of exactly those frequency domains that are set."""
        changed = self.tree.changed(self.baseline)
        wanted = sorted({self.tree.policy_of[cpu] for cpu in khz})
        assert changed == wanted, f"policies {changed} are set, not {wanted}"
        for cpu, wish in khz.items():
            now = self.tree.khz(cpu)
            assert now == wish, f"pCPU {cpu} is at {now} kHz, not at {wish}"

    def expect_soon(self, khz):
        """As expect(), for what no reply tells of."""

        def there():
            try:
                self.expect(khz)
            except AssertionError:
                return False
            return True

        try:
            wait_until(there, 20, f"frequencies {khz}")
        except AssertionError:
            self.expect(khz)
            raise

    def end(self):
        """SIGTERM; everything is as before, and no process is left."""
        status = self.vmpower.try_status() if self.vmpower.process else None
        self.vmpower.stop()
        self.expect({})
        if status and status["monitor_pid"]:
            wait_until(lambda: not alive(status["monitor_pid"]), 10, "the monitor's end")


@contextlib.contextmanager
def scene(name, sections=None, start=True, **tree):
    """A scene with its daemon; at the end it has to stop well and leave the baseline."""
    stage = Scene(name, sections, **tree)
    CURRENT.clear()
    CURRENT.append(stage)
    try:
        if start:
            stage.vmpower.start()
        yield stage
        stage.end()
    finally:
        for domain in stage.domains:
            domain.close()
        if stage.vmpower.process:
            stage.vmpower.process.kill()


CURRENT = []  # the scene of the test that runs, for its log
BASE = None  # below it are the tests' directories


# ---- the main job


def test_a_request_sets_the_frequency_below_its_vCPU_and_no_other(_):
    """max, min, up, down; ACKs echo the whole request."""
    with scene("request") as stage:
        domain = stage.started("vm", {0: "2", 1: "5"})
        stage.expect({})
        assert domain.power(0, "max") == "ack"
        stage.expect({2: HIGHEST})
        assert domain.power(1, "min") == "ack"
        stage.expect({2: HIGHEST, 5: LOWEST})
        assert domain.power(1, "up") == "ack"
        stage.expect({2: HIGHEST, 5: UP[1]})
        assert domain.power(0, "down") == "ack"
        stage.expect({2: UP[-2], 5: UP[1]})
        shown = {vcpu["vcpu"]: vcpu for vcpu in stage.vmpower.show("vm")["vcpus"]}
        assert shown[0]["vote_khz"] == UP[-2] and shown[0]["cpus"] == "2", shown[0]
        assert shown[1]["vote_khz"] == UP[1] and shown[1]["frequency_domains"] == [5], shown[1]


def test_steps_end_at_the_ends_of_the_table(_):
    """up at the top and down at the bottom change nothing."""
    with scene("ends") as stage:
        domain = stage.started("vm", {0: "1"})
        for unit, end in (("min", LOWEST), ("down", LOWEST), ("max", HIGHEST), ("up", HIGHEST)):
            assert domain.power(0, unit) == "ack"
            stage.expect({1: end})


def test_64_vCPUs_on_256_pCPUs(_):
    """Many channels, through the real hook; each lands where it is pinned."""
    pins = {vcpu: str(4 * vcpu + 1) for vcpu in range(64)}
    with scene("large", cpus=256) as stage:
        domain = stage.started("large", pins)
        expected = {}
        for vcpu, cpu in pins.items():
            unit, khz = (("min", LOWEST), ("max", HIGHEST))[vcpu % 2]
            assert domain.power(vcpu, unit) == "ack"
            expected[int(cpu)] = khz
        stage.expect(expected)
        status = stage.vmpower.status()
        assert status["channels"] == status["connected"] == 64, status
        assert status["controlled"] == 64, status
        stage.hook(domain, "stopped")
        stage.vmpower.wait_forgotten("large")
        stage.expect_soon({})


def test_any_channel_of_a_domain_speaks_for_any_of_its_vCPUs(_):
    """As the stock host: the vCPU is the request's, not the channel's."""
    with scene("any") as stage:
        domain = stage.started("vm", {0: "0", 1: "3"})
        assert domain.channels[0].power(1, "min") == "ack"
        stage.expect({3: LOWEST})


def test_all_generations_of_guests(_):
    """16, 456, 460 and 464 bytes; the old ones never get an answer."""
    with scene("generations") as stage:
        for size in frames.GENERATIONS:
            domain = stage.domain(f"g{size}", {0: "4"})
            stage.hook(domain)
            channel = domain.channels[0].accept()
            stage.vmpower.wait_connected(domain.name, 1)
            channel.send(frames.connect(size))
            for unit, khz in (("min", LOWEST), ("max", HIGHEST), ("min", LOWEST)):
                frame = frames.request(0, unit, size=size)
                if size in (460, 464):
                    assert channel.ask(frame) == "ack"
                    stage.expect({4: khz})
                else:
                    channel.send(frame)
                    stage.expect_soon({4: khz})
            assert channel.silent(0.2), f"an answer to a guest of generation {size}"
            stage.hook(domain, "stopped")
            stage.expect_soon({})


def test_a_vCPU_pinned_to_several_pCPUs_votes_on_all_of_them(_):
    """All their frequency domains."""
    with scene("several") as stage:
        domain = stage.started("vm", {0: "1-2,6"})
        assert domain.power(0, "min") == "ack"
        stage.expect({1: LOWEST, 2: LOWEST, 6: LOWEST})


def test_pCPUs_that_share_a_clock(_):
    """One frequency domain of four pCPUs: the highest vote wins."""
    with scene("clock", shared=4) as stage:
        domain = stage.started("vm", {0: "4", 1: "7"})
        assert domain.power(0, "min") == "ack"
        stage.expect({5: HIGHEST})  # vCPU 1 is silent: it protects
        assert domain.power(1, "min") == "ack"
        stage.expect({5: LOWEST})
        assert domain.power(1, "max") == "ack"
        stage.expect({5: HIGHEST})


def test_a_driver_without_the_userspace_governor(_):
    """The method limits: both ends are set, the governor stays."""
    with scene("limits", governors=LIMITS_ONLY) as stage:
        domain = stage.started("vm", {0: "2"})
        for unit, khz in (("min", LOWEST), ("max", HIGHEST), ("down", UP[-2]), ("min", LOWEST)):
            assert domain.power(0, unit) == "ack"
            assert stage.tree.khz(2) == khz, stage.tree.khz(2)
            governor = stage.tree.governor(2)
            assert governor == stage.baseline[2, "scaling_governor"], governor
        stage.hook(domain, "stopped")
        stage.expect_soon({})


# ---- who may do what


def test_silence_protects(_):
    """Nobody slows a neighbour down who did not agree, or who can't even speak."""
    with scene("silence") as stage:
        loud = stage.started("loud", {0: "1"})
        silent = stage.started("silent", {0: "1"})
        assert loud.power(0, "min") == "ack"
        stage.expect({1: HIGHEST})
        assert silent.power(0, "min") == "ack"
        stage.expect({1: LOWEST})
        mute = stage.domain("mute", {0: "1"}, channels=[])
        stage.hook(mute)
        wait_until(lambda: "mute" in stage.vmpower.domains(), 20, "mute to be registered")
        stage.expect_soon({1: HIGHEST})
        stage.hook(mute, "stopped")
        stage.expect_soon({1: LOWEST})


def test_an_unpinned_vCPU_may_not_vote(_):
    """NACK, and the reason is counted; with allow-unpinned it may."""
    with scene("unpinned") as stage:
        domain = stage.started("vm", {}, vcpus=1)
        assert domain.power(0, "min") == "nack"
        stage.expect({})
        channel = stage.vmpower.channel("vm", 0)
        reasons = {reason: n for reason, n in channel["refused"].items() if n}
        assert channel["nacks"] == 1 and reasons == {"unpinned": 1}, channel
    with scene("unpinned-allowed", {"arbitration": {"allow-unpinned": "yes"}}, cpus=2) as stage:
        domain = stage.started("vm", {}, vcpus=1)
        assert domain.power(0, "min") == "ack"
        stage.expect({0: LOWEST, 1: LOWEST})


def test_bad_requests_are_refused(_):
    """Each gets a NACK and its own count; nothing moves, nobody is disconnected."""
    with scene("bad") as stage:
        domain = stage.started("vm", {0: "2"})
        channel = domain.channels[0]
        bad = [
            frames.request(1, "min"),
            frames.request(2**64 - 1, "min"),
            frames.request(0, 0),
            frames.request(0, 7),
            frames.request(0, "min", core_type=1),
        ]
        for frame in bad:
            assert channel.ask(frame) == "nack", frame[:16].hex()
        stage.expect({})
        refused = stage.vmpower.channel("vm", 0)["refused"]
        assert refused.get("vcpu") == 2 and refused.get("unit") == 2, refused
        assert sum(refused.values()) == len(bad), refused
        assert channel.power(0, "min") == "ack"


def test_garbage_is_overcome(_):
    """A frame's first half, a byte, noise: the next whole request counts."""
    with scene("garbage") as stage:
        domain = stage.started("vm", {0: "2"})
        channel = domain.channels[0]
        for junk in (b"\0", frames.request(0, "max")[:200], b"\xff" * 463):
            channel.send(junk)
            assert channel.silent(RESYNC_S), f"an answer to {len(junk)} bytes of garbage"
            assert channel.power(0, "min") == "ack"
            stage.expect({2: LOWEST})
        assert stage.vmpower.channel("vm", 0)["resyncs"] >= 3


def test_many_requests_in_one_piece(_):
    """Coalesced frames are all answered, in order; the last one counts."""
    with scene("burst") as stage:
        domain = stage.started("vm", {0: "2"})
        units = ["max", "min", "up", "max", "min"] * 12
        sent = [frames.request(0, unit) for unit in units]
        domain.channels[0].send(b"".join(sent))
        for frame in sent:
            answer = domain.channels[0].receive(len(frame))
            assert answer == frames.answer_to(frame, frames.ACK)
        stage.expect({2: LOWEST})


def test_a_listener_of_another_user_is_refused(_):
    """A socket that is not QEMU's: it gets no say, however long it waits."""
    if os.geteuid():
        raise Skip("needs root, to become another user")
    with scene("foreign") as stage:
        domain = stage.domain("vm", {0: "2"}, channels=[])
        path = domain.directory / "0"
        BASE.chmod(0o711)
        stage.directory.chmod(0o711)
        foreign = ForeignListener(path, 65534)
        try:
            domain.channels = {0: type("Channel", (), {"path": path, "close": lambda self: None})()}
            stage.hook(domain)
            assert foreign.verdict() == "closed"
            wait_until(
                lambda: stage.vmpower.show("vm") and stage.vmpower.channel("vm", 0).get("error"),
                20,
                "the reason",
            )
            channel = stage.vmpower.channel("vm", 0)
            assert channel["state"] != "connected", channel
        finally:
            foreign.close()


# ---- a domain's life


def test_stopped_restores_the_baseline(_):
    """Other domains' votes stay."""
    with scene("stopped") as stage:
        one, two = stage.started("one", {0: "1"}), stage.started("two", {0: "2"})
        assert one.power(0, "min") == two.power(0, "min") == "ack"
        stage.expect({1: LOWEST, 2: LOWEST})
        stage.hook(one, "stopped")
        stage.vmpower.wait_forgotten("one")
        stage.expect_soon({2: LOWEST})
        stage.hook(two, "release")
        stage.vmpower.wait_forgotten("two")
        stage.expect_soon({})


def test_QEMU_hangs_up_without_a_hook(_):
    """Its votes vanish with its channels."""
    with scene("hangup") as stage:
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        domain.close()
        stage.expect_soon({})


def test_a_channel_socket_that_appears_late(_):
    """Tried again until it is there."""
    with scene("late") as stage:
        domain = stage.domain("vm", {0: "1"})
        domain.close()
        stage.hook(domain)
        wait_until(
            lambda: stage.vmpower.show("vm") and stage.vmpower.channel("vm", 0).get("error"),
            20,
            "the first attempt to fail",
        )
        assert stage.vmpower.channel("vm", 0)["state"] == "connecting"
        domain.channels[0].listen()
        domain.accept()
        stage.vmpower.wait_connected("vm", 1)
        assert domain.power(0, "min") == "ack"


def test_started_twice_is_one_registration(_):
    """reconnect after started: no second connection, votes stay."""
    with scene("twice") as stage:
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        for operation in ("reconnect", "started"):
            stage.hook(domain, operation)
        assert len(stage.vmpower.domains()) == 1
        assert domain.channels[0].connected()
        stage.expect({1: LOWEST})
        assert domain.power(0, "max") == "ack"
        stage.expect({1: HIGHEST})


def test_reconnect_with_other_pins_moves_the_vote(_):
    """What libvirt says last counts."""
    with scene("repinned") as stage:
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        domain.pins = {0: "6"}
        stage.hook(domain, "reconnect")
        stage.expect_soon({6: LOWEST})


def test_a_broken_definition_is_refused_by_name(_):
    """The hook goes on well; the log says what is wrong."""
    with scene("broken") as stage:
        domain = stage.domain("clumsy", {0: "1"})
        xml = domain.xml().replace("mode='bind'", "mode='connect'", 1)
        call_hook(stage.vmpower.hook_socket, "clumsy", "started", xml)
        wait_until(lambda: any("clumsy" in line for line in tail(stage.log)), 10, "a log line")
        call_hook(stage.vmpower.hook_socket, "clumsy", "started", "<domain")
        other = stage.started("vm", {0: "1"})
        assert other.power(0, "min") == "ack"


# ---- the operator


def test_channel_disable_and_enable(_):
    """Disabled: requests get a NACK; the connection stays."""
    with scene("disable") as stage:
        domain = stage.started("vm", {0: "1", 1: "2"})
        stage.vmpower.ask("channel", "disable", "vm", "0")
        assert domain.power(0, "min") == "nack"
        assert domain.power(1, "min") == "ack"
        stage.expect({2: LOWEST})
        assert stage.vmpower.channel("vm", 0)["enabled"] is False
        stage.vmpower.ask("channel", "enable", "vm")
        assert domain.power(0, "min") == "ack"
        stage.expect({1: LOWEST, 2: LOWEST})


def test_channel_remove_and_add(_):
    """Removed: disconnected; added: connected anew."""
    with scene("remove") as stage:
        domain = stage.started("vm", {0: "1", 1: "2"})
        stage.vmpower.ask("channel", "remove", "vm", "1")
        wait_until(
            lambda: stage.vmpower.channel("vm", 1)["state"] == "removed", 10, "channel 1 to go"
        )
        assert domain.channels[1].peer.recv(1) == b"", "QEMU's end sees no hang-up"
        assert domain.power(0, "min") == "ack"
        stage.vmpower.ask("channel", "add", "vm", "1")
        domain.channels[1].accept()
        stage.vmpower.wait_connected("vm", 2)
        assert domain.power(1, "min") == "ack"
        stage.expect({1: LOWEST, 2: LOWEST})


def test_domain_remove(_):
    """Forgotten, and its frequencies go back."""
    with scene("forget") as stage:
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        answer = stage.vmpower.ask("domain", "remove", "vm")
        assert (answer["name"], answer["uuid"]) == ("vm", domain.uuid), answer
        stage.vmpower.wait_forgotten("vm")
        stage.expect_soon({})
        for words in (("domain", "remove", "vm"), ("show", "vm"), ("channel", "add", "vm", "0")):
            refused = stage.vmpower.ctl(*words, check=False)
            assert refused.returncode == 1 and "vm" in refused.stderr, refused


def test_json_of_vmpowerctl(_):
    """What scripts rely on: keys and their types."""
    with scene("json") as stage:
        domain = stage.started("vm", {0: "1", 1: "2-3"})
        assert domain.power(0, "min") == "ack"
        status = stage.vmpower.status()
        expect_types(
            status,
            version=str,
            uptime_s=int,
            domains=int,
            channels=int,
            connected=int,
            cpus=int,
            frequency_domains=int,
            controlled=int,
            monitor_pid=int,
            monitor_restarts=int,
            libvirt_uri=str,
            libvirt_connected=bool,
        )
        assert (status["domains"], status["connected"], status["controlled"]) == (1, 2, 1), status
        assert (status["cpus"], status["frequency_domains"]) == (8, 8), status
        assert status["libvirt_connected"] is False
        (summary,) = stage.vmpower.ask("list")["domains"]
        expect_types(
            summary,
            name=str,
            uuid=str,
            id=int,
            vcpus=int,
            channels=int,
            connected=int,
            requests=int,
            nacks=int,
        )
        assert summary["uuid"] == domain.uuid and summary["requests"] == 3, summary
        shown = stage.vmpower.show(domain.uuid)
        expect_types(shown, name=str, uuid=str, id=int, channels=list, vcpus=list)
        expect_types(
            shown["channels"][0],
            number=int,
            path=str,
            state=str,
            enabled=bool,
            requests=int,
            acks=int,
            nacks=int,
            resyncs=int,
            dropped_replies=int,
            throttled=int,
            refused=dict,
        )
        assert shown["vcpus"][0]["vote_khz"] == LOWEST, shown["vcpus"]
        assert shown["vcpus"][1].get("vote_khz") is None, shown["vcpus"]
        assert shown["vcpus"][1]["cpus"] == "2-3", shown["vcpus"]
        assert shown["vcpus"][1]["frequency_domains"] == [2, 3], shown["vcpus"]


def expect_types(thing, **types):
    """These keys, of these types."""
    for key, kind in types.items():
        assert key in thing, f"no {key} in {sorted(thing)}"
        assert type(thing[key]) is kind, f"{key} is {thing[key]!r}, not of type {kind.__name__}"


def test_vmpowerctl_without_a_daemon(_):
    """Its own exit code, and what to do."""
    with scene("unreachable", start=False) as stage:
        answer = stage.vmpower.ctl("status", check=False)
        assert answer.returncode == 3, answer
        assert str(stage.vmpower.runtime) in answer.stderr, answer.stderr


# ---- crashes and restarts


def test_SIGTERM_restores_everything(_):
    """With both methods, and with a domain that still runs."""
    for governors in (None, LIMITS_ONLY):
        with scene("sigterm", governors=governors) as stage:
            domain = stage.started("vm", {0: "1", 1: "2"})
            assert domain.power(0, "min") == domain.power(1, "max") == "ack"
            assert stage.tree.khz(1) == LOWEST
            stage.end()


def test_SIGKILL_of_the_manager(_):
    """The next start restores what the dead one left; domains register anew."""
    with scene("sigkill") as stage:
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        stage.vmpower.kill()
        domain.channels[0].listener.settimeout(20)
        stage.expect({1: LOWEST})
        stage.vmpower.start()
        stage.expect({})
        stage.hook(domain, "reconnect")
        domain.accept()
        stage.vmpower.wait_connected("vm", 1)
        assert domain.power(0, "min") == "ack"
        stage.expect({1: LOWEST})


def test_SIGKILL_of_manager_and_monitor_at_once(_):
    """As above, with nobody there to notice."""
    with scene("sigkill-both") as stage:
        domain = stage.started("vm", {0: "1", 1: "5"})
        assert domain.power(0, "min") == domain.power(1, "min") == "ack"
        monitor = stage.vmpower.status()["monitor_pid"]
        stage.vmpower.process.send(signal.SIGSTOP)
        os.kill(monitor, signal.SIGKILL)
        stage.vmpower.process.kill()
        stage.vmpower.process = None
        stage.vmpower.start()
        stage.expect({})


def test_SIGKILL_of_the_monitor(_):
    """Another one takes over: no channel sees a hang-up, votes stay, requests are served."""
    with scene("monitor") as stage:
        domain = stage.started("vm", {0: "1", 1: "2"})
        assert domain.power(0, "min") == domain.power(1, "max") == "ack"
        for _round in range(2):
            stage.vmpower.kill_monitor()
            stage.vmpower.wait_connected("vm", 2)
            for channel in domain.channels.values():
                assert channel.connected(), "a channel was hung up"
            stage.expect_soon({1: LOWEST, 2: HIGHEST})
            assert domain.power(0, "up") == "ack"
            stage.expect({1: UP[1], 2: HIGHEST})
            assert domain.power(0, "min") == "ack"
        assert stage.vmpower.status()["monitor_restarts"] == 2
        requests = stage.vmpower.channel("vm", 0)["requests"]
        assert requests == 6, f"{requests} requests were counted, 6 were made"


def test_a_request_while_the_monitor_is_dead(_):
    """It waits in the socket and is answered by the next monitor."""
    with scene("gap") as stage:
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "max") == "ack"
        os.kill(stage.vmpower.status()["monitor_pid"], signal.SIGKILL)
        assert domain.power(0, "min") == "ack"
        stage.expect({1: LOWEST})


def test_two_daemons_on_one_runtime_directory(_):
    """The second says so and ends; the first goes on."""
    with scene("second") as stage:
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        command = [paths.BIN / "vmpowerd", "--config", stage.vmpower.config]
        command += ["--runtime-dir", stage.vmpower.runtime]
        log = stage.log.with_suffix(".second.log")
        second = Process(command, log)
        status = second.wait()
        said = " ".join(tail(log))
        assert status not in (0, None) and status > 0, f"the second ended with {status}"
        assert str(stage.vmpower.runtime) in said, f"not said where: {said}"
        stage.expect({1: LOWEST})
        assert domain.power(0, "max") == "ack"
        assert stage.hook(domain, "reconnect") < HOOK_BOUND_MS


# ---- the hook and the configuration


def test_hook_without_a_daemon_and_with_nonsense(_):
    """Exit 0, no word, in time: whatever it is called with."""
    with scene("hook", start=False) as stage:
        domain = stage.domain("vm", {0: "1"})
        socket_path = stage.vmpower.hook_socket
        calls = [("vm", operation) for operation in ("started", "reconnect", "stopped", "migrate")]
        calls += [("", ""), ("x" * 4000, "started"), ("vm", "no-such-operation")]
        for name, operation in calls:
            took = call_hook(socket_path, name, operation, domain.xml())
            assert took < HOOK_BOUND_MS, f"{operation}: {took:.0f} ms"
        call_hook("/" + "x" * 300, "vm", "started", domain.xml())
        bare = run(paths.BIN / "vmpower-hook", data="", env={"VMPOWER_HOOK_SOCKET": socket_path})
        assert not bare.stdout and not bare.stderr, bare


def test_hook_with_a_daemon_that_hangs(runner):
    """SIGSTOP: the deadline holds; what was sent counts when the daemon goes on."""
    with scene("hang") as stage:
        domain = stage.domain("vm", {0: "1"})
        daemon = stage.vmpower.process
        daemon.send(signal.SIGSTOP)
        try:
            took = stage.hook(domain)
        finally:
            daemon.send(signal.SIGCONT)
        assert took < HOOK_BOUND_MS, f"{took:.0f} ms"
        runner.note(f"{took:.0f} ms with a daemon that does not answer (deadline 200 ms)")
        domain.accept()
        stage.vmpower.wait_connected("vm", 1)
        assert domain.power(0, "min") == "ack"


def test_a_large_definition_passes_the_hook(runner):
    """Some 2 MB of XML that are not ours."""
    with scene("bulk") as stage:
        domain = stage.domain("vm", {0: "1"})
        filler = "<metadata>" + "<note xmlns='urn:x'>" + "x" * (2 << 20) + "</note></metadata>"
        xml = domain.xml().replace("<devices>", filler + "<devices>")
        took = call_hook(stage.vmpower.hook_socket, "vm", "started", xml)
        assert took < HOOK_BOUND_MS, f"{took:.0f} ms"
        runner.note(f"{took:.0f} ms for {len(xml) >> 10} KiB")
        domain.accept()
        stage.vmpower.wait_connected("vm", 1)


BAD_CONFIGURATIONS = (
    ("[channel]\nrate = 10\nspeed = 3\n", 3, "speed"),
    ("[channel]\nrate = fast\n", 2, "rate"),
    ("\n\n[colours]\nx = y\n", 3, "colours"),
    ("[cpufreq]\nmethod = guess\n", 2, "method"),
    ("[limits]\nturbo = perhaps\n", 2, "turbo"),
    ("[channel]\nrate = 1\nrate = 2\n", 3, "rate"),
)


def test_bad_configuration(_):
    """File, line and what is wrong; the daemon does not start."""
    with scene("config", start=False) as stage:
        path = stage.directory / "bad.conf"
        for text, line, word in BAD_CONFIGURATIONS:
            path.write_text(text)
            for options in (("--check-config", path), ("--config", path)):
                if options[0] == "--config":
                    options += ("--runtime-dir", stage.vmpower.runtime)
                said = run(paths.BIN / "vmpowerd", *options, check=False, timeout=20)
                assert said.returncode > 0, f"accepted: {text!r}"
                where = f"{path}:{line}"
                assert where in said.stderr and word in said.stderr, f"{where}: {said.stderr!r}"
        missing = run(
            paths.BIN / "vmpowerd", "--config", stage.directory / "none.conf", check=False
        )
        assert missing.returncode > 0 and "none.conf" in missing.stderr, missing
        path.write_text(configuration(stage.sections))
        run(paths.BIN / "vmpowerd", "--check-config", path)


TESTS = [value for name, value in list(globals().items()) if name.startswith("test_")]


@contextlib.contextmanager
def base_directory():
    """Where the tests' directories are: short enough for socket paths, gone at the end."""
    global BASE  # pylint: disable=global-statement
    if os.geteuid():
        paths.BUILD.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="c", dir=paths.BUILD) as directory:
            BASE = Path(directory)
            yield
    else:  # in a mount namespace of our own: nobody else sees this
        run("mount", "-t", "tmpfs", "-o", "mode=0711", "vmpower-test", "/run")
        BASE = Path("/run/t")
        BASE.mkdir()
        yield


def main():
    """Run them all."""
    runner = Runner(sys.argv[1:], lambda _since: [(CURRENT[0].log, tail(CURRENT[0].log, 20))])
    try:
        paths.need_programs()
        if os.geteuid():
            interruptible()
        else:
            isolate()
        log = paths.fresh_log_directory("component")
        with base_directory():
            for test in TESTS:
                runner.run(test, runner)
    except paths.MissingError as error:
        print(f"test_daemon: {error}", file=sys.stderr)
        return 1
    except Interrupted:
        print("test_daemon: interrupted; nothing is left behind", file=sys.stderr)
        raise
    if runner.failed:
        print(f"the logs are in {log}")
    return runner.finish()


if __name__ == "__main__":
    sys.exit(main())
