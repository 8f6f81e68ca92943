# SPDX-License-Identifier: BSD-3-Clause
"""vmpower's programs, run by a test."""

import json
import os
import re
import signal
from pathlib import Path

from . import paths
from .process import Process, alive, run
from .wait import wait_until

READY_S = 30
SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? (\d+)(\.\d+)?")
LABEL = re.compile(r'(\w+)="([^"]*)"')
REFUSED = 1  # vmpowerctl's exit status: vmpowerd replied with an error


def configuration(sections):
    """Format {"cpufreq": {"sysfs": "/x"}} as a configuration file."""
    lines = []
    for section, keys in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {value}" for key, value in keys.items()]
        lines.append("")
    return "\n".join(lines)


class Vmpower:
    """vmpowerd with its monitor, and vmpowerctl to talk to it."""

    def __init__(self, directory, runtime, sections, log):
        self.directory = Path(directory)
        self.runtime = Path(runtime)
        self.runtime.mkdir(mode=0o755, parents=True, exist_ok=True)
        self.config = self.directory / "vmpower.conf"
        self.log = Path(log)
        self.process = None
        self.service_manager = None  # a ServiceManager, if the test plays systemd
        self.env = {}  # of its processes, besides ours
        self.lease_s = 20  # of its monitor; shorter than by default, for tests that fail
        self.configure(sections)

    def configure(self, sections):
        """Write the configuration for the next start."""
        self.config.write_text(configuration(sections), encoding="utf-8")

    @property
    def hook_socket(self):
        """The path of the hook's socket."""
        return self.runtime / "hook.sock"

    def launch(self, preexec=None):
        """Start vmpowerd without waiting; preexec: called first in its process."""
        command = [paths.BIN / "vmpowerd", "--config", self.config, "--runtime-dir", self.runtime,
                   "--lease", self.lease_s]
        env, fds = dict(self.env), ()
        if self.service_manager:
            command, fds = self.service_manager.command(command)
            env.update(self.service_manager.environment())
        self.process = Process(command, self.log, env=env, preexec=preexec, pass_fds=fds)
        return self.process

    def start(self, preexec=None):
        """Start vmpowerd, wait until it serves."""
        self.launch(preexec)
        wait_until(self._ready, READY_S, "vmpowerd to be ready", state=self._state)
        return self

    def _ready(self):
        if self.process.exit_status() is not None:
            raise AssertionError(f"vmpowerd ended with {self.process.exit_status()}")
        status = self.try_status()
        return status and status.get("monitor_pid")

    def _state(self):
        return self.ctl("status", check=False).stderr.strip() or "no monitor"

    def stop(self):
        """As systemctl stop: everything is put back, and the monitor ends."""
        if self.process:
            # under systemd ExecStop= says that it is a stop: packaging/systemd/vmpower-stopping
            number = signal.SIGINT if self.service_manager else signal.SIGTERM
            status = self.process.stop(number)
            self.process = None
            assert status == 0, f"vmpowerd ended with {status}"

    def leave(self):
        """As systemctl restart before the start: it leaves the monitor. Return its pid."""
        monitor = self.status()["monitor_pid"]
        status = self.process.stop(signal.SIGUSR1)
        self.process = None
        assert status == 0, f"vmpowerd ended with {status}"
        return monitor

    def restart(self):
        """As systemctl restart."""
        self.leave()
        return self.start()

    def kill(self):
        """SIGKILL the manager; the monitor goes on. Return the monitor's pid."""
        monitor = self.status()["monitor_pid"]
        self.process.kill()
        self.process = None
        return monitor

    def kill_both(self):
        """SIGKILL the manager, then the monitor."""
        monitor = self.kill()
        os.kill(monitor, signal.SIGKILL)
        wait_until(lambda: not alive(monitor), 10, "the monitor's end")

    def kill_monitor(self):
        """SIGKILL the monitor; wait for another."""
        before = self.status()["monitor_pid"]
        os.kill(before, signal.SIGKILL)

        def replaced():
            status = self.try_status()
            return status and status.get("monitor_pid") not in (None, before)

        wait_until(replaced, 20, "another monitor")

    def ctl(self, *words, check=True, as_json=False, timeout=30):
        """Run vmpowerctl, return the CompletedProcess."""
        options = ["--runtime-dir", self.runtime] + (["--json"] if as_json else [])
        return run(paths.BIN / "vmpowerctl", *options, *words, check=check, timeout=timeout)

    def ask(self, *words):
        """Run vmpowerctl --json, return what it printed."""
        return json.loads(self.ctl(*words, as_json=True).stdout)

    def status(self):
        """vmpowerctl status."""
        return self.ask("status")

    def try_status(self):
        """As status(); None: vmpowerd does not answer."""
        result = self.ctl("status", check=False, as_json=True)
        return json.loads(result.stdout) if result.returncode == 0 else None

    def domains(self):
        """vmpowerctl list: {name: summary}."""
        return {domain["name"]: domain for domain in self.ask("list")["domains"]}

    def metrics(self):
        """vmpowerctl metrics: {(name, frozenset of its labels): value}."""
        samples = {}
        for line in self.ctl("metrics").stdout.splitlines():
            if not line.startswith("#"):
                name, labels, whole, part = SAMPLE.fullmatch(line).groups()
                value = float(whole + part) if part else int(whole)
                samples[name, frozenset(LABEL.findall(labels or ""))] = value
        return samples

    def metric(self, name, **labels):
        """The value of the one sample with these labels."""
        (value,) = (
            value
            for (known, of_it), value in self.metrics().items()
            if known == name and labels.items() <= set(of_it)
        )
        return value

    def show(self, domain):
        """vmpowerctl show; None: not registered."""
        result = self.ctl("show", domain, check=False, as_json=True)
        if result.returncode == REFUSED:
            return None
        assert result.returncode == 0, f"vmpowerctl show {domain}: {result.stderr.strip()}"
        return json.loads(result.stdout)["domain"]

    def channel(self, domain, number):
        """One channel, from vmpowerctl show."""
        shown = self.show(domain)
        assert shown, f"domain {domain} is not registered"
        return next(channel for channel in shown["channels"] if channel["number"] == number)

    def wait_connected(self, domain, channels, timeout=30):
        """Wait until a domain has exactly so many channels, all connected."""

        def connected():
            shown = self.show(domain)
            states = [channel["state"] for channel in shown["channels"]] if shown else []
            return len(states) == channels and all(state == "connected" for state in states)

        wait_until(
            connected,
            timeout,
            f"{channels} connected channels of {domain}",
            state=lambda: self._channels_text(domain),
        )

    def _channels_text(self, domain):
        try:
            shown = self.show(domain)
        except AssertionError as error:
            return error
        if not shown:
            return f"{domain} is not registered"
        return "; ".join(
            f"channel {channel['number']} {channel['state']} {channel.get('error') or ''}".strip()
            for channel in shown["channels"]
        )

    def wait_forgotten(self, domain, timeout=30):
        """Wait until a domain is no longer registered."""
        wait_until(lambda: domain not in self.domains(), timeout, f"{domain} to be unregistered")
