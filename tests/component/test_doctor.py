# SPDX-License-Identifier: BSD-3-Clause
"""vmpowerctl doctor: each problem is found, and none where there is none."""

import itertools
import os
import time
import uuid

from tests.harness.cpufreq_tree import CpufreqTree
from tests.harness.doctor import BOOT, HOOK, doctor
from tests.harness.process import run
from tests.harness.scene import LIMITS_ONLY, component_main
from tests.harness.standin import StandinDomain, domain_xml, metadata
from tests.harness.terminal import Terminal
from tests.harness.wait import wait_until


def test_all_is_well():
    """Exit status 0 and a line for each check; also on a host without any of the files."""
    with doctor("well") as doc:
        doc.well()
        checks = {finding[0] for finding in doc.all()}
        assert checks == set("config daemon sockets hook libvirt selinux apparmor cpufreq writers"
                             .split()), checks
        text = doc.run()
        assert text.returncode == 0 and text.stdout.endswith("0 problems, 0 warnings, 0 notes\n")
        doc.host.process(200, "tuned")
        assert doc.run().stdout.endswith("0 problems, 1 warning, 0 notes\n")
        (doc.host.root / "proc/200/comm").unlink()
        assert text.stdout.startswith("ok       config"), text.stdout
        assert "\x1b" not in text.stdout
        run("jq", "-e", ".findings | length > 8", data=doc.run("--json").stdout)


def test_configuration():
    """The daemon's own message, with file and line."""
    with doctor("config") as doc:
        doc.host.write("etc/vmpower/vmpower.conf", "[limits]\nturbo = yes\n")
        doc.well()
        doc.host.write("etc/vmpower/vmpower.conf", "[limits]\nturbo = perhaps\n")
        doc.finds("config", "problem", "etc/vmpower/vmpower.conf:2", "turbo")


def test_daemon_that_is_down():
    """The other checks still run."""
    with doctor("down", start=False) as doc:
        doc.finds("daemon", "problem", "systemctl start vmpowerd")
        assert len(doc.all()) > 7
        doc.stage.vmpower.start()
        doc.well()


def test_monitor_that_dies():
    """It is reported for as long as the daemon knows."""
    with doctor("monitor") as doc:
        doc.stage.vmpower.kill_monitor()
        doc.finds("monitor", "warning", "1 times", "journalctl")


def test_permissions():
    """Sockets and a directory open to others; a baseline that could not be restored."""
    with doctor("permissions") as doc:
        for name, mode, good in (("control.sock", 0o666, 0o660), ("hook.sock", 0o660, 0o600),
                                 (".", 0o777, 0o755)):
            path = doc.stage.vmpower.runtime / name
            path.chmod(mode)
            doc.finds("sockets", "problem", f"{mode:04o}")
            path.chmod(good)
        doc.well()
        bad = doc.stage.vmpower.runtime / "baseline.bad"
        bad.write_text("?")
        doc.finds("baseline", "warning", "baseline.bad")
        bad.unlink()


def test_hook():
    """Missing, not executable, open to others, a dangling link."""
    with doctor("hook") as doc:
        hook = doc.host.root / HOOK
        hook.chmod(0o644)
        doc.finds("hook", "problem", "not executable", "chmod 755")
        hook.chmod(0o775)
        doc.finds("hook", "problem", "users other than root")
        hook.unlink()
        doc.finds("hook", "warning", "No such file", "install")
        hook.symlink_to("nowhere")
        doc.finds("hook", "problem", "dangling symbolic link")


def test_hook_that_libvirt_has_not_seen():
    """The hook is newer than libvirtd's start and last reload, and there was no other before."""
    with doctor("unseen") as doc:
        now = int(time.time())
        doc.host.process(100, "libvirtd", started=now - 1000)
        doc.finds("hook", "problem", "systemctl reload libvirtd", "pid 100")
        doc.host.systemctl(f"ExecReload={{ path=/bin/kill ; start_time=[@{now - 500}] ; }}")
        doc.finds("hook", "problem", "systemctl reload libvirtd")
        doc.host.systemctl(f"ExecReload={{ path=/bin/kill ; start_time=[@{now + 500}] ; }}")
        doc.well()
        (doc.host.tools / "systemctl").write_text("#!/bin/sh\nexit 1\n")
        doc.finds("hook", "problem", "systemctl reload libvirtd")
        doc.host.process(100, "libvirtd", started=now + 1000)
        doc.well()


def test_libvirt():
    """None, the modular daemon, one started on demand."""
    with doctor("libvirt") as doc:
        socket = doc.host.root / "run/libvirt/libvirt-sock"
        socket.unlink()
        doc.finds("libvirt", "problem", "systemctl start libvirtd")
        doc.host.write("run/libvirt/virtqemud-sock", "")
        doc.well()
        assert any("when somebody connects" in finding[2] for finding in doc.all())
        doc.host.process(101, "virtqemud", started=1.0 + BOOT)
        doc.finds("hook", "problem", "systemctl reload virtqemud")


def test_libvirt_that_vmpowerd_does_not_reach():
    """As vmpowerd reports it."""
    with doctor("away", sections={"libvirt": {"uri": "qemu+unix:///system?socket=/none"}}) as doc:
        doc.finds("libvirt", "problem", "not connected", "[libvirt] uri")


def test_selinux_and_apparmor():
    """If they would keep libvirt from running the hook."""
    with doctor("security") as doc:
        (doc.host.root / "sys").unlink()
        CpufreqTree(doc.host.root / "sys", cpus=4)
        doc.host.write("run/libvirt/virtqemud-sock", "")
        doc.host.process(101, "virtqemud", time.time() + 1000, "system_u:system_r:virtqemud_t:s0")
        enforce = doc.host.write("sys/fs/selinux/enforce", "0")
        doc.well()
        enforce.write_text("1")
        doc.finds("selinux", "problem", "virtqemud_t", "policy module")
        module = doc.host.write("var/lib/selinux/targeted/active/modules/400/vmpower/cil", "")
        doc.well()
        module.unlink()
        module.parent.rmdir()
        doc.host.process(101, "virtqemud", time.time() + 1000, "system_u:system_r:virtd_t:s0")
        doc.well()
        enforce.unlink()
        doc.host.write("sys/module/apparmor/parameters/enabled", "Y\n")
        doc.well()
        hook = doc.host.root / HOOK
        hook.rename(doc.host.root / "hook")
        hook.symlink_to(doc.host.root / "hook")
        doc.finds("apparmor", "problem", "symbolic link")


def test_cpufreq():
    """A line for each kind of frequency domain; none at all is a problem."""
    with doctor("cpufreq") as doc:
        (line,) = [finding for finding in doc.all() if finding[0] == "cpufreq"]
        assert line[2] == "CPU 0-7: driver acpi-cpufreq, governor schedutil, method setspeed", line
        doc.stage.tree.write(2, "scaling_governor", "userspace")
        doc.finds("cpufreq", "warning", "CPU 2:", "set another governor")
        doc.stage.tree.write(2, "scaling_governor", "schedutil")
        doc.stage.tree.write(5, "scaling_available_governors", LIMITS_ONLY)
        assert [finding[2] for finding in doc.all() if finding[0] == "cpufreq"] == [line[2]]
        doc.stage.vmpower.ctl("reload")
        doc.well()
        lines = [finding[2] for finding in doc.all() if finding[0] == "cpufreq"]
        limits = "CPU 5: driver acpi-cpufreq, governor schedutil, method limits"
        assert len(lines) == 2 and limits in lines, lines
        limit = doc.stage.tree.directory(5) / "scaling_max_freq"
        text = limit.read_text()
        limit.unlink()
        doc.finds("cpufreq", "problem", "CPU 5:", "another cpufreq driver")
        limit.write_text(text)
        (doc.host.root / "sys").unlink()
        doc.finds("cpufreq", "problem", "no frequency domains", "load a driver")


def test_method():
    """The daemon's method; without a daemon the one that the host's files allow."""
    with doctor("method", sections={"cpufreq": {"method": "limits"}}) as doc:
        for method in ("limits", "setspeed"):
            (line,) = [finding[2] for finding in doc.all() if finding[0] == "cpufreq"]
            assert line.endswith(f"method {method}"), line
            doc.stage.vmpower.stop()


def test_many_kinds():
    """Each kind has a line."""
    with doctor("kinds", cpus=12) as doc:
        for cpu in range(12):
            doc.stage.tree.write(cpu, "scaling_driver", f"driver{cpu}")
        lines = [finding[2] for finding in doc.all() if finding[0] == "cpufreq"]
        assert sorted(line.split(", ")[0] for line in lines) == sorted(
            f"CPU {cpu}: driver driver{cpu}" for cpu in range(12)), lines


def test_cpus_that_are_not_told():
    """Offline CPUs are named as well, and so are long lists."""
    with doctor("offline") as doc:
        (doc.host.root / "sys").unlink()
        tree = CpufreqTree(doc.host.root / "sys", cpus=8)
        for cpu in (2, 3, 6):
            for file in tree.directory(cpu).iterdir():
                file.unlink()
        doc.finds("cpufreq", "note", "CPU 2-3,6: driver unknown", "bring one of its CPUs online")
        for cpu in (2, 3, 6):
            tree.directory(cpu).rmdir()
        tree.write(4, "related_cpus", "4 4096")
        lines = [finding[2] for finding in doc.all() if finding[0] == "cpufreq"]
        assert sorted(line.split(" driver")[0] for line in lines) == ["CPU 0-1,5,7:", "policy4:"]


def test_bounds_of_intel_pstate():
    """In passive mode requests can't exceed them; in active mode votes win."""
    with doctor("pstate") as doc:
        pstate = doc.stage.tree.cpu_directory / "intel_pstate"
        pstate.mkdir()

        def bounds(low, high):
            (pstate / "min_perf_pct").write_text(f"{low}\n")
            (pstate / "max_perf_pct").write_text(f"{high}\n")

        doc.stage.tree.write(0, "scaling_driver", "intel_cpufreq")
        bounds(36, 100)  # 1200000 of 3600000, and less than a step of 100000
        doc.well()
        for value in (37, 100):
            bounds(value, 100)
            doc.finds("cpufreq", "warning", f"min_perf_pct is {value}", "slower", "min_perf_pct=0")
        bounds(33, 99)
        doc.finds("cpufreq", "note", "max_perf_pct is 99", "faster", "echo 100")
        (doc.stage.tree.directory(0) / "cpuinfo_max_freq").unlink()
        doc.finds("cpufreq", "note", "max_perf_pct is 99")
        doc.stage.tree.write(0, "cpuinfo_max_freq", 3600000)
        doc.stage.tree.write(0, "scaling_driver", "intel_pstate")
        for low, high in ((100, 100), (33, 50)):
            bounds(low, high)
            doc.well()


def test_other_programs_that_set_frequencies():
    """By their name in the kernel."""
    with doctor("writers") as doc:
        for comm, name in (("tuned", "tuned"), ("thermald", "thermald"),
                           ("power-profiles-", "power-profiles-daemon")):
            doc.host.process(200, comm)
            doc.finds("writers", "warning", name, "pid 200", f"disable --now {name}")
        doc.host.process(200, "tunedx")
        doc.well()


def test_values_set_by_someone_else():
    """As verify reports them."""
    with doctor("foreign") as doc:
        domain = doc.stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        doc.well()
        doc.stage.tree.write(1, "scaling_setspeed", 2000000)
        doc.finds("foreign", "warning", "1 cpufreq files", "vmpowerctl verify")


def test_domains():
    """No channels, an unpinned vCPU, a channel that can't be connected."""
    with doctor("domains") as doc:
        stage = doc.stage
        stage.started("good", {0: "1"})
        doc.well()
        plain = stage.domain("plain", {0: "1"}, channels=())
        stage.hook(plain)
        doc.finds("domains", "note", "no power channels", "vmpowerctl attach plain")
        stage.hook(plain, "stopped")
        shell = stage.domain("a;reboot", {0: "1"}, channels=())
        stage.hook(shell)
        doc.finds("domains", "note", 'domain "a;reboot" has', "vmpowerctl attach DOMAIN")
        stage.hook(shell, "stopped")
        loose = stage.started("loose", {0: "0-7", 1: "2"}, vcpus=3)
        doc.finds("domains", "problem", 'domain "loose", vCPU 0,2', "virsh vcpupin loose")
        stage.hook(loose, "stopped")
        doc.well()
        dead = stage.domain("dead", {0: "1"})
        dead.close()
        stage.hook(dead)
        wait_until(lambda: stage.vmpower.channel("dead", 0)["error"], 20, "the error")
        doc.finds("domains", "problem", "channel 0: can't connect")


def test_domains_that_are_not_followed():
    """Settings that are invalid or refuse service, channels disabled or without a vCPU."""
    sections = {'domain "off"': {"serve": "no"}}
    with doctor("unfollowed", sections=sections) as doc:
        stage = doc.stage
        wrong = stage.domain("wrong", {0: "1"})
        wrong.metadata = metadata(turbo="maybe")
        stage.hook(wrong)
        wrong.accept()
        doc.finds("domains", "warning",
                  'domain "wrong": the settings in its <metadata> are ignored',
                  "<turbo> is 'maybe'; allowed is yes or no", "virsh metadata")
        stage.hook(wrong, "stopped")
        off = stage.domain("off", {0: "1"})
        stage.hook(off)
        doc.finds("domains", "note", 'domain "off" is not served: serve is no in [domain "off"], ',
                  "vmpower.conf:")
        stage.hook(off, "stopped")
        beyond = stage.started("beyond", {0: "1"}, channels=(0, 5))
        doc.finds("domains", "warning", 'domain "beyond", channel 5 has no vCPU: the domain has 1,',
                  "vmpowerctl detach beyond --vcpus 5, and vmpowerctl attach beyond")
        stage.hook(beyond, "stopped")
        stage.started("mute", {0: "1"})
        stage.vmpower.ctl("channel", "disable", "mute")
        doc.finds("domains", "note", 'domain "mute", channel 0: disabled by the operator',
                  "vmpowerctl channel enable mute")


def status_file(host, domain):
    """libvirt's file of a running domain."""
    host.write(f"run/libvirt/qemu/{domain.name}.xml",
               f"<domstatus state='running' pid='7'><monitor path='x'/>{domain.xml()}</domstatus>")


def test_pinning_on_a_host_whose_cpus_are_unknown():
    """Every affinity counts, also one to all CPUs."""
    with doctor("unknown", start=False) as doc:
        status_file(doc.host, StandinDomain(doc.stage.directory, "vm", {0: "0-7"}))
        assert [finding[1] for finding in doc.all() if finding[0] == "domains"] == ["problem"]
        for name in ("present", "online"):
            (doc.host.root / "sys/devices/system/cpu" / name).unlink()
        assert [finding[1] for finding in doc.all() if finding[0] == "domains"] == ["ok"]


def test_domains_without_the_daemon():
    """From libvirt's files; also a domain that the daemon should know and does not."""
    with doctor("status", start=False) as doc:
        one = StandinDomain(doc.stage.directory, "one", {0: "1"})
        two = StandinDomain(doc.stage.directory, "two", {0: "0-7"})
        status_file(doc.host, one)
        status_file(doc.host, two)
        found = {finding[2]: finding[1] for finding in doc.all() if finding[0] == "domains"}
        (bad,) = [text for text, status in found.items() if status == "problem"]
        assert len(found) == 2 and 'domain "two", vCPU 0: not pinned' in bad, found
        assert "virsh vcpupin two 0 CPU --live" in doc.run().stdout
        (doc.host.root / "run/libvirt/qemu/two.xml").unlink()
        doc.stage.vmpower.start()
        doc.finds("domains", "problem", 'domain "one" runs, and vmpowerd does not', "domain add one;")
        doc.stage.hook(one)
        one.accept()
        doc.stage.vmpower.wait_connected("one", 1)
        doc.well()
        doc.host.write("run/libvirt/qemu/bad.xml", "<domstatus><domain type='kvm'></domain>")
        doc.finds("domains", "problem", "bad.xml", "virsh edit")
        (doc.host.root / "run/libvirt/qemu/bad.xml").unlink()
        one.name = "bad"
        one.xml = lambda xml=one.xml: xml().replace("poweragent.0", "poweragent.x")
        status_file(doc.host, one)
        doc.finds("domains", "problem", 'domain "bad" is not served: channel virtio.serial.port.'
                  "poweragent.x must end in the number", "virsh edit bad")
        one.xml = lambda xml=one.xml: xml().replace("poweragent.x", "poweragnet.0")
        status_file(doc.host, one)
        doc.finds("domains", "warning", 'domain "bad": channel virtio.serial.port.poweragnet.0 is '
                  "not a power channel", "virtio.serial.port.poweragent.N")
        one.close()
        two.close()


def test_largest_domains():
    """A long name and long numbers are printed in full, also in commands to paste."""
    name, numbers = "n" * 250, range(881, 1008, 2)
    channels = dict.fromkeys(numbers, "/path")
    with doctor("large", start=False) as doc:
        file = doc.host.root / "run/libvirt/qemu/large.xml"

        def found(vcpus):
            xml = domain_xml(name, str(uuid.uuid4()), vcpus, {}, channels)
            doc.host.write(file.relative_to(doc.host.root), f"<domstatus>{xml}</domstatus>")
            (finding,) = [finding for finding in doc.all()
                          if finding[0] == "domains" and finding[1] != "ok"]
            return finding

        every = ",".join(str(number) for number in numbers)
        assert found(1)[3] == f"vmpowerctl detach {name} --vcpus {every}, and vmpowerctl attach {name}"
        assert f'domain "{name}", vCPU {every}: not pinned' in found(1024)[2]
        os.truncate(file, (16 << 20) + 1)
        (finding,) = [finding for finding in doc.all() if finding[0] == "domains"]
        assert finding[1:3] == ("warning", "domain of large.xml can't be read: File too large")


def test_lines_on_a_terminal():
    """Wrapped to its width; elsewhere a finding is one line."""
    with doctor("lines", start=False) as doc:
        plain = doc.run().stdout.splitlines()
        (wanted,) = [line for line in plain if line.startswith("problem  daemon")]
        assert len(wanted) > 100, wanted
        terminal = Terminal([*doc.command, "doctor"], columns=70, rows=40)
        try:
            assert terminal.end() == 1
            lines = terminal.screen.lines()
        finally:
            terminal.close()
        first = next(i for i, line in enumerate(lines) if line.startswith("problem  daemon"))
        own = [lines[first][19:]]
        own += [line[19:] for line in itertools.takewhile(lambda line: line.startswith(" " * 19),
                                                          lines[first + 1:])]
        assert wanted[19:] == " ".join(own) and len(own) > 2, own
        assert max(len(line) for line in lines) <= 70


def test_colours_on_a_terminal():
    """Not with NO_COLOR, nor into a file."""
    with doctor("colours", start=False) as doc:
        for no_color, wanted in ((None, True), ("1", False)):
            terminal = Terminal([*doc.command, "doctor"], term="linux", columns=200,
                                env={"NO_COLOR": no_color})
            try:
                assert terminal.end() == 1 and (b"\x1b[1;31mproblem" in terminal.output) == wanted
            finally:
                terminal.close()


if __name__ == "__main__":
    component_main()
