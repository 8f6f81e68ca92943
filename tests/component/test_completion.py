# SPDX-License-Identifier: BSD-3-Clause
"""Completion for vmpowerctl and vmpower-guest in bash and zsh, compared with their own tables."""

import json
import tempfile
from pathlib import Path

from tests.harness import paths
from tests.harness.process import run
from tests.harness.runner import run_tests

FILES = paths.TREE / "packaging/completion"
PROGRAM = paths.BIN / "vmpowerctl"
GUEST = paths.BIN / "vmpower-guest"

BASH = r"""
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
function=_$1; ${function//-/_}
((${#COMPREPLY[@]})) && printf '%s\n' "${COMPREPLY[@]}"
exit 0
"""
# zsh's own functions need a terminal: stand-ins for those that are called
ZSH = r"""
file=$1; shift
_describe() { local array=${@[-1]}; print -l -- ${(P)array} }
_files() { print -- "(files)" }
words=("$@") CURRENT=$#
complete_it() { source $file }
complete_it
"""


class Shell:  # pylint: disable=too-few-public-methods
    """Completes words as one of the shells would."""

    def __init__(self, name, tools, program="vmpowerctl"):
        self.name = name
        self.program = program
        self.env = {"PATH": f"{tools}:{paths.SEARCH}"}

    def complete(self, *words):
        """Return what the shell offers for the last word, sorted."""
        line = [self.program, *words]
        if self.name == "bash":
            done = run("bash", "-c", BASH, "-", FILES / f"{self.program}.bash", *line, env=self.env)
            found = done.stdout.split("\n")
        else:
            done = run("zsh", "-f", "-c", ZSH, "-", FILES / f"_{self.program}", *line, env=self.env)
            # zsh itself selects those with the right beginning
            found = [text.split(":")[0] for text in done.stdout.split("\n")]
            found = [text for text in found if text.startswith(words[-1]) or text == "(files)"]
        assert not done.stderr, done.stderr
        return sorted(text for text in found if text)


def tools_in(directory):
    """Fake vmpowerctl and virsh for the shells; anything else is the real program's."""
    for name, text in {
        "vmpowerctl": f'case $* in *list) printf "NAME UUID\\nfw x\\nlb y\\n" ;;'
        f' *cpu) printf "CPU X\\n  0 x\\n  1 y\\n" ;; *) exec {PROGRAM} "$@" ;; esac',
        "vmpower-guest": f'exec {GUEST} "$@"',
        "virsh": 'printf "fw\\noff\\n"',
    }.items():
        (directory / name).write_text(f"#!/bin/sh\n{text}\n")
        (directory / name).chmod(0o755)


def table(program=PROGRAM):
    """The program's commands and options."""
    return json.loads(run(program, "help", "--json").stdout)


def in_both(test):
    """Run a test for each shell."""

    def both():
        with tempfile.TemporaryDirectory() as name:
            tools_in(Path(name))
            for shell in ("bash", "zsh"):
                test(Shell(shell, name))

    return both


@in_both
def test_all_commands(shell):
    names = [command["name"] for command in table()["commands"]]
    assert len(names) > 15
    assert shell.complete("") == sorted({name.split()[0] for name in names})
    for first in {name.split()[0] for name in names if " " in name}:
        wanted = sorted(name.split()[1] for name in names if name.startswith(first + " "))
        assert shell.complete(first, "") == wanted, (shell.name, first)
    assert shell.complete("ex") == ["explain"]
    assert shell.complete("channel", "en") == ["enable"]


@in_both
def test_all_options(shell):
    options = table()["options"]
    assert shell.complete("-") == sorted(f"--{option['name']}" for option in options)
    for command in ("status", "attach", "xml", "doctor"):
        wanted = sorted(
            f"--{option['name']}"
            for option in options
            if not option["commands"] or command in option["commands"].split()
        )
        assert shell.complete(command, "--") == wanted, (shell.name, command)


@in_both
def test_arguments(shell):
    """As the table says what a command takes."""
    seen = set()
    for command in table()["commands"]:
        words = command["name"].split()
        offers = {"DOMAIN": ["fw", "lb"], "CPU": ["0", "1"],
                  "TO": ["down", "max", "min", "release", "up"],
                  "LEVEL": ["debug", "error", "info", "notice", "warning"],
                  "[DO...]": ["clear", "set", "show"]}
        if words[0] in ("xml", "attach", "detach"):
            offers["DOMAIN"] = ["fw", "off"]
        for argument in command["arguments"].split():
            seen.add(argument)
            found = shell.complete(*words, "")
            assert found == offers.get(argument, []), (shell.name, words, found)
            words.append("1")
        if "..." not in command["arguments"]:
            assert shell.complete(*words, "") == [], (shell.name, words)
    assert {"DOMAIN", "CPU", "TO", "VCPU"} <= seen


@in_both
def test_options_before_words(shell):
    """Global options and their arguments do not count as words of the command."""
    assert shell.complete("--json", "--vcpus", "0-1", "attach", "f") == ["fw"]
    assert shell.complete("--runtime-dir", "/tmp", "show", "") == ["fw", "lb"]
    assert shell.complete("--vcpus", "") == []
    found = shell.complete("--root", "/us")
    assert found in (["/usr"], ["(files)"]), found


@in_both
def test_the_guests_tool(shell):
    shell.program = "vmpower-guest"
    there = table(GUEST)
    names = [command["name"] for command in there["commands"]]
    assert shell.complete("") == sorted({name.split()[0] for name in names})
    assert shell.complete("policy", "") == ["remove", "send"]
    assert shell.complete("-") == sorted(f"--{option['name']}" for option in there["options"])
    for command in ("status", "query", "policy"):
        wanted = sorted(
            f"--{option['name']}"
            for option in there["options"]
            if not option["commands"] or command in option["commands"].split()
        )
        assert shell.complete(command, "--") == wanted, (shell.name, command)
    assert shell.complete("request", "") == []
    assert shell.complete("request", "0", "turbo") == ["turbo-off", "turbo-on"]
    assert shell.complete("--timeout", "9", "policy", "send", "w") == ["workload"]
    assert shell.complete("policy", "send", "workload", "") == ["high", "low", "medium"]
    assert shell.complete("query", "") == ["all"]


if __name__ == "__main__":
    run_tests()
