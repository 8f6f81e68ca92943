# SPDX-License-Identifier: BSD-3-Clause
"""The RPMs: build, files, scriptlets; installed into their own root, upgraded, removed."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.harness import paths
from tests.harness.process import run
from tests.harness.runner import run_tests

TOP = paths.TREE / "build/rpm"
TOP_NEWER = paths.TREE / "build/rpm-newer"
NEWER = "999.0.0"
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}

# "make install" and the package: /usr/local becomes /usr; what only the package has
PACKAGE_ONLY = ("usr/share/doc/", "usr/share/licenses/", "usr/lib/.build-id")


def make(*words):
    done = subprocess.run(["make", "-C", str(paths.TREE), *words], env=CLEAN, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout[-8000:]


def package(name="vmpower", top=TOP):
    """The one package of that name."""
    found = sorted(top.glob(f"RPMS/*/{name}-[0-9]*.rpm"))
    assert len(found) == 1, f"{name}: {found}"
    return found[0]


def newer_package():
    """The next release: another version, and another default configuration.

    Built from a tarball outside the git tree, as a distribution does.
    """
    make("dist")
    tarball = max(paths.BUILD.glob("vmpower-[0-9]*.tar.gz"), key=lambda path: path.stat().st_mtime)
    with tempfile.TemporaryDirectory(prefix="vmpower-newer-") as name:
        run("tar", "-C", name, "--strip-components=1", "-xf", tarball)
        makefile, config = Path(name, "Makefile"), Path(name, "packaging/vmpower.conf")
        text, n = re.subn(r"^VERSION := .*$", f"VERSION := {NEWER}", makefile.read_text(), flags=re.M)
        assert n == 1, "the Makefile has no VERSION"
        makefile.write_text(text)
        config.write_text(config.read_text() + f"# {NEWER} has another key\n")
        make("-C", name, "rpm", "RPM_FLAGS=--without check --without selinux")
        shutil.rmtree(TOP_NEWER, ignore_errors=True)
        shutil.copytree(Path(name, "build/rpm/RPMS"), TOP_NEWER / "RPMS")
    return package(top=TOP_NEWER)


def query(form, name="vmpower"):
    return run("rpm", "-qp", "--qf", form, package(name)).stdout


def test_packages_are_built():
    # the unit tests are not run again: they ran with sanitizers
    make("rpm", "RPM_FLAGS=--without check")
    package("vmpower")
    package("vmpower-selinux")
    package("vmpower-guest")


def files_are_those_of(target, name_of_package):
    """The package has the files of this target of the Makefile."""
    with tempfile.TemporaryDirectory(prefix="vmpower-rpm-") as name:
        make(target, f"DESTDIR={name}")
        expected = {}
        for path in Path(name).rglob("*"):
            if path.is_dir():
                continue
            below = str(path.relative_to(name)).replace("usr/local/", "usr/")
            expected[below] = path.lstat().st_mode & 0o777
    listed = query("[%{FILEMODES:octal} %{FILEUSERNAME} %{FILEGROUPNAME} %{FILENAMES}\n]",
                   name_of_package)
    found = {}
    for line in listed.splitlines():
        mode, user, group, path = line.split(" ", 3)
        if path == "/run/vmpower":
            assert (mode, user, group) == ("40755", "vmpower", "vmpower"), line
            continue  # systemd creates it
        assert (user, group) == ("root", "root"), line
        below = path.lstrip("/")
        if not int(mode, 8) & 0o40000 and not below.startswith(PACKAGE_ONLY):
            below = re.sub(r"(/man\d/.*)\.gz$", r"\1", below)
            found[below] = int(mode, 8) & 0o777
    assert found == expected, f"differ: {set(found.items()) ^ set(expected.items())}"


def test_files_are_those_of_make_install():
    files_are_those_of("install", "vmpower")
    files_are_those_of("install-guest", "vmpower-guest")


def test_directories_and_configuration():
    listed = query("[%{FILEMODES:octal} %{FILEFLAGS:fflags}, %{FILENAMES}\n]").splitlines()
    for wanted in ("40755 , /etc/libvirt/hooks", "40755 , /etc/libvirt/hooks/qemu.d",
                   "40700 , /etc/libvirt", "100644 cn, /etc/vmpower/vmpower.conf",
                   "40755 , /etc/vmpower/vmpower.conf.d", "40755 g, /run/vmpower"):
        assert wanted in listed, f"no {wanted!r} in {listed}"


def scriptlet(kind, name="vmpower"):
    text = query("%{" + kind + "}", name)
    checked = subprocess.run(["sh", "-n"], input=text, text=True, check=False,
                             stderr=subprocess.PIPE)
    assert checked.returncode == 0, f"{kind}: {checked.stderr}"
    return text


def test_scriptlets():
    post, preun, postun = scriptlet("POSTIN"), scriptlet("PREUN"), scriptlet("POSTUN")
    assert "virtqemud.service libvirtd.service" in post and "systemctl reload $unit" in post
    for text in (post, preun, postun):
        assert not re.search(r"restart.*(virtqemud|libvirtd|\$unit)", text), text
    assert 0 <= preun.find("chmod a-x") < preun.find("vmpowerd.service"), preun
    assert preun.find("vmpowerd-hook.socket") < preun.find("rm -rf /run/vmpower"), preun
    # the monitor ends after vmpowerd, and its last word is waited for
    monitor = preun.find("vmpower-monitor.service")
    assert preun.find("vmpowerd.service") < monitor < preun.find("start vmpower-restore.service") \
        < preun.find("rm -rf /run/vmpower"), preun
    # an upgrade leaves it: the new vmpowerd replaces one whose program has changed
    for text in (post, postun):
        assert "vmpower-monitor" not in text, text
    # the new version serves clients that wait in the socket
    assert not re.search(r"restart.*[.]socket", postun), postun
    assert "try-restart" in postun or "systemd-update-helper" in postun, postun
    for kind in ("PREIN", "POSTIN", "POSTUN"):
        scriptlet(kind, "vmpower-selinux")


# The root has no other packages and no shell: scriptlets are checked, not run.
ALONE = ("--nodeps", "--noscripts")


def rpm(root, *words):
    return run("rpm", "--root", root, *words)


def test_install_upgrade_remove():
    with tempfile.TemporaryDirectory(prefix="vmpower-root-") as name:
        root = Path(name)
        rpm(root, "--initdb")
        rpm(root, *ALONE, "-i", package())
        hook = root / "etc/libvirt/hooks/qemu.d/50-vmpower"
        assert hook.is_file() and not hook.is_symlink()
        assert hook.stat().st_mode & 0o7777 == 0o755 and hook.stat().st_uid == 0
        assert rpm(root, "-V", "--nodeps", "--noscripts", "vmpower").stdout == ""
        config = root / "etc/vmpower/vmpower.conf"
        config.write_text("[limits]\nturbo = no\n")
        rpm(root, *ALONE, "-U", "--replacepkgs", package())
        assert config.read_text() == "[limits]\nturbo = no\n"
        rpm(root, *ALONE, "-e", "vmpower")
        kept = config.with_name("vmpower.conf.rpmsave")
        assert kept.read_text() == "[limits]\nturbo = no\n"
        # no package owns the system's directories here, so they stay
        left = {p for p in root.rglob("*") if not p.is_dir() and "rpmdb" not in str(p)}
        assert left == {kept}, sorted(map(str, left))
        ours = {p for p in root.rglob("vmpower*") if p.is_dir()} - {kept.parent}
        assert not ours and not (root / "etc/libvirt").exists(), sorted(map(str, ours))


def test_rpmlint_finds_nothing():
    done = subprocess.run(["rpmlint", "-c", paths.TREE / "packaging/rpm/vmpower.rpmlintrc.toml",
                           package(), package("vmpower-selinux")],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    # vmpower.rpmlintrc.toml has the reasons for exceptions
    assert " 0 errors, 0 warnings" in done.stdout, done.stdout


if __name__ == "__main__":
    run_tests()
