# SPDX-License-Identifier: BSD-3-Clause
"""Build and install: the libraries of each program, the files of make install and uninstall."""

import os
import subprocess
import tempfile
from pathlib import Path

from tests.harness import paths
from tests.harness.process import run
from tests.harness.runner import run_tests

PROGRAMS = paths.TREE / "build/bin"

PAGES = sorted((paths.TREE / "docs/man").glob("*.[1-8]"))

# path below DESTDIR: mode
INSTALLED = {
    "usr/local/sbin/vmpowerd": 0o755,
    "usr/local/bin/vmpowerctl": 0o755,
    "usr/local/libexec/vmpower/vmpower-monitor": 0o755,
    "usr/local/share/vmpower/vmpower-domain.rng": 0o644,
    "usr/local/libexec/vmpower/vmpower-stopping": 0o755,
    "etc/libvirt/hooks/qemu.d/50-vmpower": 0o755,
    "etc/vmpower/vmpower.conf": 0o644,
    "usr/local/lib/systemd/system/vmpowerd.service": 0o644,
    "usr/local/lib/systemd/system/vmpowerd.socket": 0o644,
    "usr/local/lib/systemd/system/vmpowerd-hook.socket": 0o644,
    "usr/local/lib/systemd/system/vmpower-monitor.service": 0o644,
    "usr/local/lib/systemd/system/vmpower-monitor.socket": 0o644,
    "usr/local/lib/systemd/system/vmpower-restore.service": 0o644,
    "usr/local/lib/systemd/system/vmpower-metrics.service": 0o644,
    "usr/local/lib/systemd/system/vmpower-metrics.timer": 0o644,
    "usr/local/lib/systemd/system-preset/80-vmpower.preset": 0o644,
    "usr/local/lib/sysusers.d/vmpower.conf": 0o644,
    "usr/local/lib/tmpfiles.d/vmpower.conf": 0o644,
    "usr/local/lib/systemd/catalog/vmpower.catalog": 0o644,
    **{f"usr/local/share/man/man{page.suffix[1:]}/{page.name}": 0o644
       for page in PAGES if not page.name.startswith("vmpower-guest")},
    "usr/local/share/bash-completion/completions/vmpowerctl": 0o644,
    "usr/local/share/zsh/site-functions/_vmpowerctl": 0o644,
}


# of make install-guest
INSTALLED_IN_A_GUEST = {
    "usr/local/bin/vmpower-guest": 0o755,
    **{f"usr/local/share/man/man{page.suffix[1:]}/{page.name}": 0o644
       for page in PAGES if page.name.startswith("vmpower-guest")},
    "usr/local/share/bash-completion/completions/vmpower-guest": 0o644,
    "usr/local/share/zsh/site-functions/_vmpower-guest": 0o644,
    "usr/local/lib/systemd/system/vmpower-guest.service": 0o644,
    "usr/local/lib/udev/rules.d/70-vmpower-guest.rules": 0o644,
    "usr/local/lib/sysusers.d/vmpower-guest.conf": 0o644,
    "etc/vmpower/guest.conf": 0o644,
}


def needed(program):
    """The libraries that a program names, without the loader."""
    listed = run("ldd", PROGRAMS / program).stdout
    names = {line.split()[0].split(".so")[0] for line in listed.splitlines() if line.strip()}
    return {Path(name).name for name in names} - {"linux-vdso", "linux-gate", "ld-linux-x86-64",
                                                  "ld-linux-aarch64", "ld64"}


def test_hook_links_libc_alone():
    assert needed("vmpower-hook") == {"libc"}, needed("vmpower-hook")


def test_monitor_links_no_library_of_the_manager():
    assert needed("vmpower-monitor") <= {"libc", "libseccomp"}, needed("vmpower-monitor")


def test_the_guests_program_links_little():
    assert needed("vmpower-guest") <= {"libc", "libjansson"}, needed("vmpower-guest")
    make("guest-static")
    static = PROGRAMS / "vmpower-guest.static"
    assert "statically linked" in run("ldd", static, check=False).stdout
    assert run(static, "--version").stdout == run(PROGRAMS / "vmpower-guest", "--version").stdout


def make(*words):
    """Run make as an installing user does, without an outer make's settings."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(["make", "-C", str(paths.TREE), *words], env=environment, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout


def files(root):
    """{path below root: mode} of every file."""
    return {str(path.relative_to(root)): path.lstat().st_mode & 0o7777
            for path in root.rglob("*") if not path.is_dir()}


def test_install_and_uninstall():
    with tempfile.TemporaryDirectory(prefix="vmpower-install-") as name:
        root = Path(name)
        make("install", f"DESTDIR={root}")
        assert files(root) == INSTALLED, files(root)
        hook = root / "etc/libvirt/hooks/qemu.d/50-vmpower"
        assert not hook.is_symlink(), "AppArmor lets libvirt run real files only"
        unit = (root / "usr/local/lib/systemd/system/vmpowerd.service").read_text()
        assert "ExecStart=/usr/local/sbin/vmpowerd\n" in unit, unit

        # the operator's changes survive both
        config = root / "etc/vmpower/vmpower.conf"
        config.write_text("[limits]\nturbo = no\n")
        make("install", f"DESTDIR={root}")
        make("uninstall", f"DESTDIR={root}")
        assert files(root) == {"etc/vmpower/vmpower.conf": 0o644}, files(root)
        assert config.read_text() == "[limits]\nturbo = no\n"


def test_install_and_uninstall_in_a_guest():
    with tempfile.TemporaryDirectory(prefix="vmpower-install-") as name:
        root = Path(name)
        make("install-guest", f"DESTDIR={root}")
        assert files(root) == INSTALLED_IN_A_GUEST, files(root)
        make("uninstall-guest", f"DESTDIR={root}")
        assert files(root) == {"etc/vmpower/guest.conf": 0o644}, files(root)


def test_installed_configuration_is_valid():
    run(PROGRAMS / "vmpowerd", "--check-config", paths.TREE / "packaging/vmpower.conf")
    run(PROGRAMS / "vmpower-guest", "agent", "--check-config", "--config",
        paths.TREE / "packaging/guest/guest.conf")


def test_the_guests_configuration_shows_the_defaults():
    lines = (paths.TREE / "packaging/guest/guest.conf").read_text().split("\n\n", 1)[1]
    shown = "\n".join(line.removeprefix("#") if " = " in line and line[1] != " " else line
                      for line in lines.splitlines())
    assert run(PROGRAMS / "vmpower-guest", "agent", "--print-config").stdout.strip() == shown.strip()


if __name__ == "__main__":
    run_tests()
