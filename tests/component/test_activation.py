# SPDX-License-Identifier: BSD-3-Clause
"""systemd's sockets instead of vmpowerd's own: taken by name, served, left in place."""

import os
import socket
from pathlib import Path

from tests.harness.process import run
from tests.harness.scene import LOWEST, component_main, service
from tests.harness.wait import wait_until

KINDS = {"hook": socket.SOCK_SEQPACKET, "control": socket.SOCK_STREAM}


def activated(name, sockets=None):
    """A service that gets its sockets from systemd. It is not started yet."""
    return service(name, sockets=KINDS if sockets is None else sockets, start=False)


def inodes(stage):
    """{name: inode} of the files of vmpowerd's sockets."""
    return {path.name: path.stat().st_ino for path in stage.vmpower.runtime.glob("*.sock")
            if path.stem in KINDS}


def test_served_and_left_in_place():
    with activated("served") as (stage, _):
        before = inodes(stage)
        stage.vmpower.start()
        assert inodes(stage) == before
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        stage.expect({1: LOWEST})
        stage.vmpower.stop()
        assert inodes(stage) == before
        stage.expect({})
        stage.vmpower.start()
        assert stage.vmpower.status()["domains"] == 0


def test_others_are_closed():
    """An administrator may have a unit twice, or add one; version 0.1 has stored channels."""
    with activated("others") as (stage, manager):
        stage.vmpower.start()
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        manager.listen("hook", stage.directory / "second", socket.SOCK_SEQPACKET)
        manager.listen("other", stage.directory / "other", socket.SOCK_STREAM)
        stage.vmpower.kill()
        stage.vmpower.start()
        assert domain.channels[0].connected() and domain.power(0, "min") == "ack"
        mine = fds_of(stage.vmpower.process.pid).values()
        used = [os.readlink(f"/proc/self/fd/{fd}") in mine for _, fd in manager.listening]
        assert used == [True, True, False, False], used
        stage.hook(domain, "stopped")
        stage.expect({})


def fds_of(pid):
    """{fd: what it is} of a process."""
    return {int(path.name): os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()}


def test_no_socket_is_inherited_by_the_monitor():
    """The monitor has neither socket."""
    with activated("inherited") as (stage, manager):
        stage.vmpower.start()
        listening = {os.readlink(f"/proc/self/fd/{fd}") for _, fd in manager.listening}
        assert listening < set(fds_of(stage.vmpower.process.pid).values())
        monitor = stage.vmpower.status()["monitor_pid"]
        assert not listening & set(fds_of(monitor).values())


def test_one_socket_alone():
    """vmpowerd creates the other one itself, and removes it."""
    for name, other in (("hook", "control"), ("control", "hook")):
        with activated(f"{name}-alone", {name: KINDS[name]}) as (stage, _):
            stage.vmpower.start()
            domain = stage.started("vm", {0: "1"})
            assert domain.power(0, "min") == "ack"
            assert set(inodes(stage)) == {f"{name}.sock", f"{other}.sock"}
            stage.vmpower.stop()
            assert set(inodes(stage)) == {f"{name}.sock"}


def test_hook_comes_too_early():
    """The hook keeps its deadline, and its report counts once vmpowerd runs."""
    with activated("early") as (stage, _):
        domain = stage.domain("vm", {0: "1"})
        stage.hook(domain, "started")
        gone = stage.domain("gone", {0: "2"})
        stage.hook(gone, "started")
        stage.hook(gone, "stopped")
        stage.vmpower.start()
        domain.accept()
        stage.vmpower.wait_connected("vm", 1)
        assert domain.power(0, "min") == "ack"
        assert list(stage.vmpower.domains()) == ["vm"]


def test_client_comes_too_early():
    """The client waits, and gets its reply."""
    with activated("early-client") as (stage, _):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(stage.vmpower.runtime / "control.sock"))
            client.sendall(b'{"method":"org.varlink.service.GetInfo"}\0')
            stage.vmpower.start()
            client.settimeout(30)
            assert b'"vmpowerd"' in client.recv(65536)


def refused(stage):
    """The exit status of a daemon that can't serve."""
    process, stage.vmpower.process = stage.vmpower.launch(), None
    return process.wait()


def test_wrong_kind_is_reported():
    """Each kind of mistake, and what to do about it."""
    swapped = dict(zip(KINDS, reversed(KINDS.values())))
    for name, option in (("hook", "ListenSequentialPacket="), ("control", "ListenStream=")):
        kinds = {**KINDS, name: swapped[name]}
        with activated(f"wrong-{name}", kinds) as (stage, _):
            assert refused(stage) == 1
            said = stage.logged()
            assert f'an fd "{name}" that is not a listening socket of {option}' in said, said
            assert "systemctl cat vmpowerd" in said, said
    for what in (lambda: os.memfd_create("hook"), lambda: socket.socket().detach(),
                 lambda: socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).detach()):
        with activated("no-socket", {}) as (stage, manager):
            manager.listening.append(("hook", what()))
            assert refused(stage) == 1
            assert "is not a listening socket" in stage.logged()


def test_restart_keeps_waiting_clients():
    """A successor replies to clients that connected meanwhile."""
    with activated("waits") as (stage, _):
        stage.vmpower.start()
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        stage.vmpower.leave()
        late = stage.domain("late", {0: "2"})
        stage.hook(late, "started")
        stage.vmpower.start()
        late.accept()
        stage.vmpower.wait_connected("late", 1)
        assert domain.channels[0].connected()


def test_second_daemon_by_hand_is_refused():
    """While systemd's socket listens there."""
    with activated("another") as (stage, _):
        stage.vmpower.start()
        words = Path(f"/proc/{stage.vmpower.process.pid}/cmdline").read_text().split("\0")[:-1]
        done = run(*words, check=False)
        assert done.returncode == 1 and "is in use" in done.stderr, done
        wait_until(stage.vmpower.try_status, 20, "the first one to answer")


if __name__ == "__main__":
    component_main()
