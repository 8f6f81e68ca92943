# SPDX-License-Identifier: BSD-3-Clause
"""vmpowerctl cpu, explain and verify: their output for people and for scripts."""

import json
import os
import pwd
import signal
import tempfile

from tests.harness import paths
from tests.harness.process import run
from tests.harness.runner import Skip
from tests.harness.scene import (
    HIGHEST,
    LIMITS_ONLY,
    LOWEST,
    UP,
    component_main,
    scene,
)
from tests.harness.varlink import answering
from tests.harness.wait import wait_until

NOBODY = {"kind": "nobody", "domain": None, "vcpu": None, "others": 0, "khz": None}
BASELINE = {"governor": "schedutil", "min_khz": LOWEST, "max_khz": HIGHEST}


def decides(kind, domain, vcpu, khz, others=0):
    """A Decider."""
    return {"kind": kind, "domain": domain, "vcpu": vcpu, "others": others, "khz": khz}


def cpu_of(stage, number):
    """A row of vmpowerctl cpu."""
    (row,) = [row for row in stage.vmpower.ask("cpu")["cpus"] if row["cpu"] == number]
    return row


def explain(stage, cpu):
    """vmpowerctl explain: return the JSON, and the text for people."""
    answer = stage.vmpower.ask("explain", cpu)
    return answer, stage.vmpower.ctl("explain", cpu).stdout


def bystander(stage, name, pins, vcpus=None):
    """A domain without channels, registered."""
    domain = stage.domain(name, pins, vcpus=vcpus, channels=())
    stage.hook(domain)
    wait_until(lambda: name in stage.vmpower.domains(), 10, f"domain {name}")
    return domain


# ---- cpu


def test_cpu_in_full():
    """All keys; CPUs that share a clock, an offline one, one without cpufreq."""
    with scene("cpu", cpus=6, shared=2) as stage:
        domain = stage.started("vm", {0: "3"})
        assert domain.power(0, "up") == "ack"
        stage.expect({3: HIGHEST})
        (stage.tree.cpu_directory / "online").write_text("0-4,6\n")
        rows = stage.vmpower.ask("cpu")["cpus"]
        assert [row["cpu"] for row in rows] == [0, 1, 2, 3, 4, 5, 6], rows
        clock = {
            "siblings": None,
            "frequency_domain": 2,
            "cpus": "2-3",
            "driver": "acpi-cpufreq",
            "method": "setspeed",
            "controlled": True,
            "baseline": BASELINE,
            "target_khz": HIGHEST,
            "lowest_khz": HIGHEST,
            "current_khz": 2400000,
            "foreign": None,
            "asked_khz": HIGHEST,
            "voters": 1,
            "silent": 0,
            "decides": decides("vote", "vm", 0, HIGHEST),
        }
        assert rows[2] == {"cpu": 2, "online": True, **clock}, rows[2]
        assert rows[3] == {"cpu": 3, "online": True, **clock}, rows[3]
        assert rows[0]["baseline"] == BASELINE and rows[0]["decides"] == NOBODY, rows[0]
        assert rows[0]["target_khz"] is None and rows[0]["controlled"] is False, rows[0]
        assert rows[5]["online"] is False and rows[5]["frequency_domain"] == 4, rows[5]
        assert rows[6]["frequency_domain"] is None and rows[6]["driver"] is None, rows[6]
        text = stage.vmpower.ctl("cpu").stdout.splitlines()
        assert text[0].split() == (
            "CPU FREQUENCY-DOMAIN DRIVER METHOD BASELINE TARGET-KHZ CURRENT-KHZ DECIDED-BY".split()
        )
        assert text[4].split(maxsplit=8)[1:] == [
            *("policy2", "acpi-cpufreq", "setspeed", "schedutil", f"{LOWEST}-{HIGHEST}"),
            *(str(HIGHEST), "2400000", "vote of vm vCPU 0"),
        ], text[4]
        assert text[6].split()[-2:] == ["offline", "-"] and text[7].split()[1] == "none", text
        assert all(line == line.rstrip() and len(line) <= 120 for line in text), text


def test_threads_of_one_core():
    """A sibling that holds the core up: by its target, its baseline, or because it is left out."""
    with scene("smt", start=False) as stage:
        for cpu in range(4):
            stage.tree.core(cpu, cpu + 4)
        (stage.tree.directory(7) / "scaling_driver").unlink()  # left out
        stage.vmpower.start()
        domain = stage.started("vm", {0: "0", 1: "4", 2: "1", 3: "2", 4: "3"}, vcpus=5,
                               channels=range(5))
        for vcpu, power in enumerate(("min", "max", "min", "max", "min")):
            assert domain.power(vcpu, power) == "ack"
        stage.expect({0: LOWEST, 4: HIGHEST, 1: LOWEST, 2: HIGHEST, 3: LOWEST})

        def sibling(cpu, target_khz, pinned, holds_up):
            return [{"cpu": cpu, "target_khz": target_khz, "pinned": pinned, "holds_up": holds_up}]

        siblings = [row["siblings"] for row in stage.vmpower.ask("cpu")["cpus"]]
        assert siblings == [
            sibling(4, HIGHEST, True, "target"),
            sibling(5, None, False, "baseline"),
            sibling(6, None, False, None),  # CPU 2 is at its highest
            sibling(7, None, False, "unmanaged"),
            sibling(0, LOWEST, True, None),
            sibling(1, LOWEST, True, None),
            sibling(2, HIGHEST, True, None),
            sibling(3, LOWEST, True, None),
        ], siblings
        text = stage.vmpower.ctl("cpu").stdout.splitlines()
        assert text[0].split()[-1] == "SIBLINGS", text[0]
        assert [line.split("  ")[-1].strip() for line in text[1:6]] == [
            "4 (target)", "5 (baseline)", "6", "7 (unmanaged)", "0"], text
        for cpu, words in ((0, (f"CPU 4, a thread of the same core, holds the core up: its target "
                                f"is {HIGHEST} kHz",)),
                           (1, ("CPU 5, a thread of the same core, may hold the core up: it is at "
                                "its baseline", "No vCPU is pinned to CPU 5.")),
                           (3, ("CPU 7, a thread of the same core, may hold the core up: vmpower "
                                "can't set its frequency.", "No vCPU is pinned to CPU 7.")),
                           (4, ("CPU 0 is a thread of the same core.",))):
            answer, text = explain(stage, cpu)
            assert answer["cpu"]["siblings"] == siblings[cpu], answer
            for part in words:
                assert part in text, (part, text)
            assert text.count("No vCPU is pinned") == len(words) - 1, text


def test_threads_that_share_a_frequency_domain():
    """What one gets, the other gets."""
    with scene("together", shared=2, start=False) as stage:
        stage.tree.core(0, 1)
        stage.vmpower.start()
        domain = stage.started("vm", {0: "0"})
        assert domain.power(0, "min") == "ack"
        stage.expect({0: LOWEST})
        (sibling,) = cpu_of(stage, 0)["siblings"]
        assert sibling == {"cpu": 1, "target_khz": LOWEST, "pinned": False, "holds_up": None}
        assert "CPU 1 is a thread of the same core." in explain(stage, 0)[1]


def test_a_baseline_that_was_saved_is_shown_while_it_is_ours():
    """Not what the files hold meanwhile; after the release what they hold then."""
    with scene("baseline", governors=LIMITS_ONLY) as stage:
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        stage.expect({1: LOWEST})
        row = cpu_of(stage, 1)
        assert row["baseline"] == BASELINE and row["method"] == "limits", row
        stage.hook(domain, "stopped")
        stage.vmpower.wait_forgotten("vm")
        stage.expect({})
        stage.tree.write(1, "scaling_min_freq", UP[1])
        assert cpu_of(stage, 1)["baseline"]["min_khz"] == UP[1]
        stage.tree.write(1, "scaling_min_freq", LOWEST)


# ---- explain


def test_explain_nobody():
    """Pinned silent vCPUs are listed even without a vote; floating ones are counted."""
    with scene("nobody", cpus=4) as stage:
        answer, text = explain(stage, 1)
        assert answer["vcpus"] == [] and answer["floating"] == 0, answer
        assert answer["cpu"]["decides"] == NOBODY and answer["write_error"] is None, answer
        assert "Nobody has voted" in text and "No vCPU is pinned here." in text, text
        bystander(stage, "quiet", {0: "1", 1: "2", 2: "0-3"})
        bystander(stage, "floats", {}, vcpus=2)
        answer, text = explain(stage, 1)
        (say,) = answer["vcpus"]
        assert say == {
            "domain": "quiet",
            "vcpu": 0,
            "cpus": "1",
            "vote_khz": None,
            "by_operator_policy": False,
            "by_policy": False,
            "protects": True,
            "paused": False,
            "override_khz": None,
            "clamped": None,
            "standing_khz": None,
            "traffic": None,
            "turbo_off": False,
            "decides": False,
        }, say
        assert answer["floating"] == 3 and "have no vote: 3" in text, text
        assert "silent, protected" in text and "yes" not in text, text


def test_explain_a_vote():
    """The deciding vCPU is marked; several if they are equal."""
    with scene("vote", shared=4) as stage:
        one = stage.started("one", {0: "0", 1: "1-2,5"})
        two = stage.started("two", {0: "3"})
        for vote in ((one, 0, "min"), (one, 1, "max"), (two, 0, "min")):
            assert vote[0].power(vote[1], vote[2]) == "ack"
        answer, text = explain(stage, 2)
        assert answer["cpu"]["decides"] == decides("vote", "one", 1, HIGHEST), answer["cpu"]
        assert [say["decides"] for say in answer["vcpus"]] == [False, True, False], answer
        assert [say["vote_khz"] for say in answer["vcpus"]] == [LOWEST, HIGHEST, LOWEST], answer
        assert answer["vcpus"][1]["cpus"] == "1-2,5", answer
        assert 'domain "one", vCPU 1' in text and "Votes here: 3." in text, text
        assert [line.split()[-1] for line in text.splitlines()[-3:]] == ["-", "yes", "-"], text
        (far,) = explain(stage, 6)[0]["vcpus"]  # its second frequency domain
        assert far["vote_khz"] == HIGHEST and far["decides"], far
        assert one.power(1, "min") == "ack"
        answer, text = explain(stage, 0)
        assert answer["cpu"]["decides"] == decides("vote", "one", 0, LOWEST, others=2), answer
        assert "and 2 more" in text and text.count("yes") == 3, text


def test_explain_silence():
    """Which vCPU is protected, and from what: left to the baseline, or a range."""
    with scene("silence") as stage:
        domain = stage.started("vm", {0: "1"})
        bystander(stage, "quiet", {0: "1"})
        assert domain.power(0, "min") == "ack"
        answer, text = explain(stage, 1)
        assert answer["cpu"]["decides"] == decides("silence", "quiet", 0, None), answer
        assert 'left to its baseline, because of domain "quiet", vCPU 0: pinned here' in text, text
        assert f"The highest vote is {LOWEST} kHz" in text and "in force" not in text, text
        assert "Votes here: 1. Silent vCPUs here: 1." in text, text
        assert "silence of quiet vCPU 0" in stage.vmpower.ctl("cpu").stdout
    with scene("silence-limits", governors=LIMITS_ONLY) as stage:
        domain = stage.started("vm", {0: "1"})
        bystander(stage, "quiet", {0: "1"})
        assert domain.power(0, "min") == domain.power(0, "up") == "ack"
        stage.expect({1: None})  # a range
        answer, text = explain(stage, 1)
        assert answer["cpu"]["decides"] == decides("silence", "quiet", 0, HIGHEST), answer
        assert answer["cpu"]["lowest_khz"] == UP[1], answer
        assert f"Range {UP[1]} to {HIGHEST} kHz" in text and 'domain "quiet", vCPU 0' in text, text
    with scene("ignored", sections={"arbitration": {"silence": "ignore"}}) as stage:
        domain = stage.started("vm", {0: "1"})
        bystander(stage, "quiet", {0: "1"})
        assert domain.power(0, "min") == "ack"
        answer = stage.vmpower.ask("explain", 1)
        assert answer["cpu"]["decides"] == decides("vote", "vm", 0, LOWEST), answer
        assert [say["protects"] for say in answer["vcpus"]] == [False, False], answer


def test_explain_an_override():
    """Who set it, and how to end it; votes and limits as well."""
    limits = {"min-frequency": UP[1], "max-frequency": UP[-2]}
    with scene("override", sections={"limits": limits}) as stage:
        domain = stage.started("vm", {0: "1", 1: "1"})
        assert domain.power(0, "max") == domain.power(1, "min") == "ack"
        stage.vmpower.ask("set", "vm", "1", UP[2])
        stage.expect({1: UP[2]})
        answer, text = explain(stage, 1)
        assert answer["cpu"]["decides"] == decides("override", "vm", 1, UP[2]), answer
        assert answer["cpu"]["target_khz"] == UP[2], answer
        assert [say["clamped"] for say in answer["vcpus"]] == ["max", None], answer
        assert [say["override_khz"] for say in answer["vcpus"]] == [None, UP[2]], answer
        assert answer["limits"] == {
            "lowest_khz": LOWEST,
            "highest_khz": HIGHEST,
            "non_turbo_khz": HIGHEST,
            "min_khz": UP[1],
            "max_khz": UP[-2],
        }, answer
        assert '"vmpowerctl set vm 1 release" ends it' in text and "host max" in text, text
        shown = stage.vmpower.ctl("show", "vm").stdout
        assert f"{UP[2]} kHz" in shown and "OVERRIDE" in shown, shown
        stage.vmpower.ctl("set", "vm", "1", "release")
        answer, text = explain(stage, 1)
        assert [say["clamped"] for say in answer["vcpus"]] == ["max", "min"], answer


def test_explain_shows_what_is_published():
    """The highest vote and the numbers are the monitor's; vCPUs, as paused ones, don't add up."""
    def says(kind, vcpus, **decider):
        khz = UP[2] if kind != "silence" else None
        cpu = {
            **dict(cpu=1, online=True, siblings=None, frequency_domain=1, cpus="1", driver="d"),
            **dict(method="setspeed", controlled=True, baseline=None, target_khz=khz),
            **dict(lowest_khz=khz, current_khz=None, foreign=None, asked_khz=UP[2], voters=7),
            **dict(silent=8, decides={**decides(kind, None, None, khz), **decider}),
        }
        with tempfile.TemporaryDirectory() as runtime:
            with answering(f"{runtime}/control.sock", {
                "cpu": cpu, "limits": None, "vcpus": vcpus, "floating": 0, "write_error": None,
            }):
                command = paths.BIN / "vmpowerctl", "--runtime-dir", runtime, "explain", "1"
                return run(*command).stdout

    paused = {"domain": "vm", "vcpu": 0, "vote_khz": HIGHEST, "paused": True}
    text = says("silence", [paused, paused], domain="quiet", vcpu=0)
    assert f"The highest vote is {UP[2]} kHz." in text, text
    assert "Votes here: 7. Silent vCPUs here: 8." in text, text
    text = says("vote", [paused])
    assert f"Target {UP[2]} kHz: the highest vote.\nVotes here: 7." in text, "nobody is named"
    assert "of a vCPU: pinned here, has not voted." in says("silence", [paused])
    text = says("override", [paused])
    assert "an override by the operator: it beats all votes.\nVotes here: 7." in text, text


def test_explain_is_safe_to_paste():
    """A suggested command is safe to run, whatever the domain's name."""
    with scene("paste") as stage:
        stage.started("a;reboot", {0: "1"})
        stage.vmpower.ask("set", "a;reboot", "0", "min")
        _, text = explain(stage, 1)
        assert '"vmpowerctl set DOMAIN 0 release" ends it' in text, text


def test_explain_a_limit_of_the_domain():
    """The limit is that of its configuration section; the host would allow more."""
    section = {"min-frequency": UP[1], "max-frequency": UP[-3]}
    with scene("domain-limit", sections={'domain "vm"': section}) as stage:
        domain = stage.started("vm", {0: "1", 1: "1", 2: "2"})
        assert [domain.power(0, "max"), domain.power(1, "min"), domain.power(2, "max")] == ["ack"] * 3
        assert domain.power(2, "down") == "ack"
        answer, text = explain(stage, 1)
        assert [say["clamped"] for say in answer["vcpus"]] == ["domain-max", "domain-min"], answer
        assert "domain max" in text and "domain min" in text, text
        answer, text = explain(stage, 2)
        assert [say["clamped"] for say in answer["vcpus"]] == [None], answer


def test_explain_names_the_wrong_CPU():
    """It says where to look."""
    with scene("wrong") as stage:
        answer = stage.vmpower.ctl("explain", "8", check=False)
        assert answer.returncode == 1 and "no CPU 8" in answer.stderr, answer
        for word in ("all", "-1", "4096"):
            assert stage.vmpower.ctl("explain", word, check=False).returncode == 2
        assert stage.vmpower.ctl("explain", check=False).returncode == 2


def test_names_can_not_move_the_cursor():
    """A domain's name is printed as text, whatever it contains."""
    with scene("cursor") as stage:
        bystander(stage, "a\u009b2Jb", {0: "1"})
        text = stage.vmpower.ctl("explain", "1").stdout
        assert "\\xc2\\x9b2J" in text and "\u009b" not in text, text


# ---- verify


def test_verify():
    """Exit status 1 and a table if something differs, with both methods."""
    for governors, file in ((None, "scaling_setspeed"), (LIMITS_ONLY, "scaling_max_freq")):
        with scene("verify", governors=governors, shared=2) as stage:
            good = stage.vmpower.ctl("verify")
            assert "controlled by vmpower: 0" in good.stdout, good
            domain = stage.started("vm", {0: "1"})
            assert domain.power(0, "min") == "ack"
            stage.expect({1: LOWEST})
            assert stage.vmpower.ask("verify") == {"checked": 1, "findings": []}
            stage.tree.write(0, file, UP[3])
            bad = stage.vmpower.ctl("verify", check=False)
            assert bad.returncode == 1 and not bad.stderr, bad
            head, row, _, *remedies = bad.stdout.splitlines()
            assert remedies[0] == "vmpower sets a frequency again when the next request changes it."
            assert "doctor" in remedies[-1] and len(remedies) == 2, remedies
            assert head.split() == ["CPU", "FILE", "OURS", "FOUND", "SINCE"], head
            wanted = ["0-1", f"policy0/{file}", str(LOWEST), str(UP[3])]
            assert row.split()[:4] == wanted, row
            answer = stage.vmpower.ctl("verify", check=False, as_json=True)
            assert answer.returncode == 1, answer
            (finding,) = json.loads(answer.stdout)["findings"]
            assert finding["cpus"] == "0-1" and finding["file"] == file, finding
            assert finding["ours"] == str(LOWEST) and finding["found"] == str(UP[3]), finding
            assert finding["error"] is None and finding["since"] > 0, finding
            stage.tree.write(0, file, LOWEST)
            assert stage.vmpower.ctl("verify").returncode == 0
            if governors is None:
                stage.tree.write(0, "scaling_governor", "powersave")
                bad = stage.vmpower.ctl("verify", check=False).stdout
                assert "until the governor is userspace again" in bad and "foreign = reassert" in bad, bad
                assert "sets a frequency again" not in bad, bad
                stage.tree.write(0, "scaling_governor", "userspace")


# ---- all of them


def test_reading_needs_no_monitor():
    """Without a monitor the manager answers from what it knows."""
    with scene("dead") as stage:
        domain = stage.started("vm", {0: "1"})
        assert domain.power(0, "min") == "ack"
        os.kill(stage.vmpower.status()["monitor_pid"], signal.SIGKILL)
        for words in (("cpu",), ("explain", "1")):
            stage.vmpower.ask(*words)
        stage.vmpower.ctl("verify")


def test_who_may_set():
    """Only root may change anything: others are refused with a message."""
    if os.geteuid():
        raise Skip("needs root, to be somebody else")
    with scene("who") as stage:
        stage.started("vm", {0: "1"})
        stage.directory.chmod(0o711)
        socket = stage.vmpower.runtime / "control.sock"
        socket.chmod(0o666)
        command = ["setpriv", "--reuid", str(pwd.getpwnam("nobody").pw_uid), "--clear-groups"]
        command += [paths.BIN / "vmpowerctl", "--runtime-dir", stage.vmpower.runtime]
        for words in (("set", "vm", "0", "min"), ("cpu",), ("explain", "1"), ("verify",)):
            answer = run(*command, *words, check=False)
            assert answer.returncode == 1 and "permission denied" in answer.stderr, answer
        stage.expect({})


if __name__ == "__main__":
    component_main()
