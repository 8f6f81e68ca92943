# SPDX-License-Identifier: BSD-3-Clause
"""The man pages are valid, and document everything that the programs have."""

import json
import re

from tests.harness import paths
from tests.harness.process import run
from tests.harness.runner import run_tests

MAN = paths.TREE / "docs/man"
PAGES = sorted(MAN.glob("*.[1-8]"))


def page(name):
    """Its source."""
    return (MAN / name).read_text(encoding="utf-8")


def options(source):
    """Long options that a page has an item for."""
    items = "\n".join(re.findall(r"^\.It (.*Fl Fl .*)$", source, re.MULTILINE))
    return set(re.findall(r"Fl Fl ([a-z-]+)", items))


def items(source):
    """All words of all item headings."""
    return {
        word
        for line in re.findall(r"^\.It (.*)$", source, re.MULTILINE)
        for word in re.findall(r"\b[a-z-]{2,}\b", line)
    }


def test_all_pages_are_there():
    assert [path.name for path in PAGES] == [
        "vmpower-domain.5", "vmpower-guest.1", "vmpower-guest.conf.5", "vmpower-hook.8", "vmpower-protocol.7", "vmpower.conf.5",
        "vmpowerctl.1", "vmpowerd.8",
    ]


def test_mandoc_finds_nothing():
    done = run("mandoc", "-T", "lint", "-W", "warning", *PAGES, check=False)
    assert done.returncode == 0 and not done.stdout.strip(), done.stdout + done.stderr


def test_pages_refer_to_existing_pages():
    known = {path.name for path in PAGES}
    for path in PAGES:
        for name, section in re.findall(r"^\.Xr (vmpower\S*) (\d)", path.read_text(), re.M):
            assert f"{name}.{section}" in known, (path.name, name, section)


def test_catalog_refers_to_existing_pages():
    catalog = (paths.TREE / "packaging/journal/vmpower.catalog").read_text()
    for name, section in re.findall(r"\b(vmpower[\w.-]*)\((\d)\)", catalog):
        assert (MAN / f"{name}.{section}").exists(), (name, section)


def commands_and_options(program):
    """Those of a program are those of its page."""
    there = json.loads(run(paths.BIN / program, "--json", "help").stdout)
    source = page(f"{program}.1")
    documented = re.findall(r"^\.It Cm ([a-z -]+?)(?: (?:Ar|Op) .*)?$", source, re.MULTILINE)
    commands = {command["name"] for command in there["commands"]}
    assert set(documented) == commands, set(documented) ^ commands
    known = {option["name"] for option in there["options"]}
    assert options(source) == known, options(source) ^ known


def test_commands_and_options_of_vmpowerctl():
    commands_and_options("vmpowerctl")


def test_commands_and_options_of_vmpower_guest():
    commands_and_options("vmpower-guest")


def test_options_of_vmpowerd():
    there = set(re.findall(r"--([a-z-]+)", run(paths.BIN / "vmpowerd", "--help").stdout))
    assert options(page("vmpowerd.8")) == there, options(page("vmpowerd.8")) ^ there


def keys(text, section, key):
    """{section: its keys}, by two patterns for lines."""
    found = {}
    for line in text.splitlines():
        heading, name = re.match(section, line), re.match(key, line)
        if heading:
            found[heading[1]] = set()
        elif name and found:
            found[list(found)[-1]] |= set(re.findall(r"[a-z-]+", name[1]))
    return found


def test_keys_of_the_guests_configuration():
    packaged = (paths.TREE / "packaging/guest/guest.conf").read_text()
    there = keys(packaged, r"#?\[([a-z]+)", r"#([a-z-]+) = ")
    source = page("vmpower-guest.conf.5")
    assert keys(source, r"\.Ss \[([a-z]+)", r"\.It Cm (.*?)(?: Pq .*)?$") == there
    defaults = re.findall(r"^#([a-z-]+) = (.*)$", packaged, re.M)
    for name, value in defaults:
        assert re.search(rf"^\.It Cm {name} Pq (?:Cm|Pa) {value}$", source, re.M), (name, value)


def test_keys_of_the_configuration():
    """The keys of the installed file, which is checked against the code."""
    packaged = (paths.TREE / "packaging/vmpower.conf").read_text()
    there = keys(packaged, r"#?\[([a-z]+)", r"#([a-z-]+) = ")
    documented = keys(page("vmpower.conf.5"), r"\.Ss \[([a-z]+)", r"\.It Cm (.*?)(?: Pq .*)?$")
    assert documented == there, (documented, there)


def test_defaults_of_the_configuration():
    """The defaults in parentheses are those of the installed file."""
    there, documented = {}, {}
    section = None
    for line in (paths.TREE / "packaging/vmpower.conf").read_text().splitlines():
        heading, key = re.match(r"#?\[([a-z]+)", line), re.match(r"#([a-z-]+) = (.*)", line)
        if heading:
            section = heading[1]
        elif key:
            there[section, key[1]] = key[2]
    for line in page("vmpower.conf.5").splitlines():
        heading = re.match(r"\.Ss \[([a-z]+)", line)
        item = re.match(r"\.It Cm (.*?) Pq (?:(?:Li|Cm|Pa) )?(.*)$", line)
        if heading:
            section = heading[1]
        elif item:
            for key in re.findall(r"[a-z-]+", item[1]):
                documented[section, key] = item[2]
    assert len(documented) > 10
    for key, value in documented.items():
        assert value == there[key], (key, value, there[key])


def words(source, macro):
    """All arguments of a macro, at the beginning of a line or in an item."""
    lines = re.findall(rf"^\.(?:It )?{macro} (.*)$", source, re.MULTILINE)
    return {word.strip() for line in lines for word in line.split(",")} - {""}


def test_words_of_the_output():
    """vmpowerctl(1) lists all kinds of events, reasons for refusals, and limits of votes."""
    documented = {word.strip() for word in words(page("vmpowerctl.1"), "Sy")}
    kinds = re.findall(r'\[EVENT_\w+\] = "([a-z-]+)"',
                       (paths.TREE / "helper/manager/registry/events.c").read_text())
    reasons = re.findall(r'\[REFUSAL_\w+\] = \{\s*"([a-z-]+)"',
                         (paths.TREE / "helper/manager/registry/refusal_names.c").read_text())
    limits = re.findall(r'(?:return|json_string\(|[?:]) ?"((?:domain-)?(?:min|max|turbo))"',
                        (paths.TREE / "helper/manager/control/cpu_json.c").read_text())
    assert len(kinds) > 10 and len(reasons) > 8 and len(limits) == 5, (kinds, reasons, limits)
    limits = {limit.replace("-", " ") if "-" in limit else f"host {limit}" for limit in limits}
    # "request" is not printed by default; REFUSAL_NONE is not a reason
    expected = (set(kinds) - {"requests"}) | (set(reasons) - {"none"}) | limits
    assert documented == expected, documented ^ expected
    catalog = (paths.TREE / "packaging/journal/vmpower.catalog").read_text()
    for reason in set(reasons) - {"none"}:
        assert re.search(rf"^  {reason}  ", catalog, re.MULTILINE), reason


def test_settings_in_a_domains_xml():
    """The settings of the schema."""
    schema = paths.TREE / "xml/vmpower-domain.rng"
    there = set()
    if schema.exists():
        there = set(re.findall(r'<element name="([a-z-]+)"', schema.read_text())) - {"domain"}
    assert items(page("vmpower-domain.5")) == there, (items(page("vmpower-domain.5")), there)


if __name__ == "__main__":
    run_tests()
