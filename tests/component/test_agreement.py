# SPDX-License-Identifier: BSD-3-Clause
"""vmpowerctl cpu, explain, show and metrics agree on who decides, and on what is in force."""

from tests.component.test_cpu_commands import NOBODY, bystander, cpu_of, decides
from tests.component.test_succession import change_saved
from tests.component.test_reload import reload_with
from tests.harness.process import refused_writes
from tests.harness.scene import HIGHEST, LIMITS_ONLY, LOWEST, UP, component_main, scene, service
from tests.harness.wait import wait_until

CPU = 1  # all vCPUs are pinned to it
IN_FORCE = "what is decided"


# ---- what the four say


def shown_vcpus(stage):
    """Of vmpowerctl show: {(domain, vCPU): what it says of those that are pinned to the CPU}."""
    shown = [stage.vmpower.show(name) for name in stage.vmpower.domains()]
    return {
        (domain["name"], vcpu["vcpu"]): {**vcpu, "paused": domain["paused"]}
        for domain in shown
        for vcpu in domain["vcpus"]
        if CPU in vcpu["frequency_domains"]
    }


def check_explained(explained, row, shown):
    """explain says what cpu and show say, and marks the vCPUs that cpu counts."""
    assert explained["cpu"] == row, (explained["cpu"], row)
    listed = {(vcpu["domain"], vcpu["vcpu"]): vcpu for vcpu in explained["vcpus"]}
    assert listed.keys() == shown.keys(), (listed, shown)
    for place, vcpu in listed.items():
        for key in ("vote_khz", "override_khz", "turbo_off", "cpus", "paused"):
            assert vcpu[key] == shown[place][key], (place, key, vcpu, shown[place])
    decider = row["decides"]
    marked = [place for place, vcpu in listed.items() if vcpu["decides"]]
    assert len(marked) == decider["others"] + (decider["domain"] is not None), (marked, decider)
    assert not marked or (decider["domain"], decider["vcpu"]) in marked, (marked, decider)


def check_decider(decider, shown):
    """The decision follows from what show says."""
    voters = [vcpu for vcpu in shown.values() if vcpu["vote_khz"] and not vcpu["paused"]]
    overrides = [vcpu["override_khz"] for vcpu in shown.values() if vcpu["override_khz"]]
    if decider["kind"] == "nobody":
        assert not voters and not overrides, shown
    if decider["kind"] == "vote":
        assert decider["khz"] == max(vcpu["vote_khz"] for vcpu in voters), (decider, shown)
    if decider["kind"] == "override":
        assert decider["khz"] == max(overrides), (decider, shown)
    if decider["kind"] == "silence":
        decided_by = shown[decider["domain"], decider["vcpu"]]
        assert voters and not overrides and decided_by["vote_khz"] is None, (decider, shown)


def check_metrics(stage, row, shown):
    """The figures are the same."""
    awake = [vcpu for vcpu in shown.values() if not vcpu["paused"]]
    n_voters = sum(vcpu["vote_khz"] is not None for vcpu in awake)
    for name, wanted in (
        ("target_hertz", 1000 * (row["target_khz"] or 0)),
        ("controlled", row["controlled"]),
        ("voters", n_voters),
        ("silent", len(awake) - n_voters),
    ):
        found = stage.vmpower.metric(
            f"vmpower_frequency_domain_{name}", frequency_domain=str(CPU)
        )
        assert found == wanted, (name, found, wanted)


def check(stage, decider, in_force, error):
    """All four agree on this decision, on the kHz in force, and on why it is not in force."""
    row, shown = cpu_of(stage, CPU), shown_vcpus(stage)
    explained = stage.vmpower.ask("explain", CPU)
    assert row["decides"] == decider, row["decides"]
    assert row["target_khz"] == (decider["khz"] if in_force == IN_FORCE else in_force), row
    assert bool(explained["write_error"]) == bool(error), explained["write_error"]
    assert not error or error in explained["write_error"], explained["write_error"]
    check_explained(explained, row, shown)
    check_decider(row["decides"], shown)
    check_metrics(stage, row, shown)


def agree(stage, decider, in_force=IN_FORCE, error=None):
    """Wait until check() finds no fault: what was asked for is in force a moment later."""

    def fault():
        try:
            check(stage, decider, in_force, error)
        except AssertionError as wrong:
            return f"{wrong}"
        return None

    wait_until(lambda: fault() is None, 20, f"all to say {decider}", state=fault)


# ---- states


def votes(stage, **said):
    """Domains that vote: max="min" starts domain max, which says min. None: it is silent."""
    domains = {name: stage.started(name, {0: str(CPU)}) for name in said}
    for name, unit in said.items():
        assert not unit or domains[name].power(0, unit) == "ack"
    return domains


def nobody(stage):
    """Silent vCPUs alone change nothing."""
    votes(stage, vm=None)
    bystander(stage, "quiet", {0: str(CPU)})
    agree(stage, NOBODY)


def vote(stage):
    """The highest; of several that are equal the first, and how many others."""
    domains = votes(stage, one="min", two="min")
    agree(stage, decides("vote", "one", 0, LOWEST, others=1))
    assert domains["two"].power(0, "up") == "ack"
    agree(stage, decides("vote", "two", 0, UP[1]))


def silence(stage):
    """A silent vCPU protects: there is no kHz where the baseline is left alone."""
    domains = votes(stage, vm="min", quiet=None)
    limits = cpu_of(stage, CPU)["method"] == "limits"
    agree(stage, decides("silence", "quiet", 0, HIGHEST if limits else None))
    assert domains["vm"].power(0, "max") == "ack"
    agree(stage, decides("vote", "vm", 0, HIGHEST))


def silence_ignored(stage):
    """As if the silent vCPU was not there."""
    votes(stage, vm="min", quiet=None)
    agree(stage, decides("silence", "quiet", 0, None))
    reload_with(stage, {"arbitration": {"silence": "ignore"}})
    agree(stage, decides("vote", "vm", 0, LOWEST))


def override(stage):
    """It beats votes and silence, until it is released."""
    domains = votes(stage, vm="max", quiet=None)
    stage.vmpower.ctl("set", "quiet", "0", str(UP[2]))
    agree(stage, decides("override", "quiet", 0, UP[2]))
    assert domains["quiet"].power(0, "min") == "ack"
    agree(stage, decides("override", "quiet", 0, UP[2]))
    stage.vmpower.ctl("set", "quiet", "0", "release")
    agree(stage, decides("vote", "vm", 0, HIGHEST))


def refused_write(stage):
    """The vote counts, what was written last is in force; then the retry succeeds."""
    domain = votes(stage, vm="max")["vm"]
    agree(stage, decides("vote", "vm", 0, HIGHEST))
    with refused_writes(stage.vmpower.status()["monitor_pid"]):
        assert domain.power(0, "min") == "nack"
        agree(stage, decides("vote", "vm", 0, LOWEST), HIGHEST, "too large")
        assert domain.power(0, "up") == "nack"
        agree(stage, decides("vote", "vm", 0, UP[1]), HIGHEST, "too large")
    agree(stage, decides("vote", "vm", 0, UP[1]))


def refused_acquisition(stage):
    """The vote counts, the baseline is in force; then the retry succeeds."""
    file = stage.tree.directory(CPU) / "scaling_min_freq"
    if cpu_of(stage, CPU)["method"] == "setspeed":
        file = file.with_name("scaling_governor")
    file.rename(file.with_name("hidden"))
    domain = votes(stage, vm="min")["vm"]
    agree(stage, decides("vote", "vm", 0, LOWEST), None, "No such file")
    assert domain.power(0, "max") == "nack"
    agree(stage, decides("vote", "vm", 0, HIGHEST), None, "No such file")
    file.with_name("hidden").rename(file)
    agree(stage, decides("vote", "vm", 0, HIGHEST))


STATES = (nobody, vote, silence, override, refused_write, refused_acquisition)


def test_all_agree():
    """In each state, with both methods."""
    for method, governors in (("setspeed", None), ("limits", LIMITS_ONLY)):
        for state in STATES:
            with scene(f"{state.__name__}-{method}", governors=governors) as stage:
                state(stage)


def test_all_agree_where_silence_is_ignored():
    """From the reload on that says so."""
    with scene("ignored") as stage:
        silence_ignored(stage)


def test_all_agree_where_a_voter_is_paused():
    """Without libvirt only a predecessor knows that it is paused. Its vote is shown, and rests."""
    for other, before, wanted in (
        (None, decides("vote", "frozen", 0, HIGHEST), NOBODY),
        ("min", decides("vote", "frozen", 0, HIGHEST), decides("vote", "vm", 0, LOWEST)),
        ("max", decides("vote", "vm", 0, HIGHEST, 1), decides("vote", "vm", 0, HIGHEST)),
    ):
        with service(f"paused-{other}") as (stage, _):
            domains = votes(stage, vm=other, frozen="max")
            agree(stage, before)
            stage.vmpower.kill()
            change_saved(stage, domains["frozen"], lambda saved: saved.update(paused=True))
            stage.vmpower.start()
            agree(stage, wanted)
            assert domains["frozen"].power(0, "up") == "ack"
            agree(stage, wanted)


if __name__ == "__main__":
    component_main()
