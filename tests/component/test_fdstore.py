# SPDX-License-Identifier: BSD-3-Clause
"""A manager replaces another, and no guest notices: sockets, votes and frequencies stay."""

import json
import os
import signal
import socket
import threading
import time
from pathlib import Path

from tests.harness import frames
from tests.harness.process import alive, run
from tests.harness.scene import HIGHEST, LOWEST, UP, component_main, scene, service
from tests.harness.standin import metadata
from tests.harness.wait import wait_until

PERIOD_S = 0.005


def restart(stage):
    """As systemctl restart: ExecStop= announces a successor, then SIGTERM."""
    monitor = stage.vmpower.status()["monitor_pid"]
    process = stage.vmpower.process
    process.child.send_signal(signal.SIGUSR1)
    assert process.stop() == 0
    wait_until(lambda: not alive(monitor), 10, "the monitor's end")
    stage.vmpower.start()


def crash(stage):
    """As kill -9 with Restart=on-failure: systemd waits for the service's other processes."""
    stage.vmpower.kill()
    stage.vmpower.start()


SUCCESSIONS = {"restart": restart, "crash": crash}


class Sender(threading.Thread):
    """A guest that requests a step up, then a step down, every 5 ms, and counts the answers."""

    def __init__(self, channel):
        super().__init__(daemon=True)
        self.channel = channel
        self.ended = False
        self.sent = self.answered = 0
        self.error = None

    def run(self):
        try:
            while not self.ended:
                number = self.sent % 2**16
                # the name is ignored and echoed: it numbers the request
                frame = frames.request(0, ("up", "down")[number % 2], name=str(number).encode())
                self.sent += 1
                assert self.channel.ask(frame) == "ack", f"request {number}"
                self.answered += 1
                time.sleep(PERIOD_S)
        except (AssertionError, OSError) as error:
            self.error = error

    def finish(self):
        """Stop, and raise the error if there was one."""
        self.ended = True
        self.join(30)
        assert not self.error, self.error
        assert self.sent == self.answered > 0, (self.sent, self.answered)


class Watcher(threading.Thread):
    """Reads the governor all the time: it must not change."""

    def __init__(self, tree, cpu):
        super().__init__(daemon=True)
        self.path = tree.directory(tree.policy_of[cpu]) / "scaling_governor"
        self.inode = self._stamp()
        self.ended = False
        self.seen = set()

    def _stamp(self):
        return self.path.stat().st_mtime_ns

    def run(self):
        while not self.ended:
            self.seen.add(self.path.read_text(encoding="ascii").split("\n")[0])
            time.sleep(0.001)

    def finish(self):
        """The governor was the same throughout, and not written."""
        self.ended = True
        self.join()
        assert self.seen == {"userspace"}, self.seen
        assert self._stamp() == self.inode, "the governor was written"


def test_no_request_is_lost():
    for name, succeed in SUCCESSIONS.items():
        with service(f"requests-{name}") as (stage, _):
            domain = stage.started("vm", {0: "1", 1: "2"})
            assert domain.power(0, "min") == "ack"
            assert domain.power(1, "min") == "ack"
            still = stage.tree.directory(2) / "scaling_setspeed"
            stamp = still.stat().st_mtime_ns
            watcher, sender = Watcher(stage.tree, 1), Sender(domain.channels[0])
            watcher.start()
            sender.start()
            for _ in range(3):
                before = sender.answered
                succeed(stage)
                wait_until(lambda b=before: sender.answered > b + 5 or sender.error, 20, "requests")
            sender.finish()
            watcher.finish()
            assert still.read_text(encoding="ascii").split()[0] == str(LOWEST)
            assert all(channel.connected() for channel in domain.channels.values())
            stage.expect({1: UP[sender.answered % 2], 2: LOWEST})
            shown = stage.vmpower.channel("vm", 0)
            # the first "min", CONNECT, and one more for each
            if succeed is restart:
                assert shown["requests"] == sender.answered + 2, (shown, sender.answered)
            _ = stamp


def test_frequencies_stay_without_requests():
    for name, succeed in SUCCESSIONS.items():
        with service(f"silent-{name}") as (stage, _):
            domain = stage.started("vm", {0: "1", 1: "2"})
            assert domain.power(0, "min") == "ack"
            assert domain.power(1, "max") == "ack"
            watcher = Watcher(stage.tree, 1)
            watcher.start()
            succeed(stage)
            watcher.finish()
            stage.expect({1: LOWEST, 2: HIGHEST})
            assert stage.vmpower.show("vm")["vcpus"][0]["vote_khz"] == LOWEST
            # a neighbour's baseline is restored as usual
            stage.hook(domain, "stopped")
            stage.expect_soon({})


def test_partial_request_is_completed_by_the_successor():
    for name, succeed in SUCCESSIONS.items():
        with service(f"partial-{name}") as (stage, _):
            domain = stage.started("vm", {0: "1"})
            assert domain.power(0, "min") == "ack"
            channel = domain.channels[0]
            frame = frames.request(0, "up")
            os.kill(stage.vmpower.status()["monitor_pid"], signal.SIGSTOP)
            channel.send(frame[:200])
            # the monitor reads it, at the earliest, when it notices the end of its manager
            monitor = stage.vmpower.status()["monitor_pid"]
            if succeed is crash:
                stage.vmpower.process.kill()
            else:
                stage.vmpower.process.child.send_signal(signal.SIGUSR1)
            os.kill(monitor, signal.SIGCONT)
            if succeed is not crash:
                assert stage.vmpower.process.stop() == 0
            wait_until(lambda m=monitor: not alive(m), 10, "the monitor's end")
            # early enough that the successor does not give up the piece on a slow host
            channel.send(frame[200:])
            stage.vmpower.start()
            assert channel.receive(len(frame)) == frames.answer_to(frame, frames.ACK)
            assert stage.vmpower.channel("vm", 0)["resyncs"] == 0
            stage.expect({1: UP[1]})


def test_stop_puts_everything_back():
    with service("stop") as (stage, _):
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        stage.vmpower.stop()
        stage.expect({})
        assert not list((stage.vmpower.runtime / "domains").iterdir())


def test_only_a_restart_keeps():
    """The unit's ExecStop= tells a restart from a stop by systemd's queue of jobs.

    A restart with a bad configuration counts as a stop.
    """
    script = Path(__file__).resolve().parents[2] / "packaging/systemd/vmpower-stopping"
    unit = "vmpowerd.service"
    for jobs, right, kept in (
        (f"echo 12 {unit} restart running", True, True),
        (f"echo 12 {unit} restart running", False, False),
        (f"echo 12 {unit} stop running", True, False),
        ("echo 12 other-vmpowerd.service restart running", True, False),
        ("true", True, False),
        ("exit 1", True, False),
    ):
        with service("stopping") as (stage, _):
            domain = stage.started("vm", {0: "1"})
            assert domain.power(0, "min") == "ack"
            systemctl = stage.directory / "systemctl"
            systemctl.write_text(f"#!/bin/sh\n{jobs}\n", encoding="ascii")
            systemctl.chmod(0o755)
            config = stage.directory / "next.conf"
            text = "[libvirt]\nuri = none\n" if right else "[nonsense]\n"
            config.write_text(text, encoding="ascii")
            run(script, stage.vmpower.process.pid, unit, config,
                env={"PATH": f"{stage.directory}:{os.environ['PATH']}"})
            assert stage.vmpower.process.stop() == 0
            stage.expect({1: LOWEST} if kept else {})
            stage.vmpower.start()
            assert domain.channels[0].connected() == kept


def test_overrides_survive():
    with service("operator") as (stage, _):
        stage.started("vm", {0: "1", 1: "2", 2: "3"})
        stage.vmpower.ctl("set", "vm", "0", str(UP[2]))
        stage.vmpower.ctl("channel", "disable", "vm", "1")
        stage.vmpower.ctl("channel", "remove", "vm", "2")
        crash(stage)
        stage.expect({1: UP[2]})
        states = {c["number"]: (c["state"], c["enabled"]) for c in
                  stage.vmpower.show("vm")["channels"]}
        assert states == {0: ("connected", True), 1: ("connected", False),
                          2: ("removed", True)}, states
        stage.vmpower.ctl("set", "vm", "0", "release")


def test_last_change_survives():
    """State that no vCPU and no channel shows, without libvirt to report it again."""
    with service("changed-last") as (stage, _):
        domain = stage.started("vm", {0: "1"})
        domain.metadata = metadata(max_frequency=UP[2])
        stage.hook(domain, "reconnect")
        crash(stage)
        assert stage.vmpower.show("vm")["settings"]["max_khz"] == UP[2]
        assert domain.power(0, "max") == "ack"
        stage.expect({1: UP[2]})


def test_removed_channel_stays_removed():
    with service("stays-removed") as (stage, _):
        domain = stage.started("vm", {0: "1", 1: "2"})
        domain.channels[1].close()
        wait_until(lambda: stage.vmpower.channel("vm", 1)["state"] != "connected", 20, "its end")
        stage.vmpower.ctl("channel", "remove", "vm", "1")
        crash(stage)
        assert stage.vmpower.channel("vm", 1)["state"] == "removed"


def test_ended_domains_are_dropped():
    with service("gone") as (stage, manager):
        stays = stage.started("stays", {0: "1"})
        ends = stage.started("ends", {0: "2"})
        assert stays.power(0, "min") == "ack"
        assert ends.power(0, "min") == "ack"
        assert manager.names() == ["c", "c", "s"]
        stage.vmpower.kill()
        ends.close()
        stage.vmpower.start()
        assert list(stage.vmpower.domains()) == ["stays"]
        stage.expect_soon({1: LOWEST})
        assert manager.names() == ["c", "s"]
        stage.hook(stays, "stopped")
        stage.expect_soon({})
        assert stays.channels[0].peer.recv(1) == b"", "the fd store must not hold it open"
        assert manager.names() == ["s"]


def test_untrusted_channel_is_hung_up():
    """Else QEMU, which accepts one client at a time, would wait for ever for the old one."""
    with service("trusted-no-more") as (stage, manager):
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        stage.vmpower.kill()
        stage.sections["channel"]["peer-user"] = "nobody"
        stage.vmpower.configure(stage.sections)
        stage.vmpower.start()
        assert domain.channels[0].peer.recv(1) == b""
        assert manager.names() == ["s"]
        stage.expect_soon({})


def hostile_fds(stage):
    """Fds that nobody has stored."""
    pair = socket.socketpair()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(stage.directory / "listener"))
    listener.listen()
    memfd = os.memfd_create("garbage")
    os.write(memfd, b"garbage")
    null = os.open("/dev/null", os.O_RDWR)
    return [("c", os.dup(pair[0].fileno())), ("c", os.dup(listener.fileno())), ("c", memfd),
            ("s", os.dup(pair[1].fileno())), ("", null)]


def test_garbage_in_the_store():
    with service("garbage") as (stage, manager):
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        stage.vmpower.kill()
        for name, fd in hostile_fds(stage):
            manager.store.append((name, fd))
        directory = stage.vmpower.runtime / "domains"
        saved = next(directory.iterdir())
        (directory / ("0" * 36)).write_text("{", encoding="ascii")
        (directory / ("1" * 36)).symlink_to("/etc/passwd")
        (directory / ("2" * 36)).write_bytes(saved.read_bytes())  # the same domain twice
        stage.vmpower.start()
        assert domain.power(0, "down") == "ack"
        stage.expect({1: LOWEST})
        assert manager.names()[-2:] == ["c", "s"], manager.names()
        assert [path.name for path in directory.iterdir()] == [domain.uuid]
        assert "unused sockets" in stage.logged()


def change_state(manager, at, data):
    """As left by another version."""
    fd = next(fd for name, fd in manager.store if name == "s")
    os.pwrite(fd, data, at)


def expect_clean_reconnect(stage, domain, said):
    """The guest's channel was connected anew, and all was put back."""
    assert domain.channels[0].peer.recv(1) == b""
    assert said in stage.logged()
    stage.expect({})
    stage.hook(domain, "reconnect")
    domain.accept()
    stage.vmpower.wait_connected("vm", 1)
    assert domain.power(0, "min") == "ack"


def test_another_versions_state():
    with service("version-state") as (stage, manager):
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        stage.vmpower.kill()
        change_state(manager, 4, b"\x63")
        stage.vmpower.start()
        expect_clean_reconnect(stage, domain, "of another version")


def test_another_versions_domain():
    with service("version-domain") as (stage, _):
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        stage.vmpower.kill()
        path = stage.vmpower.runtime / "domains" / domain.uuid
        saved = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({**saved, "version": 99}), encoding="utf-8")
        stage.vmpower.start()
        expect_clean_reconnect(stage, domain, "of another version")


def test_without_a_store():
    with scene("no-store") as stage:
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        stage.vmpower.process.child.send_signal(signal.SIGUSR1)
        assert stage.vmpower.process.wait() == 0
        stage.expect({})
        stage.vmpower.start()
        assert not (stage.vmpower.runtime / "domains").exists()


if __name__ == "__main__":
    component_main()
