# SPDX-License-Identifier: BSD-3-Clause
"""vmpowerctl watch, on a terminal."""

import contextlib
import json
import os
import signal
import termios

from tests.harness import paths
from tests.harness.process import Process, run
from tests.harness.scene import HIGHEST, LOWEST, component_main, scene
from tests.harness.terminal import Terminal
from tests.harness.wait import wait_until


def command(stage, *words):
    """vmpowerctl for this scene."""
    return [paths.BIN / "vmpowerctl", "--runtime-dir", stage.vmpower.runtime, *words]


@contextlib.contextmanager
def watching(stage, **more):
    """vmpowerctl watch on a terminal."""
    terminal = Terminal(command(stage, "watch"), **more)
    try:
        terminal.wait_for("q quits")
        yield terminal
    finally:
        terminal.close()


def test_shows_what_changes():
    """Targets with bars, who decides, votes, rates: without a key pressed."""
    with scene("shows", cpus=4, shared=2) as stage, watching(stage) as terminal:
        line = terminal.wait_for("policy2")
        assert "2-3" in line and "baseline" in line and "[-" in line, line
        domain = stage.started("vm", {0: "3", 1: "0"})
        terminal.wait_for("2 of 2 channels connected")
        assert domain.power(0, "min") == "ack"
        line = terminal.wait_for("vote of vm vCPU 0")
        assert line.split()[:2] == ["policy2", "2-3"] and f" {LOWEST} " in line, line
        assert "[#..." in line and "##" not in line, line
        assert domain.power(0, "max") == "ack"
        line = terminal.wait_for(f"{HIGHEST} ")
        assert "[####" in line and "." not in line, line
        line = terminal.wait_for("vCPU 0")
        assert terminal.wait_for("  vCPU 0    on 3").split()[-1] == str(HIGHEST)
        assert terminal.wait_for("  vCPU 1    on 0").split()[-1] == "silent"
        stage.vmpower.ctl("set", "vm", "0", "min")
        terminal.wait_for("override of vm vCPU 0")
        terminal.wait_for(f"fixed at {LOWEST}")

        def busy(lines):
            domain.power(0, "min")
            return [li for li in lines if li.startswith("vm: ") and not li.startswith("vm: 0 ")]

        terminal.wait(busy, "a rate of requests")
        terminal.wait_for("vm: 0 requests/s")
        stage.hook(domain, "stopped")
        terminal.wait(lambda lines: not any("vm" in li for li in lines[1:]), "its end")
        terminal.wait(
            lambda lines: all("baseline" in line for line in lines if "policy" in line),
            "the baseline",
        )


def test_fits_any_terminal():
    """Nothing is wider than the window; what is longer is scrolled; resizing redraws."""
    with scene("fits", cpus=8) as stage:
        stage.started("vm", {vcpu: str(vcpu) for vcpu in range(8)})
        with watching(stage, rows=10, columns=60) as terminal:
            terminal.wait_for("lines 1-9 of")
            terminal.write(b"j")
            terminal.wait_for("lines 2-10 of")
            terminal.write(b" ")
            terminal.wait_for("lines 11-19 of")
            terminal.write(b" ")
            terminal.wait_for("vCPU 7")
            terminal.resize(50, 120)
            lines = terminal.wait(
                lambda lines: any("vCPU 7" in li for li in lines)
                and lines[0].startswith("vmpower") and lines[-1].startswith("q quits") and lines,
                "all of it",
            )
            assert any("[" + "-" * 10 in line for line in lines), lines
            terminal.resize(4, 20)
            terminal.wait(lambda lines: lines[0].startswith("vmpower") and "lines" in lines[-1],
                          "a small one")
            assert all(len(line) <= 20 for line in terminal.screen.lines())
            terminal.resize(24, 80)
            terminal.wait_for("FREQ-DOM")


def test_ends_well():
    """q, Ctrl-C and signals: exit status 0, and the terminal is as before."""
    with scene("ends") as stage:
        for how in (b"q", b"\x03", signal.SIGTERM, signal.SIGINT):
            with watching(stage) as terminal:
                before = termios.tcgetattr(terminal.fd)[3]
                if isinstance(how, bytes):
                    terminal.write(how)
                else:
                    os.kill(terminal.pid, how)
                assert terminal.end() == 0, how
                after = termios.tcgetattr(terminal.fd)[3]
                for flag in (termios.ECHO, termios.ICANON, termios.ISIG):
                    assert after & flag and not before & flag, (how, before, after)


def test_says_why_it_ends():
    """When the daemon ends: exit status 3, and a readable message."""
    with scene("why") as stage, watching(stage) as terminal:
        stage.vmpower.stop()
        assert terminal.end() == 3
        # or "does not run", if it was about to ask
        assert b"vmpowerctl: vmpowerd " in terminal.output
        stage.vmpower.start()


def test_no_terminal():
    """An error that names an alternative; also on a terminal that is too simple."""
    with scene("none") as stage:
        answer = run(*command(stage, "watch"), check=False)
        assert answer.returncode == 2 and "watch --json" in answer.stderr, answer
        for term in ("dumb", "no-such-terminal"):
            # ncurses does not free this if it can't start
            env = {"ASAN_OPTIONS": "detect_leaks=0"}
            terminal = Terminal(command(stage, "watch"), term=term, env=env)
            try:
                assert terminal.end() == 2 and b"set TERM" in terminal.output, terminal.output
            finally:
                terminal.close()


def test_colours():
    """On a terminal with colours, and not with NO_COLOR."""
    with scene("colours") as stage:
        domain = stage.started("vm", {0: "3"})
        assert domain.power(0, "min") == "ack"
        for no_color, wanted in ((None, True), ("1", False)):
            with watching(stage, term="linux", env={"NO_COLOR": no_color}) as terminal:
                terminal.wait_for("vote of vm")
                assert terminal.screen.colours == wanted, no_color


def test_json_to_a_full_disk():
    """A failed write is reported, once."""
    with scene("full") as stage:
        watch = [*command(stage, "--json", "watch"), ">/dev/full"]
        answer = run("sh", "-c", " ".join(str(word) for word in watch), check=False)
        assert answer.returncode == 1, answer
        told = "vmpowerctl: can't write the output: No space left on device"
        assert answer.stderr.splitlines() == [told], answer


def test_json():
    """watch --json: an object a line, no terminal needed."""
    with scene("json") as stage:
        out = stage.directory / "out"
        watcher = Process(command(stage, "--json", "watch"), out)
        try:
            wait_until(lambda: out.exists() and out.read_text().count("\n"), 20, "the first")
            domain = stage.started("vm", {0: "3"})
            assert domain.power(0, "min") == "ack"
            filters = [
                '.frequency_domains[] | select(.frequency_domain == 3) | .target_khz',
                '.domains[] | select(.name == "vm") | .vcpus[0].vote_khz',
            ]

            def told():
                text = out.read_text().rpartition("\n")[0]
                last = text.split("\n")[-1]
                return [run("jq", wish, data=last).stdout.strip() for wish in filters] == [
                    str(LOWEST)
                ] * 2

            wait_until(told, 20, "vote and target")
        finally:
            watcher.kill()
        first = json.loads(out.read_text().split("\n")[0])
        assert list(first) == ["status", "frequency_domains", "domains"], first
        assert first["frequency_domains"][0]["limits"]["highest_khz"] == HIGHEST


if __name__ == "__main__":
    component_main()
