# SPDX-License-Identifier: BSD-3-Clause
"""The hardware can't follow: votes count all the same, it is tried again, and seldom."""

import contextlib
import os

from tests.harness.process import refused_writes, run
from tests.harness.runner import Skip
from tests.harness.scene import HIGHEST, LIMITS_ONLY, LOWEST, component_main, scene
from tests.harness.wait import wait_until
from tests.harness.written import Written

GOOD, BROKEN = 1, 2  # pCPUs, and their frequency domains
WRITES = 2  # of the governor, each time: userspace, and back to the baseline
ATTEMPTS = 6  # so many that the back-off is longer than the second that each has to wait
SOON_S = 1.3  # a busy host may note the one before late


@contextlib.contextmanager
def broken(stage):
    """Meanwhile its governor can be set, but the frequency's file can't be opened for writing."""
    if os.geteuid():
        raise Skip("needs root, to mount")
    place = stage.directory / "read-only"
    place.mkdir()
    file = stage.tree.directory(BROKEN) / "scaling_setspeed"
    run("mount", "-t", "tmpfs", "read-only", place)
    try:
        (place / "file").write_text(file.read_text())
        run("mount", "-o", "remount,ro", place)
        file.rename(file.with_name("hidden"))
        file.symlink_to(place / "file")
        yield
        file.with_name("hidden").rename(file)
    finally:
        run("umount", "--lazy", place)


def test_a_broken_frequency_domain_beside_a_good_one(runner):
    """A guest votes on both as fast as it can: the good one follows, the other is tried seldom."""
    with scene("broken") as stage, broken(stage):
        governor = stage.tree.directory(BROKEN) / "scaling_governor"
        domain = stage.started("vm", {0: f"{GOOD}-{BROKEN}"})
        with Written(governor) as written:
            answers = []

            def tried_often():
                for unit, khz in (("max", HIGHEST), ("min", LOWEST)) * 50:
                    answers.append(domain.power(0, unit))
                    if "nack" in answers[-2:-1]:  # the good one was acquired first
                        assert stage.tree.khz(GOOD) == khz, "the good one follows each vote"
                return len(written.times) >= ATTEMPTS * WRITES

            wait_until(tried_often, 60, "it to be tried again and again", poll=0)
            tries = written.times[: ATTEMPTS * WRITES : WRITES]
        gaps = [round(later - sooner, 1) for sooner, later in zip(tries, tries[1:])]
        runner.note(f"{len(answers)} requests beside tries after {gaps} s")
        assert sum(gaps) > ATTEMPTS / 2 and gaps[-1] > SOON_S, gaps
        assert "ack" not in answers[answers.index("nack") :], "in force for a moment"
        assert stage.tree.governor(BROKEN) == stage.baseline[BROKEN, "scaling_governor"]
        assert stage.vmpower.ask("explain", BROKEN)["write_error"] == "Read-only file system"
        stage.expect({GOOD: LOWEST})


def test_it_follows_as_soon_as_it_can():
    """What the guest said last, without another request, even if that was answered with NACK."""
    with scene("recovers") as stage:
        with broken(stage):
            domain = stage.started("vm", {0: f"{BROKEN}"})
            assert domain.power(0, "min") == "ack"
            wait_until(lambda: domain.power(0, "min") == "nack", 20, "it to fail")
            assert domain.power(0, "max") == "nack"
            stage.expect({})
        stage.expect({BROKEN: HIGHEST})
        assert domain.power(0, "max") == "ack"


def test_it_follows_as_soon_as_the_kernel_takes_a_frequency():
    """The same where writes are refused, with both methods."""
    for governors in (None, LIMITS_ONLY):
        with scene("refused", governors=governors) as stage:
            domain = stage.started("vm", {0: f"{GOOD}"})
            assert domain.power(0, "min") == "ack"
            stage.expect({GOOD: LOWEST})
            with refused_writes(stage.vmpower.status()["monitor_pid"]):
                assert domain.power(0, "max") == "nack"
                stage.expect({GOOD: LOWEST})
            stage.expect({GOOD: HIGHEST})
            assert domain.power(0, "max") == "ack"


if __name__ == "__main__":
    component_main()
