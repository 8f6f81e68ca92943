# SPDX-License-Identifier: BSD-3-Clause
"""The daemon: domains come and go, the operator intervenes, processes die."""

import os
import select
import signal
import time
from pathlib import Path

from tests.harness import paths
from tests.harness.process import Process, run
from tests.harness.runner import Skip
from tests.harness.scene import (
    HIGHEST,
    HOOK_BOUND_MS,
    LIMITS_ONLY,
    LOWEST,
    UP,
    component_main,
    scene,
)
from tests.harness.standin import STARTED, STOPPED, call_hook, send_event
from tests.harness.vmpower import configuration
from tests.harness.wait import tail, wait_until

GIVEN_UP_S = 8  # after a hang-up the last of ten attempts comes after 5.1 s
LONGEST_RETRY_S = 5.5  # with room for a busy host


# ---- a domain's life


def test_stopped_restores_the_baseline():
    """Other domains' votes stay."""
    with scene("stopped") as stage:
        one, two = stage.started("one", {0: "1"}), stage.started("two", {0: "2"})
        assert one.power(0, "min") == two.power(0, "min") == "ack"
        stage.expect({1: LOWEST, 2: LOWEST})
        stage.hook(one, "stopped")
        stage.vmpower.wait_forgotten("one")
        stage.expect({2: LOWEST})
        stage.hook(two, "release")
        stage.vmpower.wait_forgotten("two")
        stage.expect({})


def test_QEMU_hangs_up_without_a_hook():
    """Its votes end with its channels."""
    with scene("hangup") as stage:
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        domain.close()
        stage.expect({})


def test_a_channel_socket_that_appears_late():
    """The connection is retried until the socket exists."""
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


def test_a_channel_that_was_given_up_comes_back():
    """At the hook's next "started", or when the operator adds it; by itself it does not."""
    with scene("given-up") as stage:
        hooked, added = stage.started("hooked", {0: "1"}), stage.started("added", {0: "2"})
        for domain in (hooked, added):
            domain.close()
        closed = time.monotonic()
        wait_until(lambda: time.monotonic() > closed + GIVEN_UP_S, 20, "the last attempt to pass")
        for domain in (hooked, added):
            domain.channels[0].listen()
        listeners = [domain.channels[0].listener for domain in (hooked, added)]
        assert select.select(listeners, [], [], LONGEST_RETRY_S) == ([], [], [])
        for domain, again in (
            (hooked, lambda: stage.hook(hooked)),
            (added, lambda: stage.vmpower.ctl("channel", "add", "added", "0")),
        ):
            assert stage.vmpower.channel(domain.name, 0)["state"] == "disconnected"
            again()
            domain.accept()
            stage.vmpower.wait_connected(domain.name, 1)
            assert domain.power(0, "min") == "ack"
        stage.expect({1: LOWEST, 2: LOWEST})


def test_a_socket_that_the_unit_hides():
    """The log, and whoever asks, are told what hides it: whoever looks sees the file."""
    if os.geteuid():
        raise Skip("takes root to mount what systemd mounts")
    with scene("hidden") as stage:
        private, place = Path("/run/systemd-private-0-vmpowerd/tmp"), stage.directory / "tmp"
        private.mkdir(parents=True)
        place.mkdir()
        run("mount", "--bind", private, place)
        domain = stage.domain("vm", {0: "1"})
        xml = domain.xml().replace(str(domain.channels[0].path), f"{place}/powermonitor/vm.0")
        call_hook(stage.vmpower.hook_socket, "vm", "started", xml)
        cause = "No such file or directory: PrivateTmp= in vmpowerd's unit hides it"
        wait_until(lambda: cause in stage.logged(), 20, "the cause in the log")
        assert stage.vmpower.channel("vm", 0)["error"].startswith(cause)
        said = stage.vmpower.ctl("doctor", check=False).stdout
        assert f'"vm", channel 0: can\'t connect to {place}/powermonitor/vm.0: {cause}' in said
        assert "with the drop-in in vmpower-domain(5)" in said and "peer-user" not in said, said
        run("umount", place)


def test_started_twice_is_one_registration():
    """"reconnect" after "started": no second connection, votes stay."""
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


def test_reconnect_with_other_pins_moves_the_vote():
    """libvirt's last report counts."""
    with scene("repinned") as stage:
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        domain.pins = {0: "6"}
        stage.hook(domain, "reconnect")
        stage.expect({6: LOWEST})


def test_an_update_that_cannot_be_understood():
    """No vote moves a CPU that the vCPU may have left; the next good XML counts again."""
    with scene("doubt") as stage:
        domain = stage.started("vm", {0: "1", 1: "2"})
        stage.vmpower.ctl("set", "vm", "1", str(LOWEST))
        assert domain.power(0, "min") == "ack"
        stage.expect({1: LOWEST, 2: LOWEST})
        good = domain.xml()
        for xml in ("<domain", good.replace("<vcpu placement='static'>2</vcpu>", "")):
            call_hook(stage.vmpower.hook_socket, "vm", "reconnect", xml)
            stage.expect({})  # as without us
            assert domain.power(0, "min") == "nack"
            said = "not served in full: requests are refused, since its XML can't be read: "
            assert f'domain "vm" (hook reconnect): {said}' in stage.logged()
            assert said.split(": ")[1] in stage.vmpower.show("vm")["problem"]
            call_hook(stage.vmpower.hook_socket, "vm", "reconnect", good)
            wait_until(lambda: stage.vmpower.show("vm")["problem"] is None, 10, "the good XML")
            assert domain.power(0, "min") == "ack"
            stage.expect({1: LOWEST, 2: LOWEST})
        assert all(channel.connected() for channel in domain.channels.values())


def test_a_start_that_is_heard_after_the_end():
    """Events carry the time of their hook: the order in which they are heard does not matter."""
    with scene("order") as stage:
        domain, other = stage.domain("vm", {0: "1"}), stage.domain("other", {0: "2"})
        now = time.monotonic_ns()
        send_event(stage.vmpower.hook_socket, "vm", STOPPED, now, domain.xml(running=False))
        send_event(stage.vmpower.hook_socket, "vm", STARTED, now - 1, domain.xml())
        stage.hook(other)
        stage.vmpower.wait_connected("other", 1)
        assert list(stage.vmpower.domains()) == ["other"]
        send_event(stage.vmpower.hook_socket, "vm", STARTED, now + 1, domain.xml())
        stage.vmpower.wait_connected("vm", 1)
        # an event from the future counts as one of now
        send_event(stage.vmpower.hook_socket, "vm", STARTED, 2**63, domain.xml())
        stage.hook(domain, "stopped")
        stage.vmpower.wait_forgotten("vm")


# ---- the operator


def test_channel_disable_and_enable():
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


def test_channel_remove_and_add():
    """Removed: disconnected; added: connected again."""
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


def test_domain_remove():
    """Forgotten, and its frequencies are put back."""
    with scene("forget") as stage:
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        answer = stage.vmpower.ask("domain", "remove", "vm")
        assert (answer["name"], answer["uuid"]) == ("vm", domain.uuid), answer
        stage.vmpower.wait_forgotten("vm")
        stage.expect({})
        for words in (("domain", "remove", "vm"), ("show", "vm"), ("channel", "add", "vm", "0")):
            refused = stage.vmpower.ctl(*words, check=False)
            assert refused.returncode == 1 and "vm" in refused.stderr, refused


def test_json_of_vmpowerctl():
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
            longest_turn=dict,
            monitor_longest_turn=dict,
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
            paused=bool,
            vcpus=int,
            channels=int,
            connected=int,
            requests=int,
            nacks=int,
        )
        assert summary["uuid"] == domain.uuid and summary["requests"] == 3, summary
        shown = stage.vmpower.show(domain.uuid)
        expect_types(shown, name=str, uuid=str, id=int, paused=bool, channels=list, vcpus=list)
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


def test_vmpowerctl_without_a_daemon():
    """Its own exit status, and what to do."""
    with scene("unreachable", start=False) as stage:
        answer = stage.vmpower.ctl("status", check=False)
        assert answer.returncode == 3, answer
        assert str(stage.vmpower.runtime) in answer.stderr, answer.stderr


# ---- crashes and restarts


def test_SIGTERM_restores_everything():
    """With both methods, while a domain still runs."""
    for governors in (None, LIMITS_ONLY):
        with scene("sigterm", governors=governors) as stage:
            domain = stage.started("vm", {0: "1", 1: "2"})
            assert domain.power(0, "min") == domain.power(1, "max") == "ack"
            stage.expect({1: LOWEST, 2: HIGHEST})
            stage.end()


def test_SIGKILL_of_the_manager():
    """The monitor goes on; the next manager continues with it."""
    with scene("sigkill-manager") as stage:
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        monitor = stage.vmpower.kill()
        assert domain.power(0, "down") == "ack"
        stage.vmpower.start()
        assert stage.vmpower.status()["monitor_pid"] == monitor
        assert domain.channels[0].connected()
        stage.expect({1: LOWEST})


def test_SIGKILL_of_manager_and_monitor():
    """The next start restores what the dead daemon left; domains register again."""
    with scene("sigkill") as stage:
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        stage.vmpower.kill_both()
        domain.channels[0].listener.settimeout(20)
        stage.expect({1: LOWEST})
        stage.vmpower.start()
        stage.expect({})
        stage.hook(domain, "reconnect")
        domain.accept()
        stage.vmpower.wait_connected("vm", 1)
        assert domain.power(0, "min") == "ack"
        stage.expect({1: LOWEST})


def test_SIGKILL_of_manager_and_monitor_at_once():
    """As above, with no monitor to notice it."""
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


def test_SIGKILL_of_the_monitor():
    """Another monitor takes over: no channel sees a hang-up, votes stay, requests are served."""
    with scene("monitor") as stage:
        domain = stage.started("vm", {0: "1", 1: "2"})
        assert domain.power(0, "min") == domain.power(1, "max") == "ack"
        for _round in range(2):
            stage.vmpower.kill_monitor()
            stage.vmpower.wait_connected("vm", 2)
            for channel in domain.channels.values():
                assert channel.connected(), "a channel was hung up"
            stage.expect({1: LOWEST, 2: HIGHEST})
            assert domain.power(0, "up") == "ack"
            stage.expect({1: UP[1], 2: HIGHEST})
            assert domain.power(0, "min") == "ack"
        assert stage.vmpower.status()["monitor_restarts"] == 2
        requests = stage.vmpower.channel("vm", 0)["requests"]
        assert requests == 6, f"{requests} requests were counted, 6 were made"


def test_a_request_while_the_monitor_is_dead():
    """The request waits in the socket; the next monitor answers it."""
    with scene("gap") as stage:
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "max") == "ack"
        os.kill(stage.vmpower.status()["monitor_pid"], signal.SIGKILL)
        assert domain.power(0, "min") == "ack"
        stage.expect({1: LOWEST})


def test_two_daemons_on_one_runtime_directory():
    """The second exits with a message; the first goes on."""
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


def test_hook_without_a_daemon_and_with_nonsense():
    """Exit status 0, no output, in time, whatever the arguments."""
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
    """SIGSTOP: the deadline holds; what was sent counts when the daemon continues."""
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
    """About 2 MB of other XML."""
    with scene("bulk") as stage:
        domain = stage.domain("vm", {0: "1"})
        filler = "<metadata>" + "<note xmlns='urn:x'>" + "x" * (2 << 20) + "</note></metadata>"
        xml = domain.xml().replace("<devices>", filler + "<devices>")
        took = call_hook(stage.vmpower.hook_socket, "vm", "started", xml)
        assert took < HOOK_BOUND_MS, f"{took:.0f} ms"
        runner.note(f"{took:.0f} ms for {len(xml) >> 10} KiB")
        domain.accept()
        stage.vmpower.wait_connected("vm", 1)


REFUSED = 78  # the unit's RestartPreventExitStatus= has it
BAD_CONFIGURATIONS = (
    ("[channel]\nrate = 10\nspeed = 3\n", 3, "speed"),
    ("[channel]\nrate = fast\n", 2, "rate"),
    ("\n\n[colours]\nx = y\n", 3, "colours"),
    ("[cpufreq]\nmethod = guess\n", 2, "method"),
    ("[limits]\nturbo = perhaps\n", 2, "turbo"),
    ("[channel]\nrate = 1\nrate = 2\n", 3, "rate"),
    # what this host's CPUs can do
    ("[cpufreq]\nsysfs = {sysfs}\n[limits]\nmax-frequency = 2400\n", 4, "1200000 to 3600000 kHz"),
    ("[cpufreq]\nsysfs = {sysfs}\n[domain \"a\"]\nmin-frequency = 4GHz\n", 3, "4000000 kHz"),
)


def test_bad_configuration():
    """File, line and what is wrong; the daemon does not start."""
    with scene("config", start=False) as stage:
        path = stage.directory / "bad.conf"
        for text, line, word in BAD_CONFIGURATIONS:
            path.write_text(text.format(sysfs=stage.tree.root))
            for options in (("--check-config", path), ("--config", path)):
                if options[0] == "--config":
                    options += ("--runtime-dir", stage.vmpower.runtime)
                said = run(paths.BIN / "vmpowerd", *options, check=False, timeout=20)
                assert said.returncode == REFUSED, f"{said.returncode}: {text!r}"
                where = f"{path}:{line}"
                assert where in said.stderr and word in said.stderr, f"{where}: {said.stderr!r}"
        missing = run(
            paths.BIN / "vmpowerd", "--config", stage.directory / "none.conf", check=False
        )
        assert missing.returncode == REFUSED and "none.conf" in missing.stderr, missing
        stage.sections["limits"] = {"min-frequency": "1.2GHz", "max-frequency": "2400 MHz"}
        path.write_text(configuration(stage.sections))
        run(paths.BIN / "vmpowerd", "--check-config", path)
        # without cpufreq there is nothing to compare with
        path.write_text(f"[cpufreq]\nsysfs = {stage.directory}\n[limits]\nmax-frequency = 2400\n")
        run(paths.BIN / "vmpowerd", "--check-config", path)


if __name__ == "__main__":
    component_main()
