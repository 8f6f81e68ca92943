# SPDX-License-Identifier: BSD-3-Clause
"""A domain's own settings, changed with virsh metadata while it runs; with real guests."""

from tests.harness.stage import (
    HIGHEST,
    LOWEST,
    system_main,
    unharmed,
    vote,
)
from tests.harness.standin import NAMESPACE
from tests.harness.wait import wait_until


class Metadata:
    """A domain's settings for vmpower, changed as in README, and as vmpowerd has them."""

    def __init__(self, stage, name):
        self.stage = stage
        self.name = name

    def _virsh(self, *words):
        self.stage.host.virsh("metadata", self.name, "--uri", NAMESPACE, *words)

    def set(self, settings, where="--live"):
        """Replace them all; vmpowerd notices by itself."""
        self._virsh("--key", "vmpower", "--set", f"<domain>{settings}</domain>", where)

    def remove(self):
        """Remove them."""
        self._virsh("--remove", "--live")

    def in_force(self):
        """The settings in vmpowerctl show --json."""
        return self.stage.vmpower.show(self.name)["settings"]

    def wait(self, **expected):
        """Wait until these settings apply; return all of them."""

        def there():
            settings = self.in_force()
            return {key: settings[key] for key in expected} == expected

        wait_until(there, 30, f"settings {expected}", state=self.in_force)
        return self.in_force()


def test_metadata_narrows_a_domain_that_runs(stage):
    """virsh metadata --live: limits, commands, serve; --remove undoes it. Nothing is restarted."""
    pins = {0: stage.first}
    with stage.guests(("narrowed", pins), persistent=True) as (guest,):
        qemu, daemon = guest.qemu_pid(), stage.vmpower.process.pid
        monitor = stage.vmpower.status()["monitor_pid"]
        metadata = Metadata(stage, "narrowed")
        of_the_host = metadata.in_force()
        assert not of_the_host["metadata"], of_the_host
        vote(guest, 0, "max")
        stage.expect_khz(stage.first, HIGHEST)

        metadata.set("<max-frequency>2400000</max-frequency><commands>scale</commands>")
        metadata.wait(max_khz=2400000, commands=["scale"], metadata=True, metadata_error=None)
        stage.expect_khz(stage.first, 2400000)  # the existing vote lies within them
        vote(guest, 0, "noturbo", "nack")
        vote(guest, 0, "min")
        stage.expect_khz(stage.first, LOWEST)
        vote(guest, 0, "max")
        stage.expect_khz(stage.first, 2400000)

        metadata.set("<serve>no</serve><max-frequency>2400000</max-frequency>")
        metadata.wait(serve=False)
        wait_until(
            lambda: stage.vmpower.channel("narrowed", 0)["state"] == "unserved", 30, "no channel"
        )
        stage.expect_khz(stage.first, None)

        metadata.remove()
        assert metadata.wait(metadata=False) == of_the_host
        stage.vmpower.wait_connected("narrowed", 1)
        vote(guest, 0, "max")
        stage.expect_khz(stage.first, HIGHEST)
        assert stage.vmpower.process.pid == daemon
        assert stage.vmpower.status()["monitor_pid"] == monitor
        unharmed(guest, qemu)


def test_metadata_of_the_next_start(stage):
    """--config does not affect the current run."""
    with stage.guests(("later", {0: stage.first}), persistent=True) as (guest,):
        metadata = Metadata(stage, "later")
        metadata.set("<max-frequency>2400000</max-frequency>", "--config")
        metadata.set("<rate>100</rate>")  # reported later, so the former was handled
        metadata.wait(rate=100, max_khz=None)
        vote(guest, 0, "max")
        stage.expect_khz(stage.first, HIGHEST)
        guest.destroy()
        stage.vmpower.wait_forgotten("later")
        guest.start()
        guest.boot().connect()
        settings = metadata.wait(max_khz=2400000)
        assert settings["rate"] != 100, settings
        vote(guest, 0, "max")
        stage.expect_khz(stage.first, 2400000)


def test_wrong_metadata_is_told_and_not_followed(stage):
    """Nor partly: the host's settings apply, and the log says what is allowed."""
    with stage.guests(("mistaken", {0: stage.first})) as (guest,):
        metadata = Metadata(stage, "mistaken")
        of_the_host = metadata.in_force()
        metadata.set("<turbo>no</turbo><max-frequency>2000000</max-frequency>")
        metadata.wait(max_khz=2000000, turbo=False)
        metadata.set("<turbo>no</turbo><max-frequency>2 THz</max-frequency>")
        settings = metadata.wait(max_khz=of_the_host["max_khz"])
        error = settings.pop("metadata_error")
        assert "<max-frequency> is '2 THz'; allowed is 0 (no limit)" in error, error
        assert settings.pop("metadata")
        assert settings.items() <= of_the_host.items(), (settings, of_the_host)
        lines = stage.vmpower.log.read_text(errors="replace").splitlines()
        told = [line for line in lines if "mistaken" in line and "2 THz" in line]
        assert len(told) == 1, told
        for words in ("<metadata>", error, "ignored", "virsh metadata"):
            assert words in told[0], f"{words}: {told[0]}"
        vote(guest, 0, "max")
        stage.expect_khz(stage.first, HIGHEST)
        metadata.remove()
        assert metadata.wait(metadata=False, metadata_error=None) == of_the_host
        vote(guest, 0, "min")
        stage.expect_khz(stage.first, LOWEST)


if __name__ == "__main__":
    system_main(cpus=8)
