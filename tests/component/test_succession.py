# SPDX-License-Identifier: BSD-3-Clause
"""Managers come and go, monitors are replaced, and no guest notices: sockets, votes and frequencies
stay."""

import contextlib
import json
import os
import shutil
import threading
import time
from pathlib import Path

from tests.harness import frames, paths
from tests.harness.process import alive, run
from tests.harness.runner import Skip
from tests.harness.scene import (
    HIGHEST, LOWEST, UP, component_main, private_programs, scene, service,
)
from tests.harness.standin import metadata
from tests.harness.wait import wait_until

PERIOD_S = 0.005


def restart(stage):
    """As systemctl restart: the manager leaves the monitor."""
    monitor = stage.vmpower.restart().status()["monitor_pid"]
    assert alive(monitor)


def crash(stage):
    """As kill -9 with Restart=on-failure."""
    monitor = stage.vmpower.kill()
    stage.vmpower.start()
    assert stage.vmpower.status()["monitor_pid"] == monitor


def upgrade(stage):
    """Another program is installed, then the service is restarted: it is another monitor, too."""
    monitor = stage.vmpower.leave()
    program = paths.BIN / "vmpower-monitor"
    shutil.copy2(program, program.with_name("new"))
    program.with_name("new").rename(program)
    stage.vmpower.start()
    assert stage.vmpower.status()["monitor_pid"] != monitor
    assert not alive(monitor)


SUCCESSIONS = {"restart": restart, "crash": crash, "upgrade": upgrade}


@contextlib.contextmanager
def successions(name, **more):
    """A service, with programs of its own that can be replaced."""
    with (service(name, start=False, **more) as (stage, manager),
          private_programs(stage.directory)):
        stage.vmpower.start()
        yield stage, manager


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
                # the name is echoed: it numbers the request, and says that we wait for late replies
                frame = frames.request(
                    0, ("up", "down")[number % 2], name=b"vmpower-guest:%d" % number
                )
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
        with successions(f"requests-{name}") as (stage, _):
            domain = stage.started("vm", {0: "1", 1: "2"})
            assert domain.power(0, "min") == "ack"
            assert domain.power(1, "min") == "ack"
            stage.expect({1: LOWEST, 2: LOWEST})
            still = stage.tree.directory(2) / "scaling_setspeed"
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
            assert shown["requests"] == sender.answered + 2, (shown, sender.answered)


def test_frequencies_stay_without_requests():
    for name, succeed in SUCCESSIONS.items():
        with successions(f"silent-{name}") as (stage, _):
            domain = stage.started("vm", {0: "1", 1: "2"})
            assert domain.power(0, "min") == "ack"
            assert domain.power(1, "max") == "ack"
            stage.expect({1: LOWEST, 2: HIGHEST})
            watcher = Watcher(stage.tree, 1)
            watcher.start()
            succeed(stage)
            watcher.finish()
            stage.expect({1: LOWEST, 2: HIGHEST})
            assert stage.vmpower.show("vm")["vcpus"][0]["vote_khz"] == LOWEST
            # a neighbour's baseline is restored as usual
            stage.hook(domain, "stopped")
            stage.expect({})


def test_guests_are_served_without_a_manager():
    """Requests every 5 ms, of eight guests, none of which waits for a late reply."""
    with service("alone") as (stage, _):
        domains = [stage.started(f"vm{n}", {0: str(n)}) for n in range(8)]
        for domain in domains:
            assert domain.power(0, "min") == "ack"
        stage.expect({n: LOWEST for n in range(8)})
        stage.vmpower.kill()
        for number in range(100):
            for domain in domains:
                assert domain.power(0, ("up", "down")[number % 2]) == "ack", number
            time.sleep(PERIOD_S)
        stage.expect({n: LOWEST for n in range(8)})
        assert domains[0].power(0, "max") == "ack"
        stage.expect({0: HIGHEST, **{n: LOWEST for n in range(1, 8)}})
        stage.vmpower.start()
        stage.expect({0: HIGHEST, **{n: LOWEST for n in range(1, 8)}})
        assert all(domain.channels[0].connected() for domain in domains)


def test_what_needs_the_manager_waits():
    """A first vote counts at once; its frequency domain is acquired when a manager comes."""
    with service("waits") as (stage, _):
        first = stage.started("first", {0: "1"})
        second = stage.started("second", {0: "2"})
        assert first.power(0, "min") == "ack"
        stage.expect({1: LOWEST})
        stage.vmpower.kill()
        assert second.power(0, "min") == "ack"
        first.close()  # the last vote goes: as fast as without us
        wait_until(lambda: stage.tree.khz(1) == HIGHEST, 20, "the baseline's highest")
        stage.expect({1: HIGHEST})
        stage.vmpower.start()
        stage.expect({2: LOWEST})


def test_the_lease_ends():
    """No manager comes: the baseline's highest is written, and --restore puts the rest back."""
    with service("lease", start=False) as (stage, _):
        stage.vmpower.lease_s = 1
        stage.vmpower.start()
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        stage.expect({1: LOWEST})
        monitor = stage.vmpower.kill()
        wait_until(lambda: not alive(monitor), 20, "the lease's end")
        stage.expect({1: HIGHEST})
        assert domain.channels[0].peer.recv(1) == b""
        run(paths.BIN / "vmpowerd", "--restore", "--config", stage.vmpower.config,
            "--runtime-dir", stage.vmpower.runtime)
        stage.expect({})
        stage.vmpower.start()
        assert stage.vmpower.domains() == {}


def test_restore_leaves_a_manager_alone():
    with service("restore") as (stage, _):
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        stage.expect({1: LOWEST})
        run(paths.BIN / "vmpowerd", "--restore", "--config", stage.vmpower.config,
            "--runtime-dir", stage.vmpower.runtime)
        stage.expect({1: LOWEST})


def test_a_piece_of_a_request():
    """A monitor that stays completes it; with another one it is lost, and nothing else."""
    for name, succeed in SUCCESSIONS.items():
        with successions(f"piece-{name}") as (stage, _):
            domain = stage.started("vm", {0: "1"})
            assert domain.power(0, "min") == "ack"
            stage.expect({1: LOWEST})
            channel = domain.channels[0]
            frame = frames.request(0, "up")
            channel.send(frame[:200])
            succeed(stage)
            stage.expect({1: LOWEST})
            channel.send(frame[200:])
            wait_until(lambda s=stage: s.vmpower.channel("vm", 0)["resyncs"], 10, "a resync")
            assert domain.power(0, "max") == "ack"
            stage.expect({1: HIGHEST})


def test_stop_puts_everything_back():
    with service("stop") as (stage, _):
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        stage.expect({1: LOWEST})
        stage.vmpower.stop()
        stage.expect({})
        assert not list((stage.vmpower.runtime / "domains").iterdir())


def test_only_a_restart_keeps():
    """The unit's ExecStop= tells a restart from a stop by systemd's queue of jobs."""
    script = Path(__file__).resolve().parents[2] / "packaging/systemd/vmpower-stopping"
    unit = "vmpowerd.service"
    for jobs, kept in (
        (f"echo 12 {unit} restart running", True),
        (f"echo 12 {unit} stop running", False),
        ("echo 12 other-vmpowerd.service restart running", False),
        ("true", False),
        ("exit 1", False),
    ):
        with service("stopping") as (stage, _):
            domain = stage.started("vm", {0: "1"})
            assert domain.power(0, "min") == "ack"
            stage.expect({1: LOWEST})
            systemctl = stage.directory / "systemctl"
            systemctl.write_text(f"#!/bin/sh\n{jobs}\n", encoding="ascii")
            systemctl.chmod(0o755)
            run(script, stage.vmpower.process.pid, unit,
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


def counters(stage):
    """{series: value} of each counter."""
    lines = stage.vmpower.ctl("metrics").stdout.splitlines()
    split = (line.rsplit(" ", 1) for line in lines)
    return {series: int(n) for series, n in split if series.split("{")[0].endswith("_total")}


def test_no_counter_falls():
    """Channels were unplugged, the monitor was replaced, others wrote, a CPU is not there now."""
    for name, succeed in SUCCESSIONS.items():
        with successions(f"counters-{name}") as (stage, _):
            domain = stage.started("vm", {0: "1", 1: "2"})
            assert domain.power(0, "min") == domain.power(1, "min") == "ack"
            assert domain.channels[0].power(7, "min") == "nack"
            stage.expect({1: LOWEST, 2: LOWEST})
            stage.vmpower.kill_monitor()
            stage.vmpower.wait_connected("vm", 2)
            assert domain.power(1, "max") == domain.power(1, "min") == "ack"
            foreign = 'vmpower_frequency_domain_foreign_writes_total{frequency_domain="2",cpus="2"}'
            stage.tree.write(2, "scaling_setspeed", UP[2])
            wait_until(lambda s=stage: counters(s)[foreign], 20, "the foreign write to be counted")
            unplugged = domain.channels.pop(0)
            stage.hook(domain, "reconnect")
            unplugged.close()
            wait_until(lambda s=stage: len(s.vmpower.show("vm")["channels"]) == 1, 10, "its end")
            before = counters(stage)
            assert before["vmpower_monitor_restarts_total"] == before[foreign] == 1, before
            policy = stage.tree.directory(0)
            hidden = policy.with_name("hidden")
            for there in (False, True):
                if not there:
                    policy.rename(hidden)
                succeed(stage)
                if not there:
                    assert stage.vmpower.status()["frequency_domains"] == 7
                    hidden.rename(policy)
                    stage.vmpower.ctl("reload")
                    assert stage.vmpower.status()["frequency_domains"] == 8
                now = counters(stage)
                assert set(now) == set(before)
                fell = {series: (n, now[series]) for series, n in before.items()
                        if now[series] < n}
                assert not fell, fell
                assert now["vmpower_monitor_restarts_total"] == 1, now
                # the next one finds the value before its monitor overwrites it, or after that
                assert now[foreign] - before[foreign] in (0, 1), now
                assert domain.power(1, "max") == domain.power(1, "min") == "ack"
                before = counters(stage)


def test_removed_channel_stays_removed():
    with service("stays-removed") as (stage, _):
        domain = stage.started("vm", {0: "1", 1: "2"})
        domain.channels[1].close()
        wait_until(lambda: stage.vmpower.channel("vm", 1)["state"] != "connected", 20, "its end")
        stage.vmpower.ctl("channel", "remove", "vm", "1")
        crash(stage)
        assert stage.vmpower.channel("vm", 1)["state"] == "removed"


def test_ended_domains_are_dropped():
    with service("gone") as (stage, _):
        stays = stage.started("stays", {0: "1"})
        ends = stage.started("ends", {0: "2"})
        assert stays.power(0, "min") == "ack"
        assert ends.power(0, "min") == "ack"
        stage.expect({1: LOWEST, 2: LOWEST})
        stage.vmpower.kill()
        ends.close()
        stage.vmpower.start()
        assert list(stage.vmpower.domains()) == ["stays"]
        stage.expect({1: LOWEST})
        stage.hook(stays, "stopped")
        stage.expect({})
        assert stays.channels[0].peer.recv(1) == b""


def test_untrusted_channel_is_hung_up():
    """Else QEMU, which accepts one client at a time, would wait for ever for the old one."""
    with service("trusted-no-more") as (stage, _):
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        stage.expect({1: LOWEST})
        stage.vmpower.kill()
        stage.sections["channel"]["peer-user"] = "nobody"
        stage.vmpower.configure(stage.sections)
        stage.vmpower.start()
        assert domain.channels[0].peer.recv(1) == b""
        stage.expect({})


def test_garbage_among_the_saved():
    with service("garbage") as (stage, _):
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        stage.expect({1: LOWEST})
        stage.vmpower.kill()
        directory = stage.vmpower.runtime / "domains"
        saved = next(directory.iterdir())
        (directory / ("0" * 36)).write_text("{", encoding="ascii")
        (directory / ("1" * 36)).symlink_to("/etc/passwd")
        (directory / ("2" * 36)).write_bytes(saved.read_bytes())  # the same domain twice
        stage.vmpower.start()
        assert domain.power(0, "down") == "ack"
        stage.expect({1: LOWEST})
        assert [path.name for path in directory.iterdir()] == [domain.uuid]


def change_saved(stage, domain, change):
    """Change what a predecessor saved of a domain."""
    path = stage.vmpower.runtime / "domains" / domain.uuid
    saved = json.loads(path.read_text(encoding="utf-8"))
    change(saved)
    path.write_text(json.dumps(saved), encoding="utf-8")
    return path


def test_file_of_another_domain():
    """A file's name is a UUID: its content must be about that domain."""
    with service("misnamed") as (stage, _):
        domain, other = stage.started("vm", {0: "1"}), stage.started("other", {0: "2"})
        assert domain.power(0, "min") == other.power(0, "min") == "ack"
        stage.expect({1: LOWEST, 2: LOWEST})
        stage.vmpower.kill()
        path = change_saved(stage, domain, lambda saved: None)
        wrong = path.rename(path.with_name("22222222-2222-2222-2222-222222222222"))
        stage.vmpower.start()
        assert list(stage.vmpower.domains()) == ["other"]
        assert f"{wrong} is about domain {domain.uuid}: not taken over" in stage.logged()
        assert domain.channels[0].peer.recv(1) == b""
        assert other.channels[0].connected()
        stage.expect({2: LOWEST})
        stage.hook(domain, "reconnect")
        domain.accept()
        assert domain.power(0, "min") == "ack"


def test_socket_of_another_channel():
    """Path and process at the other end must be the saved ones: else it is connected anew."""
    def swap(saved):
        first, second = saved["channels"]
        first["socket"], second["socket"] = second["socket"], first["socket"]

    def other_process(saved):
        saved["channels"][0]["peer_pid"] += 1

    def other_user(saved):
        saved["channels"][0]["peer_uid"] += 1

    for name, change, wrong in (("path", swap, (0, 1)), ("process", other_process, (0,)),
                                ("user", other_user, (0,))):
        with service(f"another-{name}") as (stage, _):
            domain = stage.started("vm", {0: "1", 1: "2"})
            assert domain.power(0, "min") == domain.power(1, "min") == "ack"
            stage.expect({1: LOWEST, 2: LOWEST})
            stage.vmpower.kill()
            change_saved(stage, domain, change)
            stage.vmpower.start()
            for number in wrong:
                assert domain.channels[number].peer.recv(1) == b"", number
                domain.channels[number].accept()
                assert f'domain "vm", channel {number}: the socket that the monitor has' in (
                    stage.logged()
                )
            for number in {0, 1} - set(wrong):
                assert domain.channels[number].connected(), number
            stage.vmpower.wait_connected("vm", 2)
            assert domain.power(0, "min") == domain.power(1, "min") == "ack"
            stage.expect({1: LOWEST, 2: LOWEST})


def change_state(monitor, at, data):
    """As another version would have it."""
    for fd in Path(f"/proc/{monitor}/fd").iterdir():
        if "vmpower-state" in os.readlink(fd):
            with open(fd, "r+b", buffering=0) as state:
                os.pwrite(state.fileno(), data, at)
            return
    raise AssertionError("the monitor has no state")


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
    """Its votes can't be read and end; the channels stay."""
    if os.geteuid():
        raise Skip("takes root to change the state")
    with service("version-state") as (stage, _):
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        stage.expect({1: LOWEST})
        monitor = stage.vmpower.kill()
        change_state(monitor, 4, b"\x63")
        stage.vmpower.start()
        assert stage.vmpower.status()["monitor_pid"] != monitor
        assert "of another version" in stage.logged()
        stage.expect({})
        assert domain.channels[0].connected()
        assert domain.power(0, "min") == "ack"
        stage.expect({1: LOWEST})


def test_another_versions_domain():
    with service("version-domain") as (stage, _):
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        stage.expect({1: LOWEST})
        stage.vmpower.kill()
        change_saved(stage, domain, lambda saved: saved.update(version=99))
        stage.vmpower.start()
        expect_clean_reconnect(stage, domain, "of another version")


def test_left_without_systemd():
    with scene("left") as stage:
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        stage.expect({1: LOWEST})
        monitor = stage.vmpower.leave()
        assert alive(monitor)
        stage.expect({1: LOWEST})
        stage.vmpower.start()
        assert stage.vmpower.status()["monitor_pid"] == monitor
        assert domain.power(0, "down") == "ack"


if __name__ == "__main__":
    component_main()
