# SPDX-License-Identifier: BSD-3-Clause
"""For tests on a real libvirtd: a host, guests on it, requests and their effect."""

import contextlib
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from .guest import Guest
from .host import HOOK, Host
from .isolate import isolate
from .process import milliseconds_since
from .runner import run_tests
from .wait import wait_until

LOWEST, HIGHEST = 1200000, 3600000
HOOK_BOUND_MS = 10000  # for the end, on a busy host; test_hook.py measures the deadline


class Stage:
    """Passed to every test: the host, and a runner to note figures."""

    def __init__(self, host, runner):
        self.host = host
        self.runner = runner
        self.vmpower = host.vmpower
        self.cpufreq = host.cpufreq
        self.first = host.real_cpus[0]
        self.second = host.real_cpus[1 % len(host.real_cpus)]

    @contextlib.contextmanager
    def guests(self, *specs, boot=True, persistent=False):
        """Start domains at once and boot them; in the end the baseline must be restored."""
        baseline = self.cpufreq.snapshot()
        guests = [Guest(self.host, *spec) for spec in specs]
        try:
            with ThreadPoolExecutor(len(guests)) as pool:
                list(pool.map(lambda guest: start(guest, persistent), guests))
            if boot:
                for guest in guests:
                    guest.boot()
                    guest.connect()
            yield guests
        finally:
            for guest in guests:
                if guest.state() == "running":
                    guest.destroy()
                if persistent:
                    self.host.virsh("undefine", "--managed-save", guest.name, check=False)
        self.host.wait_baseline(baseline)
        for guest in guests:
            self.vmpower.wait_forgotten(guest.name)

    def expect_khz(self, cpu, khz):
        """Wait for a frequency; None: none is set.

        A vote is answered at once: the first one on a frequency domain is written a moment later.
        """
        expect_khz(self.host, cpu, khz)


def start(guest, persistent):
    """Start one domain."""
    if persistent:
        guest.define().start()
    else:
        guest.create()


def vote(guest, vcpu, unit, expected="ack"):
    """Send a request from the guest and expect this answer."""
    answer, microseconds = guest.power(vcpu, unit)
    assert answer == expected, f"{guest.name}: vCPU {vcpu} {unit}: {answer}, not {expected}"
    return microseconds


def unharmed(guest, qemu):
    """Assert that it is the same domain, and that the guest answers."""
    assert guest.qemu_pid() == qemu, "QEMU is another or gone"
    assert guest.state() == "running", guest.state()
    assert guest.ask("ping") == ["ok"]


def call_hook(domain, operation, xml, extra="-"):
    """Run the installed hook as libvirt does; return milliseconds."""
    sub = "end" if operation in ("stopped", "release") else "begin"
    before = time.monotonic()
    done = subprocess.run(
        [HOOK, domain, operation, sub, extra], input=xml.encode(), capture_output=True, timeout=30
    )
    took = milliseconds_since(before)
    assert done.returncode == 0, f"hook {operation}: exit {done.returncode}"
    assert not done.stdout and not done.stderr, f"hook {operation} said: {done}"
    assert took < HOOK_BOUND_MS, f"hook {operation} took {took:.0f} ms"
    return took


def expect_khz(host, cpu, khz):
    """Wait for a frequency on a host; None: none is set."""
    wait_until(
        lambda: host.cpufreq.khz(cpu) == khz,
        30,
        f"pCPU {cpu} to be at {khz} kHz",
        state=lambda: host.cpufreq.khz(cpu),
    )


def isolated_host(runner, name, **options):
    """A Host in private namespaces, for the caller to enter; the Runner shows its logs."""
    isolate()
    host = Host(name, **options)
    runner.log_tails, runner.logs = host.log_tails, host.log
    return host


def system_main(**host_options):
    """Run the tests of a system script on one host; each may take its Stage."""

    @contextlib.contextmanager
    def one_host(name, runner):
        host = isolated_host(runner, name.removeprefix("test_"), **host_options)
        runner.after_failure = lambda: clean_up(host)
        with host:
            yield Stage(host, runner)

    run_tests(one_host)


def clean_up(host):
    """After a failed test: restore what the next one expects."""
    for guest in list(host.guests):
        with contextlib.suppress(AssertionError):
            guest.destroy()
    if not host.libvirtd:
        host.start_libvirtd()
    if not host.vmpower.process or host.vmpower.process.exit_status() is not None:
        host.vmpower.start()
