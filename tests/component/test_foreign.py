# SPDX-License-Identifier: BSD-3-Clause
"""Others write to our files: that is noticed and reported once, never fought silently."""

import os

from tests.harness.cpufreq_tree import BASELINE_GOVERNOR
from tests.harness.scene import (
    HIGHEST, LIMITS_ONLY, LOWEST, UP, component_main, scene, service,
)
from tests.harness.wait import wait_until
from tests.harness.written import Written

REASSERT = {"cpufreq": {"foreign": "reassert"}}


def log(stage):
    """The daemon's whole log."""
    return stage.log.read_text(encoding="utf-8", errors="replace")


def noticed(stage, text, times=1):
    """Wait until the daemon has logged it so often: no request is needed."""
    wait_until(lambda: log(stage).count(text) >= times, 20, f'"{text}"', state=lambda: log(stage))
    assert log(stage).count(text) == times


def quiet(stage, domain, text):
    """It goes on as before, without another message."""
    said = log(stage).count(text)
    for unit in ("max", "min") * 20:
        assert domain.power(0, unit) == "ack"
    assert log(stage).count(text) == said


def n_foreign(stage):
    """The counter of foreign writes to policy2."""
    name = "vmpower_frequency_domain_foreign_writes_total"
    lines = stage.vmpower.ctl("metrics").stdout.splitlines()
    (line,) = (line for line in lines if line.startswith(name) and 'frequency_domain="2"' in line)
    return float(line.split()[-1])


def test_a_speed_that_someone_else_has_set():
    """Also right after ours: reported once, counted, explained; the next change is written."""
    with scene("speed") as stage:
        domain = stage.started("vm", {0: "2"})
        assert domain.power(0, "min") == "ack"
        stage.expect({2: LOWEST})
        for times in (1, 2):
            stage.tree.write(2, "scaling_setspeed", UP[2])
            noticed(stage, f"policy2: scaling_setspeed is {UP[2]}, vmpower had written", times)
            said = stage.vmpower.ctl("explain", "2").stdout
            assert f"It runs at {UP[2]}: written by someone else" in said, said
            rows = stage.vmpower.ctl("cpu").stdout.splitlines()
            (row,) = (row for row in rows if row.split()[0] == "2")
            assert row.endswith(f"runs at {UP[2]}: written by someone else"), row
            # the same again is the same episode
            stage.tree.write(2, "scaling_setspeed", UP[2])
            quiet(stage, domain, "written by someone else")
            stage.expect({2: LOWEST})
            assert n_foreign(stage) == times
            assert "someone else" not in stage.vmpower.ctl("explain", "2").stdout
            assert stage.vmpower.ask("cpu")["cpus"][2]["foreign"] is None


def test_a_rounding_is_not_taken_for_someone_elses():
    """A driver may show a frequency that is a little off."""
    with scene("rounded") as stage:
        domain = stage.started("vm", {0: "2", 1: "3"})
        assert domain.power(0, "min") == domain.power(1, "min") == "ack"
        stage.expect({2: LOWEST, 3: LOWEST})
        stage.tree.write(2, "scaling_setspeed", LOWEST + 1)
        stage.tree.write(3, "scaling_setspeed", UP[2])
        noticed(stage, "policy3: scaling_setspeed is")
        assert "policy2: scaling_setspeed is" not in log(stage)
        assert domain.power(0, "max") == domain.power(1, "max") == "ack"


def test_limits_that_someone_else_has_set():
    """Either of the two files is enough: reported once, counted, explained."""
    for name in ("scaling_min_freq", "scaling_max_freq"):
        with scene(name, governors=LIMITS_ONLY) as stage:
            domain = stage.started("vm", {0: "2"})
            assert domain.power(0, "min") == "ack"
            stage.expect({2: LOWEST})
            stage.tree.write(2, name, UP[2])
            noticed(stage, f"policy2: {name} is {UP[2]}, vmpower had written {LOWEST}")
            said = stage.vmpower.ctl("explain", "2").stdout
            assert f"It runs at {UP[2]}: written by someone else" in said, said
            quiet(stage, domain, "someone else")
            stage.expect({2: LOWEST})
            assert n_foreign(stage) == 1
            assert "someone else" not in stage.vmpower.ctl("explain", "2").stdout


def limits(stage):
    """What the two files of policy2 hold."""
    return tuple(int(stage.tree.read(2, f"scaling_{end}_freq")) for end in ("min", "max"))


def become(stage, low, high):
    """Wait for both limits."""
    wait_until(lambda: limits(stage) == (low, high), 20, f"{low} to {high}",
               state=lambda: limits(stage))


def test_another_governor_makes_another_limit_decide():
    """Method limits: with performance the maximum decides alone, with powersave the minimum."""
    with scene("decides", governors=LIMITS_ONLY) as stage:
        stage.tree.write(2, "scaling_min_freq", UP[1])
        stage.tree.write(2, "scaling_governor", "performance")
        domain = stage.started("vm", {0: "2"})
        assert domain.power(0, "max") == "ack"
        become(stage, UP[1], HIGHEST)
        assert domain.power(0, "down") == "ack"
        become(stage, UP[1], UP[-2])
        cpu = stage.vmpower.ask("cpu")["cpus"][2]
        assert cpu["target_khz"] == cpu["lowest_khz"] == UP[-2], cpu
        for governor, low, high in (("powersave", UP[-2], HIGHEST), ("schedutil", UP[-2], UP[-2]),
                                    ("performance", UP[1], UP[-2])):
            stage.tree.write(2, "scaling_governor", governor)
            become(stage, low, high)
        # each alone is enough for a stranger to be noticed
        stage.tree.write(2, "scaling_min_freq", UP[2])
        noticed(stage, f"policy2: scaling_min_freq is {UP[2]}, vmpower had written {UP[1]}")
        stage.tree.write(2, "scaling_min_freq", UP[1])
        stage.hook(domain, "stopped")
        become(stage, UP[1], HIGHEST)
        stage.tree.write(2, "scaling_min_freq", LOWEST)
        stage.tree.write(2, "scaling_governor", BASELINE_GOVERNOR)


def test_what_others_write_before_a_restart_and_after_a_monitors_death():
    """The next monitor's files are watched as well."""
    with scene("deaths") as stage:
        domain = stage.started("vm", {0: "2"})
        assert domain.power(0, "min") == "ack"
        stage.expect({2: LOWEST})
        stage.vmpower.kill_monitor()
        stage.vmpower.wait_connected("vm", 1)
        assert domain.power(0, "max") == domain.power(0, "min") == "ack"
        stage.tree.write(2, "scaling_setspeed", UP[2])
        noticed(stage, "written by someone else")
        assert domain.power(0, "max") == "ack"


def take_governor(stage):
    """As tuned or an admin does; the kernel then shows no speed."""
    stage.tree.write(2, "scaling_setspeed", "<unsupported>")
    stage.tree.write(2, "scaling_governor", "performance")


def test_a_governor_that_someone_else_has_chosen_is_reported():
    """It stays, also at the end; the log says what to do."""
    with scene("report") as stage:
        domain = stage.started("vm", {0: "2"})
        assert domain.power(0, "min") == "ack"
        stage.expect({2: LOWEST})
        take_governor(stage)
        noticed(stage, "its governor is not userspace any more")
        assert "foreign = reassert" in log(stage)
        assert stage.tree.governor(2) == "performance"
        said = stage.vmpower.ctl("explain", "2").stdout
        assert "under governor performance: written by someone else" in said, said
        stage.hook(domain, "stopped")
        wait_until(lambda: "left as it is" in log(stage), 20, "the restore's report")
        assert stage.tree.governor(2) == "performance"
        stage.tree.write(2, "scaling_governor", BASELINE_GOVERNOR)


def test_a_governor_that_is_userspace_again():
    """The frequency that the kernel chose meanwhile is replaced by ours, without a request."""
    with scene("again") as stage:
        domain = stage.started("vm", {0: "2"})
        assert domain.power(0, "min") == "ack"
        stage.expect({2: LOWEST})
        take_governor(stage)
        noticed(stage, "its governor is not userspace any more")
        stage.tree.write(2, "scaling_setspeed", HIGHEST)
        stage.tree.write(2, "scaling_governor", "userspace")
        stage.expect({2: LOWEST})
        assert domain.power(0, "up") == "ack"
        stage.expect({2: UP[1]})


def test_a_governor_that_someone_else_has_chosen_is_set_again():
    """[cpufreq] foreign = reassert: at once, and again; our frequency with it."""
    with scene("reassert", REASSERT) as stage:
        domain = stage.started("vm", {0: "2"})
        assert domain.power(0, "min") == "ack"
        stage.expect({2: LOWEST})
        for times in (1, 2):
            take_governor(stage)
            noticed(stage, "its governor is not userspace any more", times)
            stage.expect({2: LOWEST})
        quiet(stage, domain, "its governor is not userspace")
        assert domain.power(0, "max") == "ack"
        stage.expect({2: HIGHEST})
        # the original baseline is restored
        stage.hook(domain, "stopped")
        stage.expect({})


def test_a_governor_that_was_changed_while_no_manager_ran():
    """Method setspeed: the next one reports it, or sets it again."""
    for sections, khz in ((None, None), (REASSERT, LOWEST)):
        with service(f"away-{khz}", sections=sections) as (stage, _):
            domain = stage.started("vm", {0: "2", 1: "3"})
            assert domain.power(0, "min") == domain.power(1, "min") == "ack"
            stage.expect({2: LOWEST, 3: LOWEST})
            monitor = stage.vmpower.kill()
            take_governor(stage)
            stage.vmpower.start()
            assert stage.vmpower.status()["monitor_pid"] == monitor
            noticed(stage, "policy2: its governor is not userspace any more")
            assert n_foreign(stage) == 1
            if khz:
                stage.expect({2: khz, 3: LOWEST})
                assert domain.power(0, "max") == "ack"
                continue
            assert stage.tree.governor(2) == "performance"
            said = stage.vmpower.ctl("explain", "2").stdout
            assert "under governor performance: written by someone else" in said, said
            assert "policy3" not in log(stage)
            assert domain.power(1, "max") == "ack"
            stage.tree.write(2, "scaling_setspeed", HIGHEST)
            stage.tree.write(2, "scaling_governor", "userspace")
            stage.expect({2: LOWEST, 3: HIGHEST})


def test_what_decides_after_a_change_while_no_manager_ran():
    """Method limits: both files are as the governor that is there now needs them."""
    with service("decides-away", governors=LIMITS_ONLY) as (stage, _):
        stage.tree.write(2, "scaling_min_freq", UP[1])
        stage.tree.write(2, "scaling_governor", "performance")
        domain = stage.started("vm", {0: "2"})
        assert domain.power(0, "max") == domain.power(0, "down") == "ack"
        become(stage, UP[1], UP[-2])
        for governor, low, high in (("powersave", UP[-2], HIGHEST), ("schedutil", UP[-2], UP[-2]),
                                    ("performance", UP[1], UP[-2])):
            monitor = stage.vmpower.kill()
            stage.tree.write(2, "scaling_governor", governor)
            stage.vmpower.start()
            assert stage.vmpower.status()["monitor_pid"] == monitor
            become(stage, low, high)
            cpu = stage.vmpower.ask("cpu")["cpus"][2]
            assert cpu["target_khz"] == cpu["lowest_khz"] == UP[-2], cpu
        # one write: the other file stays as it is
        with Written(stage.tree.directory(2) / "scaling_min_freq") as written:
            assert domain.power(0, "down") == "ack"
            become(stage, UP[1], UP[-3])
            assert not written.times
        assert "someone else" not in log(stage)
        assert n_foreign(stage) == 0
        assert "its governor was changed" not in log(stage), "not known at the takeover"
        stage.hook(domain, "stopped")
        become(stage, UP[1], HIGHEST)
        assert stage.tree.governor(2) == "performance"
        stage.tree.write(2, "scaling_min_freq", LOWEST)
        stage.tree.write(2, "scaling_governor", BASELINE_GOVERNOR)


def silently(stage, name, value):
    """As the kernel or the hardware changes it; yields what keeps the file open."""
    fd = os.open(stage.tree.directory(2) / name, os.O_WRONLY)
    os.pwrite(fd, f"{value}\n".encode(), 0)
    return fd


def test_the_host_was_suspended_or_turbo_was_switched():
    """What was in force is written again, though nothing shows that it is not."""
    for name in ("power/state", "devices/system/cpu/cpufreq/boost",
                 "devices/system/cpu/intel_pstate/no_turbo",
                 "devices/system/cpu/amd_pstate/status"):
        with scene(name.replace("/", "-"), start=False) as stage:
            path = stage.tree.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("0\n")
            stage.vmpower.start()
            domain = stage.started("vm", {0: "2"})
            assert domain.power(0, "min") == "ack"
            stage.expect({2: LOWEST})
            fd = silently(stage, "scaling_setspeed", UP[3])
            path.write_text("0\n")
            stage.expect({2: LOWEST})
            os.close(fd)
            assert "someone else" not in log(stage)
            assert domain.power(0, "max") == "ack"


def test_turbo_is_switched_off_below_a_vote():
    """The table loses its turbo steps; the vote is kept as far as that goes."""
    with scene("turbo", start=False) as stage:
        boost = stage.tree.cpu_directory / "cpufreq/boost"
        boost.write_text("1\n")
        stage.tree.write(2, "scaling_available_frequencies", f"{HIGHEST} {UP[-2]} {LOWEST}")
        stage.tree.write(2, "scaling_boost_frequencies", HIGHEST)
        stage.vmpower.start()
        domain = stage.started("vm", {0: "2"})
        assert domain.power(0, "max") == "ack"
        stage.expect({2: HIGHEST})
        boost.write_text("0\n")
        stage.expect({2: UP[-2]})
        highest = stage.vmpower.ask("explain", "2")["limits"]["highest_khz"]
        assert highest == UP[-2], highest


def test_a_pin_of_someone_else_stays():
    """Minimum and maximum alike: at a domain's end and at the daemon's."""
    for by_hook in (True, False):
        with scene(f"end-pin-{by_hook}", start=False, governors=LIMITS_ONLY) as stage:
            stage.baseline = stage.tree.snapshot()
            stage.vmpower.start()
            domain = stage.started("vm", {0: "2"})
            assert domain.power(0, "min") == "ack"
            stage.expect({2: LOWEST})
            stage.tree.write(2, "scaling_max_freq", UP[2])
            stage.tree.write(2, "scaling_min_freq", UP[2])
            if by_hook:
                stage.hook(domain, "stopped")
                noticed(stage, f"scaling_max_freq of policy2 is {UP[2]}, set by someone else")
            stage.vmpower.stop()
            assert f"scaling_min_freq of policy2 is {UP[2]}, set by someone else" in log(stage)
            assert stage.tree.khz(2) == UP[2]
            stage.tree.write(2, "scaling_min_freq", LOWEST)
            stage.tree.write(2, "scaling_max_freq", HIGHEST)


def test_the_end_leaves_what_someone_else_has_set():
    """A speed, or the minimum alone: SIGTERM and the end of a domain both know what was ours."""
    for by_hook in (True, False):
        with scene(f"end-speed-{by_hook}", start=False) as stage:
            stage.tree.write(2, "scaling_governor", "userspace")
            stage.tree.write(2, "scaling_setspeed", HIGHEST)
            vote_and_end(stage, by_hook, "scaling_setspeed", UP[1])
            assert stage.tree.read(2, "scaling_setspeed") == str(UP[1])
            stage.tree.write(2, "scaling_setspeed", HIGHEST)
        with scene(f"end-minimum-{by_hook}", start=False, governors=LIMITS_ONLY) as stage:
            vote_and_end(stage, by_hook, "scaling_min_freq", UP[1])
            assert stage.tree.read(2, "scaling_min_freq") == str(UP[1])
            assert stage.tree.read(2, "scaling_max_freq") == str(HIGHEST)
            stage.tree.write(2, "scaling_min_freq", LOWEST)


def vote_and_end(stage, by_hook, name, khz):
    """A domain votes, someone else writes, the daemon ends; what it left was reported."""
    stage.baseline = stage.tree.snapshot()
    stage.vmpower.start()
    domain = stage.started("vm", {0: "2"})
    for unit in ("min", "up", "up"):
        assert domain.power(0, unit) == "ack"
    wait_until(lambda: stage.tree.khz(2) == UP[2], 20, "the last vote to be written")
    stage.tree.write(2, name, khz)
    if by_hook:
        stage.hook(domain, "stopped")
        stage.vmpower.wait_forgotten("vm")
    stage.vmpower.stop()
    assert f"{name} of policy2 is {khz}, set by someone else" in log(stage)


if __name__ == "__main__":
    component_main()
