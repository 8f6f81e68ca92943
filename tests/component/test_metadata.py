# SPDX-License-Identifier: BSD-3-Clause
"""Settings in <metadata> of a domain's XML: they apply, may only narrow, errors are reported."""

from tests.harness import paths
from tests.harness.process import run
from tests.harness.scene import HIGHEST, LOWEST, UP, component_main, scene
from tests.harness.standin import NAMESPACE, metadata
from tests.harness.wait import tail, wait_until

XMLLINT_INVALID = 3


def settings_of(stage, domain="vm"):
    """The settings of a domain."""
    return stage.vmpower.show(domain)["settings"]


def test_metadata_narrows_what_the_host_allows():
    """From the hook's XML, at the domain's start."""
    sections = {'domain "vm"': {"max-frequency": UP[4], "queries": "no", "rate": 500}}
    with scene("narrows", sections=sections) as stage:
        domain = stage.domain("vm", {0: "0"})
        domain.metadata = metadata(
            min_frequency=UP[1], max_frequency=HIGHEST, commands="scale", queries="yes", rate=100
        )
        stage.hook(domain)
        domain.accept()
        assert domain.power(0, "min") == "ack"
        stage.expect({0: UP[1]})
        assert domain.power(0, "max") == "ack"
        stage.expect({0: UP[4]})
        assert domain.power(0, "noturbo") == "nack"
        settings = settings_of(stage)
        assert settings["min_khz"] == UP[1] and settings["max_khz"] == UP[4], settings
        assert settings["queries"] is False and settings["rate"] == 100, settings
        assert settings["metadata"] is True and settings["metadata_error"] is None, settings


def test_metadata_changes_while_the_domain_runs():
    """libvirt reports the same domain again, with other metadata. Votes stay."""
    with scene("changes") as stage:
        domain = stage.started("vm", {0: "0"})
        assert domain.power(0, "max") == "ack"
        domain.metadata = metadata(max_frequency=UP[2])
        stage.hook(domain, "reconnect")
        stage.expect({0: UP[2]})
        domain.metadata = metadata(serve="no")
        stage.hook(domain, "reconnect")
        stage.expect({})
        assert domain.channels[0].peer.recv(1) == b""
        domain.metadata = ""
        stage.hook(domain, "reconnect")
        domain.accept()
        assert domain.power(0, "max") == "ack"
        stage.expect({0: HIGHEST})
        assert settings_of(stage)["metadata"] is False


def test_wrong_metadata_is_reported():
    """In the log and by vmpowerctl show; the host's settings apply, and the domain is served."""
    sections = {'domain "*"': {"max-frequency": UP[3]}}
    with scene("wrong", sections=sections) as stage:
        domain = stage.domain("vm", {0: "0"})
        domain.metadata = metadata(turbo="no", max_frequency="2THz")
        stage.hook(domain)
        domain.accept()
        assert domain.power(0, "max") == "ack"
        stage.expect({0: UP[3]})
        error = settings_of(stage)["metadata_error"]
        assert "<max-frequency> is '2THz'; allowed is 0 (no limit), or 1MHz to" in error, error
        assert settings_of(stage)["turbo"] is True
        shown = stage.vmpower.ctl("show", "vm").stdout
        assert "metadata:" in shown and "2THz" in shown, shown
        assert any("<metadata>" in line and "2THz" in line for line in tail(stage.log, 50))
        # valid, but the host allows none of it
        domain.metadata = metadata(min_frequency=UP[5])
        stage.hook(domain, "reconnect")
        wait_until(
            lambda: "no frequency is left" in (settings_of(stage)["metadata_error"] or ""),
            10,
            "the new problem",
        )
        assert domain.power(0, "min") == "ack"
        stage.expect({0: LOWEST})


def test_a_frequency_that_the_cpus_can_not_do_is_wrong():
    """2400 for 2.4 GHz: ignored with the rest, and reported; a unit is understood."""
    with scene("range") as stage:
        domain = stage.domain("vm", {0: "0"})
        domain.metadata = metadata(turbo="no", max_frequency="2400")
        stage.hook(domain)
        domain.accept()
        assert domain.power(0, "max") == "ack"
        stage.expect({0: HIGHEST})
        error = settings_of(stage)["metadata_error"]
        for part in ("<max-frequency> is 2400 kHz", f"{LOWEST} to {HIGHEST} kHz", "2.4GHz"):
            assert part in error, error
        assert settings_of(stage)["turbo"] is True
        assert any("<metadata>" in line and "2400 kHz" in line for line in tail(stage.log, 50))
        domain.metadata = metadata(turbo="no", max_frequency="2.4 GHz")
        stage.hook(domain, "reconnect")
        stage.expect({0: 2400000})
        assert settings_of(stage)["metadata_error"] is None
        assert "is not a step" not in stage.logged()
        domain.metadata = metadata(turbo="no", max_frequency="2300 MHz")
        stage.hook(domain, "reconnect")
        stage.expect({0: 2000000})
        assert ('domain "vm": max-frequency 2300000 kHz is not a step of policy0 (and of 7 others): '
                "2000000 kHz applies there") in stage.logged()


def test_metadata_of_the_next_run():
    """The metadata ends with the domain."""
    with scene("next") as stage:
        domain = stage.domain("vm", {0: "0"})
        domain.metadata = metadata(max_frequency=UP[1])
        stage.hook(domain)
        domain.accept()
        stage.hook(domain, "stopped")
        stage.vmpower.wait_forgotten("vm")
        domain.metadata = ""
        stage.hook(domain)
        domain.accept()
        assert domain.power(0, "max") == "ack"
        stage.expect({0: HIGHEST})


def test_reload_and_metadata():
    """Metadata that the host did not allow applies once it is allowed."""
    with scene("reload", sections={'domain "vm"': {"max-frequency": UP[1]}}) as stage:
        domain = stage.domain("vm", {0: "0"})
        domain.metadata = metadata(min_frequency=UP[2])
        stage.hook(domain)
        domain.accept()
        assert domain.power(0, "min") == "ack"
        stage.expect({0: LOWEST})
        stage.sections['domain "vm"']["max-frequency"] = 0
        stage.vmpower.configure(stage.sections)
        stage.vmpower.ctl("reload")
        stage.expect({0: UP[2]})
        assert settings_of(stage)["metadata_error"] is None


def test_schema():
    """Each sample's name has the verdict; the parser's test uses the same samples."""
    good = bad = 0
    for sample in sorted((paths.TREE / "tests/metadata").glob("*.xml")):
        done = run(
            "xmllint",
            "--noout",
            "--nonet",
            "--relaxng",
            paths.TREE / "xml/vmpower-domain.rng",
            sample,
            check=False,
        )
        wanted = 0 if sample.name.startswith("good-") else XMLLINT_INVALID
        assert done.returncode == wanted, f"{sample.name}: {done.stderr}"
        good, bad = good + (wanted == 0), bad + (wanted != 0)
    assert good >= 10 and bad >= 20


def test_the_namespace_is_the_same_everywhere():
    """Header, schema, README."""
    for name in ("common/domain_settings.h", "xml/vmpower-domain.rng", "README.md"):
        assert NAMESPACE in (paths.TREE / name).read_text(encoding="utf-8"), name


if __name__ == "__main__":
    component_main()
