# SPDX-License-Identifier: BSD-3-Clause
"""Monitor of the control API, and vmpowerctl events: what happens, as it happens."""

import fcntl
import json
import os
import re
import time
from pathlib import Path

from tests.harness import paths
from tests.harness.process import Process, run
from tests.harness.scene import HIGHEST, HOOK_BOUND_MS, LOWEST, UP, component_main, scene
from tests.harness.varlink import Varlink, VarlinkError, Watcher
from tests.harness.wait import wait_until

KEYS = """time_us kind domain uuid channel vcpu frequency_domain cpus khz previous_khz decides
requests nacks text""".split()


def watch(stage, **more):
    """A client that watches events."""
    return Watcher(stage.vmpower.runtime / "control.sock", **more)


def manager_ticks(stage):
    """CPU time and voluntary context switches of vmpowerd's main thread."""
    pid = stage.vmpower.process.pid
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.M)[1])


def is_connected(process):
    """Has vmpowerctl sent its call, and does it wait for events?"""
    try:
        where = Path(f"/proc/{process.pid}/wchan").read_text(encoding="ascii")
        fds = [os.readlink(fd) for fd in Path(f"/proc/{process.pid}/fd").iterdir()]
    except OSError:
        return False
    return "poll" in where and any(fd.startswith("socket:") for fd in fds)


def test_a_domains_life():
    """Registered, connected, votes, target, gone: each reported once, in order, with all keys."""
    with scene("life") as stage, watch(stage) as watcher:
        domain = stage.started("vm", {0: "3"})
        event = watcher.wait("domain-registered", domain="vm")
        assert list(event) == KEYS, event
        assert event["uuid"] == domain.uuid and event["channel"] is None, event
        assert abs(event["time_us"] / 1e6 - time.time()) < 600, event
        watcher.wait("channel-connected", domain="vm", channel=0)
        assert domain.power(0, "min") == "ack"
        event = watcher.wait("vote", domain="vm", vcpu=0, khz=LOWEST)
        assert event["previous_khz"] is None, event
        event = watcher.wait("target", frequency_domain=3, khz=LOWEST)
        assert event["cpus"] == "3" and event["previous_khz"] is None, event
        assert event["decides"]["kind"] == "vote" and event["decides"]["domain"] == "vm", event
        assert domain.power(0, "up") == "ack"
        event = watcher.wait("target", frequency_domain=3, khz=UP[1])
        assert event["previous_khz"] == LOWEST, event
        stage.vmpower.ctl("set", "vm", "0", "max")
        event = watcher.wait("override", domain="vm", vcpu=0, khz=HIGHEST)
        event = watcher.wait("target", khz=HIGHEST)
        assert event["decides"]["kind"] == "override", event
        stage.vmpower.ctl("set", "vm", "0", "release")
        event = watcher.wait("override", domain="vm", vcpu=0, khz=None)
        assert event["previous_khz"] == HIGHEST, event
        stage.hook(domain, "stopped")
        watcher.wait("domain-unregistered", domain="vm")
        event = watcher.wait("target", frequency_domain=3, khz=None)
        assert event["decides"]["kind"] == "nobody", event
        assert watcher.lost == 0


def test_failures_are_events():
    """A hang-up, a monitor that dies, a foreign value, a write that fails, a warning."""
    with scene("wrong") as stage, watch(stage) as watcher:
        domain = stage.started("vm", {0: "3", 1: "4"})
        assert domain.power(0, "min") == "ack"
        watcher.wait("target", frequency_domain=3)
        stage.tree.write(3, "scaling_setspeed", UP[4])  # no request is needed
        event = watcher.wait("foreign", frequency_domain=3)
        assert event["khz"] == UP[4] and event["previous_khz"] == LOWEST, event
        stage.vmpower.kill_monitor()
        watcher.wait("warning")
        watcher.wait("monitor-restarted")
        stage.vmpower.ctl("channel", "remove", "vm", "1")
        watcher.wait("channel-gone", domain="vm", channel=1)


def all_told(stage, watcher):
    """Return the events so far: up to an override, which is reported at once."""
    stage.vmpower.ctl("set", "vm", "1", "max")
    while not any(event["kind"] == "override" for event in watcher.events):
        watcher.take()
    return watcher.events


def test_failed_write_is_reported_once():
    """With what was refused and why; its log line is not a second event."""
    with scene("refused") as stage:
        setspeed = stage.tree.directory(3) / "scaling_setspeed"
        file = os.memfd_create("setspeed", os.MFD_ALLOW_SEALING)
        os.write(file, b"<unsupported>\n")
        setspeed.unlink()
        setspeed.symlink_to(f"/proc/{os.getpid()}/fd/{file}")
        domain = stage.started("vm", {0: "3", 1: "4"})
        assert domain.power(0, "max") == "ack"
        highest = f"{HIGHEST}\n".encode()  # the file is not cut off
        wait_until(lambda: os.pread(file, len(highest), 0) == highest, 20, "it to be written")
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)  # not undone by a kernel
        with watch(stage) as watcher:
            for _i in range(3):
                assert domain.power(0, "min") == "nack"
            told = all_told(stage, watcher)
            failed = [event for event in told if event["kind"] == "write-failed"]
            assert len(failed) == 1, told
            assert failed[0]["frequency_domain"] == 3 and failed[0]["cpus"] == "3", failed
            assert failed[0]["khz"] == LOWEST and "not permitted" in failed[0]["text"], failed
            assert not [event for event in told if event["kind"] == "warning"], told
        assert stage.log.read_text().count("the kernel refused 1200000 kHz") == 1


def test_governor_of_someone_else_is_reported_once():
    """As "foreign"; a refused reload is reported as "reload"."""
    with scene("governor") as stage:
        domain = stage.started("vm", {0: "3", 1: "4"})
        assert domain.power(0, "min") == "ack"
        stage.expect({3: LOWEST})
        with watch(stage) as watcher:
            stage.tree.write(3, "scaling_governor", "performance")
            wait_until(lambda: "governor is not userspace" in stage.logged(), 20, "its log line")
            stage.sections["channel"]["rate"] = "much"
            stage.vmpower.configure(stage.sections)
            assert stage.vmpower.ctl("reload", check=False).returncode == 1
            told = all_told(stage, watcher)
            kinds = [event["kind"] for event in told]
            assert kinds.count("foreign") == 1 and kinds.count("reload") == 1, told
            (refused,) = [event for event in told if event["kind"] == "reload"]
            assert "stays in force" in refused["text"] and "much" in refused["text"], refused
            assert "warning" not in kinds, told
        stage.tree.write(3, "scaling_governor", "userspace")  # someone else's value stays


def test_requests_go_to_watchers_that_ask():
    """A separate kind, which other watchers do not get."""
    with scene("requests") as stage, watch(stage) as plain, watch(stage, requests=True) as asks:
        domain = stage.started("vm", {0: "3"})
        for _i in range(3):
            assert domain.power(0, "min") == "ack"

        def told():
            return asks.wait("requests", domain="vm")["requests"]

        wait_until(lambda: told() >= 3, 20, "three requests")
        plain.wait("vote", domain="vm")
        stage.hook(domain, "stopped")
        plain.wait("domain-unregistered")
        assert not [event for event in plain.events if event["kind"] == "requests"]


def test_who_may_watch_and_how():
    """Monitor without "more" is an error that says so; other methods ignore "more"."""
    with scene("how") as stage, Varlink(stage.vmpower.runtime / "control.sock") as client:
        try:
            client.call("org.vmpower.Manager.Monitor")
            raise AssertionError("Monitor without more")
        except VarlinkError as error:
            assert error.name == "org.varlink.service.ExpectedMore", error
        client.send("org.vmpower.Manager.Monitor", more=True, oneway=True)
        client.send("org.vmpower.Manager.GetStatus", more=True)
        parameters, continues = client.reply()
        assert parameters["domains"] == 0 and not continues
        try:
            client.send("org.vmpower.Manager.Monitor", more=True, everything=True)
            client.reply()
            raise AssertionError("an unknown parameter")
        except VarlinkError as error:
            assert error.parameters == {"parameter": "everything"}, error
        info = client.call("org.varlink.service.GetInterfaceDescription",
                           interface="org.vmpower.Manager")
        assert "method Monitor(" in info["description"]


def test_manager_sleeps_without_watchers():
    """The manager does not wake up before the first and after the last watcher."""
    with scene("idle") as stage:
        stage.started("vm", {0: "3"})

        def sleeps():
            before = manager_ticks(stage)
            time.sleep(1)
            return manager_ticks(stage) == before

        wait_until(sleeps, 30, "vmpowerd to sleep")
        with watch(stage):
            before = manager_ticks(stage)
            wait_until(lambda: manager_ticks(stage) > before, 10, "it to look")
            stage.vmpower.status()
        wait_until(sleeps, 30, "vmpowerd to sleep again")


def test_watchers_that_do_not_read():
    """Hook, guests and other watchers go on; a watcher that resumes is told how much it missed."""
    with scene("slow", sections={"channel": {"rate": 0}}) as stage:
        domain = stage.started("vm", {0: "3"})
        other = stage.domain("other", {0: "5"}, channels=())
        slow = [watch(stage, receive_buffer=4096) for _ in range(8)]
        control = Varlink(stage.vmpower.runtime / "control.sock")
        with watch(stage) as good, control:
            for i in range(1500):
                action = "release" if i % 2 else "max"
                control.call("org.vmpower.Manager.SetOverride", domain="vm", vcpu=0, action=action)
                if i % 100 == 0:
                    assert stage.hook(other) < HOOK_BOUND_MS
                    stage.hook(other, "stopped")
                    assert domain.power(0, "up" if i % 200 else "min") == "ack"
                while good.waits():
                    good.take()
            while good.waits(0.5):
                good.take()
            kinds = [event["kind"] for event in good.events]
            assert kinds.count("override") == 1500 and good.lost == 0
        for watcher in slow:
            while watcher.waits(0.5):
                watcher.take()
            assert watcher.lost > 0 and watcher.events[-1] == good.events[-1]
            told = len(watcher.events) + watcher.lost
            assert told == len(good.events), (told, len(good.events))
            watcher.close()
        assert domain.power(0, "max") == "ack"


def test_events_as_lines():
    """vmpowerctl events: a line an event for people, an object a line with --json, read by jq."""
    with scene("lines") as stage:
        outputs = [stage.directory / name for name in ("text", "json")]
        ctl = [paths.BIN / "vmpowerctl", "--runtime-dir", stage.vmpower.runtime]
        watchers = [Process(ctl + ["events"], outputs[0]),
                    Process(ctl + ["--json", "events"], outputs[1])]
        try:
            for watcher in watchers:
                wait_until(lambda: is_connected(watcher), 20, "it to connect")
            # calls are handled in order: after this reply theirs are handled
            stage.vmpower.status()
            assert stage.started("v\u0085m", {0: "3"}).power(0, "min") == "ack"
            wait_until(lambda: all(" target " in o.read_text() or '"target"' in o.read_text()
                                   for o in outputs), 30, "the events")
        finally:
            for watcher in watchers:
                watcher.kill()
        text = outputs[0].read_text()
        assert "\u0085" not in text and "v\\xc2\\x85m" in text
        (line,) = [line for line in text.split("\n") if " target " in line][:1]
        assert re.fullmatch(
            rf"\d\d:\d\d:\d\d\.\d{{3}}  target               policy3 \(CPU 3\): baseline -> "
            rf"{LOWEST} kHz, by vote of .* vCPU 0", line
        ), line
        events = [json.loads(line) for line in outputs[1].read_text().split("\n")[:-1]]
        assert all(list(event) == KEYS for event in events)
        kinds = run("jq", "-r", ".kind", outputs[1]).stdout.split()
        assert "domain-registered" in kinds and "target" in kinds, kinds


def test_without_a_daemon():
    """Exit status 3 and what to do; also when the daemon ends meanwhile."""
    with scene("down") as stage:
        ctl = [paths.BIN / "vmpowerctl", "--runtime-dir", stage.vmpower.runtime, "events"]
        watcher = Process(ctl, stage.directory / "out")
        wait_until(lambda: is_connected(watcher), 20, "it to connect")
        stage.vmpower.status()
        stage.vmpower.stop()
        wait_until(lambda: watcher.exit_status() is not None, 10, "it to end")
        assert watcher.exit_status() == 3
        assert "closed the connection" in (stage.directory / "out").read_text()
        down = run(*ctl, check=False)
        assert down.returncode == 3 and "systemctl" in down.stderr, down


if __name__ == "__main__":
    component_main()
