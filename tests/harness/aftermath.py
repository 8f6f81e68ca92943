# SPDX-License-Identifier: BSD-3-Clause
"""vmpower after a chaos test: what it holds, what it printed, how long its hooks took."""

import re

from . import paths
from .process import alive
from .supervisor import named, usage
from .wait import wait_until

# The hook's own deadline is 200 ms; the rest is for a host with more guests than CPUs.
# A process that is stopped stays stopped for longer.
HOOK_BOUND_MS = 3000
MORE_KIB = 4096  # private memory that a daemon may gain after its start
FATAL = re.compile(r"AddressSanitizer|LeakSanitizer|runtime error|system call|"
                   r"signal (?:4|6|7|8|11|31)\b|Segmentation|Assertion")


class Aftermath:
    """A host before the test, to compare with. before: what vmpower had then."""

    def __init__(self, host):
        self.host, self.vmpower = host, host.vmpower
        self.before = self._footprint()

    def _footprint(self):
        manager = self.vmpower.process.pid
        return {
            "manager": usage(manager),
            "monitor": usage(self.vmpower.status()["monitor_pid"]),
            "files": sorted(path.name for path in self.vmpower.runtime.iterdir()),
            "processes": {name: sum(map(alive, named(name))) for name in paths.PROGRAMS},
            "kept": self._kept(),
        }

    def _kept(self):
        """What a successor would get."""
        return sorted(path.name for path in (self.vmpower.runtime / "domains").iterdir())

    def check_footprint(self):
        """Assert no more fds, memory, files or processes than before. Return what there is now."""
        before = self.before

        def same():
            now = self._footprint()
            return all(now[who]["fds"] <= before[who]["fds"] for who in ("manager", "monitor")) \
                and all(now[what] == before[what] for what in ("files", "processes", "kept"))

        wait_until(same, 30, "what was taken to be given back",
                   state=lambda: f"{self._footprint()}, was {before}")
        now = self._footprint()
        for who in ("manager", "monitor"):
            assert now[who]["kib"] <= before[who]["kib"] + MORE_KIB, f"{who}: {before} -> {now}"
        return now

    def check_hooks(self, stops):
        """Assert that no hook printed anything or was slow. Return their times in ms, in order.

        stops: [begin, end] of time.time() while libvirtd, which measures, was stopped
        """
        runs = [hook for hook in self.host.hook_runs() if not any(
            since <= hook.begin.timestamp() + hook.milliseconds / 1000
            and hook.begin.timestamp() <= until for since, until in stops)]
        bad = [(hook.domain, hook.operation, str(hook.begin), hook.complaint)
               for hook in runs if hook.complaint]
        assert not bad, bad
        slow = [(hook.domain, hook.operation, str(hook.begin), hook.milliseconds)
                for hook in runs if hook.milliseconds > HOOK_BOUND_MS]
        assert not slow, slow
        return sorted(hook.milliseconds for hook in runs)

    def check_log(self):
        """Assert that no daemon died by itself."""
        text = self.host.log.joinpath("vmpowerd.log").read_text(errors="replace")
        bad = [line for line in text.splitlines() if FATAL.search(line)]
        assert not bad, bad[:10]
