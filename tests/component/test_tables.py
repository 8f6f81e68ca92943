# SPDX-License-Identifier: BSD-3-Clause
"""A vCPU that is pinned to frequency domains with different tables: what it has said holds on each
of them, and outlives monitor and manager.
"""

from tests.component.test_succession import SUCCESSIONS
from tests.harness.scene import private_programs, component_main, service
from tests.harness.wait import wait_until

# turbo is the last step: acpi-cpufreq lists it as 1 MHz above the highest without
SHORT = (1200000, 2000000, 2800000, 3600000, 3601000)
LONG = (800000, 1000000, 1500000, 2000000, 2500000, 2501000)
NOT_SET = (None, None)

# what a vCPU says; then what else it says; each with the steps on both tables, seen afterwards
HISTORIES = {
    "highest": (("max",), (4, 5), (("down", (3, 4)),)),
    "lowest": (("min",), (0, 0), (("up", (1, 1)), ("down", (0, 0)))),
    "steps up": (("min", "up", "up"), (2, 2), (("down", (1, 1)), ("max", (4, 5)))),
    "steps down": (("max", "down", "down"), (2, 3), (("up", (3, 4)), ("up", (4, 5)))),
    # the short table ends first: a step further is a step on the long one
    "one end": (("min", *["up"] * 4), (4, 4), (("up", (4, 5)), ("down", (3, 4)))),
    "turbo off": (("max", "noturbo"), (3, 4), (("up", (3, 4)), ("turbo", (3, 4)), ("up", (4, 5)))),
    "turbo off, silent": (("noturbo",), None, (("up", (3, 4)), ("turbo", (3, 4)), ("up", (4, 5)))),
    "below turbo": (
        ("max", "noturbo", "down"),
        (2, 3),
        (("turbo", (2, 3)), ("up", (3, 4)), ("up", (4, 5))),
    ),
    "up to the end without turbo": (
        ("noturbo", "min", *["up"] * 5),
        (3, 4),
        (("up", (3, 4)), ("turbo", (3, 4)), ("up", (4, 5))),
    ),
    "turbo on again": (("max", "noturbo", "turbo"), (3, 4), (("up", (4, 5)), ("down", (3, 4)))),
}


def speeds(steps):
    """kHz on the short and on the long table."""
    return (SHORT[steps[0]], LONG[steps[1]]) if steps else NOT_SET


def expect(stage, steps):
    """Wait until each vCPU has these steps on its two frequency domains."""
    stage.expect(
        {
            2 * vcpu + table: khz
            for vcpu, of_both in enumerate(steps)
            for table, khz in enumerate(speeds(of_both))
            if khz
        }
    )


def difference(stage, steps, turbo_off):
    """What vmpowerctl shows otherwise; None: nothing."""
    for vcpu, (shown, khz) in enumerate(zip(stage.vmpower.show("vm")["vcpus"], map(speeds, steps))):
        if (shown["vote_khz"], shown["turbo_off"]) != (khz[0], turbo_off[vcpu]):
            return shown
        for table in range(2):
            cpu = stage.vmpower.ask("explain", 2 * vcpu + table)["cpu"]
            if (cpu["decides"]["khz"], cpu["target_khz"]) != (khz[table], khz[table]):
                return cpu
    return None


def expect_shown(stage, steps, turbo_off):
    """A successor has taken these votes over in a moment."""
    wait_until(
        lambda: not difference(stage, steps, turbo_off),
        20,
        "vmpowerctl to show the votes",
        state=lambda: difference(stage, steps, turbo_off),
    )


def turbo_is_off(said):
    """Does turbo remain off after these requests?"""
    switched = [unit for unit in said if unit in ("turbo", "noturbo")]
    return switched[-1:] == ["noturbo"]


def play(stage, between):
    """Each history is a vCPU's; call between() after what it says first."""
    said, steps, then = map(list, zip(*HISTORIES.values()))
    pins = {vcpu: f"{2 * vcpu}-{2 * vcpu + 1}" for vcpu in range(len(said))}
    domain = stage.started("vm", pins)
    for vcpu, units in enumerate(said):
        for unit in units:
            assert domain.power(vcpu, unit) == "ack", (vcpu, unit)
    expect(stage, steps)
    turbo_off = [turbo_is_off(units) for units in said]
    expect_shown(stage, steps, turbo_off)
    between(stage)
    expect(stage, steps)
    expect_shown(stage, steps, turbo_off)
    for at in range(max(map(len, then))):
        for vcpu, more in enumerate(then):
            if at < len(more):
                unit, steps[vcpu] = more[at]
                assert domain.power(vcpu, unit) == "ack", (vcpu, unit)
        expect(stage, steps)


def kill_monitor(stage):
    """As the kernel does for want of memory."""
    stage.vmpower.kill_monitor()
    stage.vmpower.wait_connected("vm", len(HISTORIES))


def test_what_was_said_holds_on_each_table():
    """Votes and turbo off, also after a monitor's or a manager's death, and after a restart."""
    for name, between in {
        "nobody": lambda stage: None,
        "monitor": kill_monitor,
        **SUCCESSIONS,
        "all": lambda stage: [end(stage) for end in (*SUCCESSIONS.values(), kill_monitor)],
    }.items():
        with (service(f"tables-{name}", start=False, cpus=2 * len(HISTORIES)) as (stage, _),
              private_programs(stage.directory)):
            for policy in stage.tree.policies:
                stage.tree.set_table(policy, (SHORT, LONG)[policy % 2])
            stage.baseline = stage.tree.snapshot()
            stage.vmpower.start()
            play(stage, between)


if __name__ == "__main__":
    component_main()
