# SPDX-License-Identifier: BSD-3-Clause
"""vmpowerctl --json of each subcommand: read by jq, with the keys that scripts rely on."""

import json
import tempfile
from pathlib import Path

from tests.harness import paths
from tests.harness.process import Process, run
from tests.harness.scene import component_main, scene
from tests.harness.wait import wait_until

CPU = ["asked_khz", "baseline", "controlled", "cpu", "cpus", "current_khz", "decides", "driver",
       "foreign", "frequency_domain", "lowest_khz", "method", "online", "silent", "target_khz",
       "voters"]
CHANNEL = ["acks", "dropped_replies", "enabled", "error", "late_replies", "nacks", "number", "path",
           "refused", "requests", "resyncs", "state", "throttled", "unanswered"]
# command: (its arguments, [(jq filter, expected output)])
COMMANDS = {
    "status": ((), [("keys", [
        "channels", "connected", "controlled", "cpus", "domains", "frequency_domains",
        "libvirt_connected", "libvirt_uri", "longest_turn", "monitor_longest_turn", "monitor_pid",
        "monitor_restarts", "uptime_s", "version"]),
        (".longest_turn | keys", ["cpu_us", "time", "wall_us", "what"])]),
    "list": ((), [(".domains[0] | keys", [
        "channels", "connected", "id", "name", "nacks", "requests", "uuid", "vcpus"])]),
    "show": (("vm",), [(".domain.channels[0] | keys", CHANNEL), (".domain.vcpus[0] | keys", [
        "by_operator_policy", "cpus", "frequency_domains", "online", "override_khz", "pinned",
        "standing_khz", "turbo_off", "vcpu",
        "vote_khz"])]),
    "channel disable": (("vm", "0"), [("keys", ["changed"])]),
    "channel enable": (("vm", "0"), [("keys", ["changed"])]),
    "channel remove": (("vm", "1"), [("keys", ["changed"])]),
    "channel add": (("vm", "1"), [("keys", ["changed"])]),
    "cpu": ((), [(".cpus[0] | keys", CPU)]),
    "explain": (("1",), [("keys", ["cpu", "floating", "limits", "vcpus", "write_error"]),
                         (".limits | keys", ["highest_khz", "lowest_khz", "max_khz", "min_khz",
                                             "non_turbo_khz"])]),
    "set": (("vm", "0", "min"), [("keys", ["khz", "previous_khz"])]),
    "policy": (("vm", "set", "policy=workload", "level=low"), [("keys", ["masked"])]),
    "reload": ((), []),
    "metrics": ((), [("keys", ["text"])]),
    "log-level": (("info",), [("keys", ["previous_level"])]),
    "verify": ((), [("keys", ["checked", "findings"])]),
    "doctor": ((), [("keys", ["findings", "notes", "problems", "warnings"]),
                    (".findings[0] | keys", ["check", "remedy", "status", "text"])]),
    "help": ((), [(".commands[0] | keys", ["arguments", "help", "name"])]),
    "domain remove": (("vm",), [("keys", ["name", "uuid"])]),
}
STREAMS = {"watch", "events"}  # an object a line
ELSEWHERE = {"xml", "attach", "detach"}  # test_attach.py, tests/system
NEED_LIBVIRT = {"domain add"}


def keeps(old, new):
    """All documented keys are there; there may be more."""
    return set(old) <= set(new)


def test_every_command():
    """Each command of the program's table; a new one must be added here, or have no reply."""
    with scene("json") as stage:
        domain = stage.started("vm", {0: "1", 1: "2"})
        assert domain.power(0, "min") == "ack"
        names = [row["name"] for row in stage.vmpower.ask("help")["commands"]]
        for name, (arguments, filters) in COMMANDS.items():
            assert name in names, name
            answer = stage.vmpower.ctl(*name.split(), *arguments, check=False, as_json=True)
            assert answer.returncode in (0, 1) and not answer.stderr, (name, answer)
            for wish, wanted in filters:
                found = json.loads(run("jq", "-ce", wish, data=answer.stdout).stdout)
                assert keeps(wanted, found), (name, wish, found)
        known = set(COMMANDS) | STREAMS | ELSEWHERE | NEED_LIBVIRT
        for name in set(names) - known:
            answer = stage.vmpower.ctl(*name.split(), check=False, as_json=True)
            if answer.returncode == 0:
                run("jq", "-e", ".", data=answer.stdout)


def test_streams():
    """Each line is an object of its own."""
    with scene("streams") as stage, tempfile.TemporaryDirectory() as directory:
        for name in sorted(STREAMS):
            out = Path(directory) / name
            command = [paths.BIN / "vmpowerctl", "--runtime-dir", stage.vmpower.runtime]
            process = Process([*command, "--json", name], out)
            try:
                number = 0

                def lines(out=out):
                    nonlocal number
                    number += 1
                    domain = stage.domain(f"vm{number}-{out.name}", {0: "1"}, channels=())
                    stage.hook(domain)
                    return out.read_text().count("\n") > 2

                wait_until(lines, 20, f"{name} to say something", poll=0.1)
            finally:
                process.kill()
            text = out.read_text().rpartition("\n")[0]
            kinds = run("jq", "-r", "type", data=text).stdout.split()
            assert set(kinds) == {"object"} and len(kinds) == text.count("\n") + 1, kinds


def test_errors_are_not_json():
    """Nothing on stdout, the message on stderr, the exit status as documented."""
    with scene("errors") as stage:
        for words, status in ((("show", "none"), 1), (("nonsense",), 2), (("show",), 2)):
            answer = stage.vmpower.ctl(*words, check=False, as_json=True)
            assert (answer.returncode, answer.stdout) == (status, ""), answer
            assert answer.stderr.startswith("vmpowerctl: "), answer
        stage.vmpower.stop()
        answer = stage.vmpower.ctl("status", check=False, as_json=True)
        assert (answer.returncode, answer.stdout) == (3, ""), answer


if __name__ == "__main__":
    component_main()
