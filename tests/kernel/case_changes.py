# SPDX-License-Identifier: BSD-3-Clause
"""The driver is removed and loaded, boost is switched, the host is suspended, others write: below
votes.
"""

import ctypes
import os
from pathlib import Path

from tests.harness import paths
from tests.harness.kernel_cpufreq import HIGHEST, LOWEST, NON_TURBO, UP
from tests.harness.runner import Skip
from tests.harness.varlink import Varlink
from tests.harness.wait import wait_until
from tests.kernel.stage import each_method, scene

DRIVER = "acpi_cpufreq"
SET = "org.vmpower.Manager.SetOverride"
DELETE_MODULE, FINIT_MODULE = 176, 313  # numbers of system calls, x86-64
POWER = Path("/sys/power")
WAIT_S = 30


def _call(number, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def remove_driver():
    """rmmod"""
    _call(DELETE_MODULE, DRIVER.encode(), os.O_NONBLOCK)


def load_driver():
    """insmod"""
    (module,) = (paths.BUILD / "machine/kernel").glob("*acpi-cpufreq.ko")
    fd = os.open(module, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _call(FINIT_MODULE, fd, b"", 0)
    finally:
        os.close(fd)


def logged(stage, text, times=1):
    """Wait until the daemon has logged it so often."""
    wait_until(lambda: stage.log.read_text().count(text) >= times, WAIT_S, f'"{text}"')


def holds(stage, khz):
    """Wait until the registers of these CPUs hold that."""
    wait_until(
        lambda: all(stage.tree.register(cpu) == wish for cpu, wish in khz.items()),
        WAIT_S,
        f"registers to hold {khz}",
        state=lambda: (stage.tree.registers(), stage.tree.raw()),
    )


@each_method("reload")
def test_the_driver_is_removed_and_loaded_below_votes(stage):
    """No CPU's event tells. Votes are kept, requests meanwhile get NACK; the baseline is the new
    driver's.
    """
    remove_driver()
    load_driver()
    logged(stage, "policy1: driver acpi-cpufreq, method")
    stage.keep()  # the kernel's defaults
    domain = stage.started("vm", {0: "0", 1: "1"})
    for vcpu in (0, 1):
        assert domain.power(vcpu, "min") == "ack"
    assert domain.power(1, "up") == "ack"
    holds(stage, {0: LOWEST, 1: UP[1]})
    remove_driver()
    logged(stage, "policy1 is gone: its cpufreq driver was removed")
    assert domain.power(0, "min") == "nack"
    stage.tree.poke(0)
    stage.tree.poke(1)
    load_driver()
    logged(stage, "policy1: driver acpi-cpufreq, method", 2)
    holds(stage, {0: LOWEST, 1: UP[1]})
    assert domain.power(1, "up") == "ack"
    holds(stage, {0: LOWEST, 1: UP[2]})
    # so fast that nobody sees it away
    remove_driver()
    stage.tree.poke(0)
    stage.tree.poke(1)
    load_driver()
    logged(stage, "policy1: driver acpi-cpufreq, method", 3)
    holds(stage, {0: LOWEST, 1: UP[2]})
    assert domain.power(0, "max") == "ack"
    holds(stage, {0: HIGHEST, 1: UP[2]})
    stage.hook(domain, "stopped")
    stage.expect_bytes_soon()


@each_method("boost")
def test_boost_is_switched_below_a_vote(stage):
    """While it is off, max means the highest frequency without turbo; votes and baseline stay.

    The driver goes on to list the turbo frequency, and to set it for who asks.
    """
    if not stage.tree.boost_file.exists():
        raise Skip("this kernel does not believe that the CPU can boost")
    domain = stage.started("vm", {0: "0", 1: "1"})
    assert (domain.power(0, "max"), domain.power(1, "min")) == ("ack", "ack")
    stage.expect({0: HIGHEST, 1: LOWEST})
    stage.expect_controlled(2)
    for _ in range(2):
        stage.tree.boost(False)
        stage.expect({0: NON_TURBO, 1: LOWEST})  # nobody has asked again
        assert domain.power(1, "turbo") == "nack"
        assert domain.power(1, "max") == "ack"
        stage.expect({0: NON_TURBO, 1: NON_TURBO})
        assert domain.power(1, "down") == "ack"
        stage.expect({0: NON_TURBO, 1: UP[-3]})
        assert domain.power(1, "min") == "ack"
        stage.tree.boost(True)
        stage.expect({0: HIGHEST, 1: LOWEST})
    # the first vote and the last while it is off
    stage.hook(domain, "stopped")
    stage.expect_baseline_soon()
    stage.tree.boost(False)
    domain = stage.started("next", {0: "0", 1: "1"})
    for vcpu in (0, 1):
        assert domain.power(vcpu, "max") == "ack"
    stage.expect({0: NON_TURBO, 1: NON_TURBO})
    stage.tree.boost(True)
    stage.expect({0: HIGHEST, 1: HIGHEST})
    stage.tree.boost(False)
    stage.expect({0: NON_TURBO, 1: NON_TURBO})
    stage.hook(domain, "stopped")
    stage.expect_baseline_soon()
    stage.tree.boost(True)
    stage.expect({})
    said = [line for line in stage.log.read_text().splitlines() if "someone else" in line]
    assert not said, said


@each_method("suspend")
def test_the_host_is_suspended_below_a_vote(stage):
    """The hardware forgets, and the kernel does not see that it has to write again."""
    domain = stage.started("vm", {0: "1"})
    assert domain.power(0, "min") == "ack"
    stage.expect({1: LOWEST})
    stage.tree.poke(1)
    assert stage.tree.register(1) == HIGHEST
    Path("/sys/module/suspend/parameters/pm_test_delay").write_text("1", encoding="ascii")
    # the machine's root file system does not survive a suspend of its devices
    (POWER / "pm_test").write_text("freezer", encoding="ascii")
    (POWER / "state").write_text("mem", encoding="ascii")
    (POWER / "pm_test").write_text("none", encoding="ascii")
    stage.expect({1: LOWEST})
    assert domain.power(0, "max") == "ack"
    stage.expect({1: HIGHEST})


@each_method("foreign")
def test_someone_else_writes_below_a_vote(stage):
    """It is seen without a request, once; a pin of both limits stays at the end."""
    file = "scaling_setspeed" if stage.method == "setspeed" else "scaling_max_freq"
    text = f"policy1: {file} is {UP[2]}, vmpower had written"
    domain = stage.started("vm", {0: "1"})
    for times in (1, 2):
        for unit in ("max", "min"):
            assert domain.power(0, unit) == "ack"
        stage.expect({1: LOWEST})
        stage.tree.write(1, file, UP[2])
        logged(stage, text, times)
        said = stage.vmpower.ctl("explain", "1").stdout
        assert f"It runs at {UP[2]}: written by someone else" in said, said
    if stage.method == "limits":
        stage.tree.write(1, "scaling_min_freq", UP[2])
    stage.hook(domain, "stopped")
    stage.vmpower.wait_forgotten("vm")
    if stage.method == "limits":
        logged(stage, f"scaling_min_freq of policy1 is {UP[2]}, set by someone else")
        assert stage.tree.read(1, "scaling_max_freq") == str(UP[2])
        stage.tree.set(1, "performance")
        stage.expect({})
    stage.expect_baseline_soon()


def test_restored_limits_that_the_kernel_shows_late(cpufreq):
    """No warning that the kernel has changed them."""
    with scene(cpufreq, "late", "limits") as stage:
        stage.started("vm", {0: "0", 1: "1", 2: "2-3"})
        with Varlink(stage.vmpower.runtime / "control.sock") as client:
            client.call("org.vmpower.Manager.SetLogLevel", level="warning")
            for _ in range(30):
                for vcpu in range(3):
                    client.call(SET, domain="vm", vcpu=vcpu, action="khz", khz=UP[1])
                holds(stage, dict.fromkeys(range(3), UP[1]))
                for vcpu in range(3):
                    client.call(SET, domain="vm", vcpu=vcpu, action="release", khz=None)
        stage.expect_bytes_soon()
        text = stage.log.read_text()
        assert "the kernel changed it" not in text and "someone else" not in text, text[-2000:]
