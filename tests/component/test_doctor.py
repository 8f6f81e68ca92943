# SPDX-License-Identifier: BSD-3-Clause
"""vmpowerctl doctor: each problem is found, and none where there is none."""

import itertools
import os
import re
import time
import uuid

from tests.harness.cpufreq_tree import CpufreqTree
from tests.harness.doctor import BOOT, HOOK, doctor
from tests.harness.interfaces import interface_xml
from tests.harness.process import run
from tests.harness.runner import Skip
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


def cpufreq_lines(doc):
    """The texts of the findings about frequency domains."""
    return [finding[2] for finding in doc.all() if finding[0] == "cpufreq"]


def test_cpufreq():
    """A line for each kind of frequency domain, as vmpowerd has them, not as files would have it."""
    with doctor("cpufreq") as doc:
        tree = doc.stage.tree
        (line,) = cpufreq_lines(doc)
        assert line == "CPU 0-7: driver acpi-cpufreq, governor schedutil, method setspeed", line
        tree.write(2, "scaling_governor", "userspace")
        doc.finds("cpufreq", "warning", "CPU 2:", "set another governor")
        domain = doc.stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"  # CPU 1 has governor userspace, and that is right
        doc.finds("cpufreq", "warning", "CPU 2:", "set another governor")
        tree.write(2, "scaling_governor", "schedutil")
        doc.stage.hook(domain, "stopped")
        doc.stage.vmpower.wait_forgotten("vm")
        tree.write(5, "scaling_available_governors", LIMITS_ONLY)
        assert cpufreq_lines(doc) == [line]
        doc.stage.vmpower.ctl("reload")
        doc.well()
        lines = cpufreq_lines(doc)
        limits = "CPU 5: driver acpi-cpufreq, governor schedutil, method limits"
        assert len(lines) == 2 and limits in lines, lines


def test_frequency_domains_that_vmpowerd_left_out():
    """Not sound, whatever the files say; a host without cpufreq."""
    sections = {"cpufreq": {"method": "setspeed"}}
    with doctor("left-out", start=False, sections=sections) as doc:
        for cpu in (4, 5):
            doc.stage.tree.write(cpu, "scaling_available_governors", LIMITS_ONLY)
        doc.stage.vmpower.start()
        doc.finds("cpufreq", "warning", "CPU 4-5: driver acpi-cpufreq: vmpowerd left it out",
                  "journalctl -u vmpowerd")
        assert len(cpufreq_lines(doc)) == 2
    with doctor("none", start=False) as doc:
        tree = doc.stage.tree
        (tree.cpu_directory / "cpufreq").rename(tree.root / "aside")
        doc.stage.vmpower.start()
        doc.finds("cpufreq", "problem", "CPU 0-7: no cpufreq driver", "load a driver")
        doc.stage.vmpower.stop()
        (finding,) = [finding for finding in doc.all() if finding[0] == "cpufreq"]
        assert finding[1] == "problem" and "no frequency domains" in finding[2], finding
        (tree.root / "aside").rename(tree.cpu_directory / "cpufreq")


def test_method():
    """vmpowerd's; doctor guesses none, and says so."""
    with doctor("method", sections={"cpufreq": {"method": "limits"}}) as doc:
        (line,) = cpufreq_lines(doc)
        assert line.endswith("method limits"), line
        doc.stage.vmpower.stop()
        (line,) = cpufreq_lines(doc)
        assert "vmpowerd does not answer" in line and "method" not in line, line
        # it might be vmpowerd that left this governor: no advice
        doc.stage.tree.write(0, "scaling_governor", "userspace")
        found = [finding for finding in doc.all() if finding[0] == "cpufreq"]
        assert len(found) == 2 and {finding[1] for finding in found} == {"ok"}, found
        doc.stage.tree.write(0, "scaling_governor", "schedutil")


def test_many_kinds():
    """Each kind has a line, with a daemon and without."""
    with doctor("kinds", start=False, cpus=12) as doc:
        for cpu in range(12):
            doc.stage.tree.write(cpu, "scaling_driver", f"driver{cpu}")
        for daemon in (False, True):
            if daemon:
                doc.stage.vmpower.start()
            lines = [re.split("[,(]", line)[0].strip() for line in cpufreq_lines(doc)]
            assert sorted(lines) == sorted(f"CPU {cpu}: driver driver{cpu}" for cpu in range(12)), lines


def test_cpus_that_are_not_told():
    """Offline CPUs are named as well, and so are long lists."""
    with doctor("offline") as doc:
        for cpu in (2, 3, 6):
            (doc.stage.tree.directory(cpu) / "scaling_governor").rename(
                doc.stage.directory / f"governor{cpu}")
        online = doc.stage.tree.cpu_directory / "online"
        online.write_text("0-1,4-5,7\n")
        doc.finds("cpufreq", "note", "CPU 2-3,6: driver acpi-cpufreq, governor unknown",
                  "bring one of its CPUs online")
        for cpu in (2, 3, 6):
            (doc.stage.directory / f"governor{cpu}").rename(
                doc.stage.tree.directory(cpu) / "scaling_governor")
        online.write_text("0-7\n")
        doc.stage.vmpower.stop()
        (doc.host.root / "sys").unlink()
        tree = CpufreqTree(doc.host.root / "sys", cpus=8)
        for cpu in (2, 3, 6):
            for file in tree.directory(cpu).iterdir():
                file.unlink()
        assert sorted(line.split(" driver")[0] for line in cpufreq_lines(doc)) == [
            "CPU 0-1,4-5,7:", "CPU 2-3,6:"]
        for cpu in (2, 3, 6):
            tree.directory(cpu).rmdir()
        tree.write(4, "related_cpus", "4 4096")
        assert sorted(line.split(" driver")[0] for line in cpufreq_lines(doc)) == [
            "CPU 0-1,5,7:", "policy4:"]


def test_threads_of_one_core():
    """A sibling that holds the core up, and a core of which one thread is pinned."""
    with doctor("smt", start=False) as doc:
        stage = doc.stage
        for cpu in range(4):
            stage.tree.core(cpu, cpu + 4)
        stage.vmpower.start()
        doc.well()
        (line,) = [finding[2] for finding in doc.all() if finding[0] == "smt"]
        assert line == "no thread of a core holds up another", line
        domain = stage.started("vm", {0: "0", 1: "4", 2: "1", 3: "5", 4: "2"}, vcpus=5,
                               channels=range(5))
        for vcpu, power in ((0, "min"), (1, "up"), (2, "min")):
            assert domain.power(vcpu, power) == "ack"
        found = {finding[2]: finding[1:] for finding in doc.wrong()}
        assert {finding[0] for finding in found.values()} == {"note"}, found
        for text, remedy in (
            ("CPU 0: the other thread of the core (CPU 4) has a higher target", "explain CPU"),
            ("CPU 1: the other thread of the core (CPU 5) is at its baseline", "has not voted"),
            ("CPU 2: the other thread of the core (CPU 6) has no pinned vCPU", "pin a vCPU"),
        ):
            (match,) = [whole for whole in found if whole.startswith(text)]
            assert remedy in found[match][2], found
        assert len(found) == 3, found
        assert domain.power(0, "max") == domain.power(2, "max") == "ack"
        assert [finding[2][:5] for finding in doc.wrong()] == ["CPU 2"]


def test_nova():
    """What its cpu_power_management writes, and the method that gets on with it."""
    with doctor("nova") as doc:
        doc.host.process(300, "nova-compute")
        doc.finds("nova", "note", "nova-compute runs", "is not where it usually is",
                  "method = limits")
        conf = doc.host.write("etc/nova/nova.conf", "[DEFAULT]\ncpu_power_management = true\n")
        doc.well()
        (line,) = [finding[2] for finding in doc.all() if finding[0] == "nova"]
        assert "leaves the power of CPUs alone" in line, line
        on = "[libvirt]\n# cpu_power_management = false\n cpu_power_management=True \n"
        conf.write_text(on)
        doc.finds("nova", "warning", "takes dedicated CPUs offline", "refuses to start",
                  "method = limits")
        drop_in = doc.host.write("etc/nova/nova.conf.d/10-power.conf",
                                 "[libvirt]\ncpu_power_management_strategy = governor\n")
        doc.finds("nova", "warning", "writes scaling_governor of dedicated CPUs",
                  "requests for these CPUs are refused", "method = limits")
        doc.stage.sections.setdefault("cpufreq", {})["method"] = "limits"
        doc.stage.vmpower.configure(doc.stage.sections)
        doc.stage.vmpower.ctl("reload")
        for _strategy in ("governor", "cpu_state"):
            doc.well()
            (line,) = [finding[2] for finding in doc.all() if finding[0] == "nova"]
            assert line.endswith("method limits gets on with that"), line
            drop_in.write_text("[libvirt]\ncpu_power_management_strategy = cpu_state\n")
        doc.stage.vmpower.stop()
        (finding,) = [finding for finding in doc.all() if finding[0] == "nova"]
        assert finding[1] == "note" and "vmpowerd does not answer" in finding[2], finding


def test_an_ordinary_user():
    """What it may not see is said; it gets no advice that follows from not seeing."""
    if os.geteuid():
        raise Skip("needs root, to be somebody else")
    with doctor("user") as doc:
        doc.stage.directory.chmod(0o711)
        (doc.host.root / "sys").unlink()
        tree = CpufreqTree(doc.host.root / "sys", cpus=8)
        tree.write(1, "scaling_governor", "userspace")  # perhaps vmpowerd's
        doc.host.write("sys/fs/selinux/enforce", "1")
        doc.host.write("sys/module/apparmor/parameters/enabled", "Y\n")
        doc.host.write("run/libvirt/virtqemud-sock", "")
        doc.host.process(101, "virtqemud", time.time() + 1000, "system_u:system_r:virtqemud_t:s0")
        doc.host.process(300, "nova-compute")
        doc.host.write("var/lib/selinux/targeted/active/modules/400/vmpower/cil", "")
        doc.host.write("etc/nova/nova.conf", "[libvirt]\ncpu_power_management = True\n")
        doc.host.write("etc/vmpower/vmpower.conf", "[limits]\nturbo = yes\n")
        hidden = [doc.host.root / path for path in ("var/lib/selinux", "etc/nova", "etc/vmpower")]
        doc.command = ["setpriv", "--reuid=61998", "--regid=61998", "--clear-groups", *doc.command]
        for path in hidden:
            path.chmod(0o700)
        seen = doc.wrong()
        (doc.host.root / "etc/libvirt").chmod(0o700)
        (doc.host.root / "run/libvirt").chmod(0o700)
        more = doc.wrong()
        for findings in (seen, more):
            assert {finding[1] for finding in findings} == {"note"}, findings
            for finding in findings:
                assert "use sudo" in finding[3], finding
        assert {finding[0] for finding in seen} == {"doctor", "config", "daemon", "selinux", "nova"}
        assert {finding[0] for finding in more} == {"doctor", "config", "daemon", "hook", "libvirt",
                                                    "selinux", "apparmor", "nova"}


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
        for comm, name, remedy in (
            ("tuned", "tuned", "devices=!cpuN"),
            ("thermald", "thermald", "thermal-cpu-cdev-order.xml"),  # it protects from heat
            ("power-profiles-", "power-profiles-daemon", "disable --now power-profiles-daemon"),
        ):
            doc.host.process(200, comm)
            finding = doc.finds("writers", "warning", name, "pid 200", remedy)
            assert ("disable" in finding[3]) == (name == "power-profiles-daemon"), finding
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
    """No channels, an unpinned vCPU, a channel that can't be connected or has a wrong name."""
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
        doc.finds("domains", "note", 'domain "a;reboot" has', f"vmpowerctl attach {shell.uuid}")
        stage.hook(shell, "stopped")
        for name in ("7", plain.uuid):  # of another domain: virsh tries id and UUID first
            misleading = stage.domain(name, {0: "1"}, channels=())
            stage.hook(misleading)
            doc.finds("domains", "note", f'domain "{name}" has',
                      f"vmpowerctl attach {misleading.uuid}")
            stage.hook(misleading, "stopped")
        loose = stage.started("loose", {0: "0-7", 1: "2"}, vcpus=3)
        doc.finds("domains", "problem", 'domain "loose", vCPU 0,2', "virsh vcpupin loose")
        stage.hook(loose, "stopped")
        doc.well()
        dead = stage.domain("dead", {0: "1"})
        dead.close()
        stage.hook(dead)
        wait_until(lambda: stage.vmpower.channel("dead", 0)["error"], 20, "the error")
        doc.finds("domains", "problem", "channel 0: can't connect")
        stage.hook(dead, "stopped")
        bad = stage.domain("bad", {0: "1"})
        bad.xml = lambda xml=bad.xml, **how: xml(**how).replace("poweragent.0", "poweragent.x")
        stage.hook(bad)
        wait_until(lambda: "bad" in stage.vmpower.domains(), 20, "its registration")
        doc.finds("domains", "problem", 'domain "bad" is not served in full: channel '
                  "virtio.serial.port.poweragent.x must end in the number", "virsh edit bad")


def test_interfaces_that_are_not_counted():
    """Only of domains whose policy goes by traffic, and of those that it names."""
    sections = {'domain "vm"': {"policy": "traffic"},
                'domain "some"': {"policy": "traffic", "policy-interfaces": "vnet9, vnet1"}}
    with doctor("uncounted", sections=sections) as doc:
        domains = [doc.stage.started(name, {0: "1"}, interfaces=1)
                   for name in ("vm", "some", "none")]
        doc.well()
        for domain in domains:
            wire = domain.interfaces[0]
            wire.xml = lambda wire=wire: interface_xml(wire.target, wire.mac, "vhostuser")
        doc.stage.hook(domains[2], "reconnect")
        shown = wait_until(
            lambda: (i := doc.stage.vmpower.show("none")["interfaces"][0])["reason"] and i, 20,
            "the new XML")
        assert (shown["mac"], shown["device"], shown["counted"]) == (
            domains[2].interfaces[0].mac, "vnet2", False), shown
        doc.well()
        for domain in domains[:2]:
            doc.stage.hook(domain, "reconnect")
            doc.finds("domains", "warning", domain.interfaces[0].mac, "vhostuser", "let the guest ask")
            doc.stage.hook(domain, "stopped")
        doc.well()


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
        assert all("since vmpowerd does not answer" in text for text in found), found
        assert "virsh vcpupin two 0 CPU --live" in doc.run().stdout
        (doc.host.root / "run/libvirt/qemu/two.xml").unlink()
        doc.stage.vmpower.start()
        doc.finds("domains", "problem", 'domain "one" runs, and vmpowerd does not', "domain add one;")
        # whether its vCPUs are pinned is vmpowerd's to say
        assert not [finding for finding in doc.all() if "pinned" in finding[2]]
        doc.stage.hook(one)
        one.accept()
        doc.stage.vmpower.wait_connected("one", 1)
        doc.well()
        doc.host.write("run/libvirt/qemu/bad.xml", "<domstatus><domain type='kvm'></domain>")
        doc.finds("domains", "problem", "bad.xml", "virsh edit")
        (doc.host.root / "run/libvirt/qemu/bad.xml").unlink()
        known = one.uuid
        one.name, one.uuid = "bad", str(uuid.uuid4())  # vmpowerd does not know it
        one.xml = lambda xml=one.xml: xml().replace("poweragent.0", "poweragent.x")
        status_file(doc.host, one)
        doc.finds("domains", "problem", 'domain "bad" is not served in full: channel '
                  "virtio.serial.port.poweragent.x must end in the number", "virsh edit bad")
        (doc.host.root / "run/libvirt/qemu/bad.xml").unlink()
        one.name = "7"  # virsh would take it for an id: the UUID is safe
        status_file(doc.host, one)
        doc.finds("domains", "problem", 'domain "7" is not served in full', f"virsh edit {one.uuid}")
        (doc.host.root / "run/libvirt/qemu/7.xml").unlink()
        one.name, one.uuid = "bad", known
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
