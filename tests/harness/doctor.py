# SPDX-License-Identifier: BSD-3-Clause
"""vmpowerctl doctor on a fake host: a directory with the files of /etc, /run, /proc and /sys."""

import contextlib
import json
import os
import time

from . import paths
from .cpufreq_tree import CpufreqTree
from .process import run
from .scene import scene

HOOK = "etc/libvirt/hooks/qemu.d/50-vmpower"
BOOT = 1_600_000_000
TICKS = os.sysconf("SC_CLK_TCK")


class HostDirectory:
    """A directory that stands for a sound /, and a fake systemctl."""

    def __init__(self, directory, sys_tree=None):
        self.root = directory / "root"
        self.tools = directory / "tools"
        self.tools.mkdir()
        self.systemctl("ExecReload={ path=/bin/kill ; start_time=[n/a] ; stop_time=[n/a] }")
        if sys_tree:
            self.root.mkdir()
            (self.root / "sys").symlink_to(sys_tree)
        else:
            CpufreqTree(self.root / "sys", cpus=4)
        self.write("proc/stat", f"cpu 1 2 3\nbtime {BOOT}\n")
        self.write(HOOK, "a program").chmod(0o755)
        self.process(100, "libvirtd", started=time.time() + 1000)
        self.write("run/libvirt/libvirt-sock", "")

    def write(self, path, text):
        """Write a file."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def process(self, pid, comm, started=0.0, context="unconfined"):
        """Add a running process."""
        fields = ["S"] + ["0"] * 18 + [str(int((started - BOOT) * TICKS))] + ["0"] * 20
        self.write(f"proc/{pid}/stat", f"{pid} (a) {comm}) {' '.join(fields)}\n")
        self.write(f"proc/{pid}/comm", f"{comm}\n")
        self.write(f"proc/{pid}/attr/current", f"{context}\n")

    def systemctl(self, output):
        """Set what systemctl prints."""
        program = self.tools / "systemctl"
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{output}\nEND\n")
        program.chmod(0o755)


class Doctor:
    """vmpowerctl doctor, for a scene's daemon and a host."""

    def __init__(self, stage, host):
        self.stage, self.host = stage, host
        self.command = [paths.BIN / "vmpowerctl", "--runtime-dir", stage.vmpower.runtime]
        self.command += ["--root", host.root]

    def run(self, *words):
        """The CompletedProcess."""
        env = {"PATH": f"{self.host.tools}:{paths.SEARCH}"}
        return run(*self.command, *words, "doctor", check=False, env=env)

    def all(self):
        """All findings, as (check, status, text, remedy)."""
        done = self.run("--json")
        answer = json.loads(done.stdout)
        findings = [tuple(finding.values()) for finding in answer["findings"]]
        for finding in answer["findings"]:
            assert list(finding) == ["check", "status", "text", "remedy"], finding
        states = [status for _check, status, _text, _remedy in findings]
        assert answer["problems"] == states.count("problem")
        assert answer["warnings"] == states.count("warning")
        assert answer["notes"] == states.count("note")
        wrong = answer["problems"] + answer["warnings"] > 0
        assert done.returncode == (1 if wrong else 0), done
        return findings

    def wrong(self):
        """All findings that are not "ok"."""
        return [finding for finding in self.all() if finding[1] != "ok"]

    def well(self):
        """Assert that nothing is found."""
        assert not self.wrong(), self.wrong()

    def finds(self, check, status, *texts):
        """Assert that only this is found, with a remedy."""
        wrong = self.wrong()
        assert [finding[:2] for finding in wrong] == [(check, status)], wrong
        for text in texts:
            assert text in f"{wrong[0][2]} / {wrong[0][3]}", (text, wrong)
        return wrong[0]


@contextlib.contextmanager
def doctor(name, start=True, **more):
    """A scene, its host and its doctor."""
    with scene(name, start=start, **more) as stage:
        yield Doctor(stage, HostDirectory(stage.directory, stage.tree.root))
