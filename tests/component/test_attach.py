# SPDX-License-Identifier: BSD-3-Clause
"""vmpowerctl xml, attach and detach on libvirt's test driver, which has domains but can't attach
anything. The rest is in tests/system.
"""

import json
import os
import tempfile

from tests.harness import paths
from tests.harness.process import run
from tests.harness.runner import run_tests

CHANNEL = """<channel type='unix'>
  <target type='virtio' name='virtio.serial.port.poweragent.{}'/>
</channel>
"""
# what other libraries keep until the end is not a leak of ours
QUIET = {"ASAN_OPTIONS": "detect_leaks=0"}


def domain(name, vcpus, *channels, uuid=None):
    """A domain for the test driver."""
    identity = f"<name>{name}</name>" + (f"<uuid>{uuid}</uuid>" if uuid else "")
    return (
        f"<domain type='test'>{identity}<memory>1024</memory><vcpu>{vcpus}</vcpu>"
        f"<os><type>hvm</type></os><devices>{''.join(channels)}</devices></domain>"
    )


def ctl(uri, *words):
    """vmpowerctl on such a libvirt."""
    return run(paths.BIN / "vmpowerctl", "--connect", uri, *words, check=False, env=QUIET)


class Node:
    """libvirt's test driver with these domains."""

    def __init__(self, *domains):
        self.domains = domains

    def __enter__(self):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".xml")
        self.file.write(f"<node>{''.join(self.domains)}</node>")
        self.file.flush()
        return f"test://{self.file.name}"

    def __exit__(self, *_):
        self.file.close()


AGENT = ("<channel type='unix'><source mode='bind' path='/run/agent'/>"
         "<target type='virtio' name='org.qemu.guest_agent.0'/></channel>")
OURS = ("<channel type='unix'><source mode='bind' path='/run/p1'/>"
        "<target type='virtio' name='virtio.serial.port.poweragent.1'/></channel>")


def test_which_libvirt_is_used():
    """The system's libvirt for every user, as for vmpowerd; the environment may name another."""
    with Node(domain("vm", 1)) as uri:
        env = {**QUIET, "LIBVIRT_DEFAULT_URI": uri}
        said = run(paths.BIN / "vmpowerctl", "xml", "vm", check=False, env=env)
        assert said.returncode == 0 and said.stdout == CHANNEL.format(0), said
    nobody = ["setpriv", "--reuid=65534", "--clear-groups"] if not os.geteuid() else []
    env = {**QUIET, "HOME": "/nonexistent"}
    said = run(*nobody, paths.BIN / "vmpowerctl", "xml", "no-such", check=False, env=env)
    assert "at qemu:///system" in said.stderr or "Access denied" in said.stderr, said


def test_xml_prints_what_is_missing():
    with Node(domain("vm", 3, AGENT, OURS)) as uri:
        answer = ctl(uri, "xml", "vm")
        assert answer.returncode == 0, answer
        assert answer.stdout == CHANNEL.format(0) + CHANNEL.format(2), answer.stdout
        assert ctl(uri, "xml", "vm", "--vcpus", "1-2").stdout == CHANNEL.format(2)
        assert ctl(uri, "--vcpus=1", "xml", "vm").stdout == ""
        answer = json.loads(ctl(uri, "xml", "vm", "--json").stdout)
        assert answer == {"domain": "vm", "channels": [
            {"number": number, "xml": CHANNEL.format(number)} for number in (0, 2)]}, answer


def test_wrong_arguments():
    with Node(domain("vm", 2)) as uri:
        for words, status, said in (
            (("xml", "vm", "--vcpus", "x"), 2, "invalid vCPU list"),
            (("xml", "vm", "--vcpus", ""), 2, "invalid vCPU list"),
            (("xml", "vm", "--vcpus", "1-2"), 1, "no vCPU 2: it has 2"),
            (("attach", "vm", "--vcpus", "9999999"), 2, "invalid vCPU list"),
            (("xml", "none"), 1, 'no domain "none": "virsh list --all"'),
            (("xml", "vm", "--live"), 2, "--live is an option of attach detach only"),
            (("status", "--config"), 2, "--config is an option of"),
            (("attach",), 2, "usage: vmpowerctl attach DOMAIN"),
        ):
            answer = ctl(uri, *words)
            assert (answer.returncode, said in answer.stderr) == (status, True), (words, answer)
            assert not answer.stdout, answer


def test_a_name_that_is_the_uuid_of_another_domain():
    """Who is meant can't be known; the other name and the other UUID are certain."""
    uuid = "11111111-1111-1111-1111-1111111111aa"
    liars = "22222222-2222-2222-2222-222222222222"
    forms = uuid, uuid.upper(), uuid.replace("-", "")
    for name in forms:
        with Node(domain("victim", 1, uuid=uuid), domain(name, 2, uuid=liars)) as uri:
            for command in "xml", "attach", "detach":
                answer = ctl(uri, command, name)
                assert answer.returncode == 1 and not answer.stdout, answer
                assert (f'"{name}" is the UUID of domain "victim", and the name of the domain '
                        f"with UUID {liars}: ") in answer.stderr, answer
            assert ctl(uri, "xml", "victim").stdout == CHANNEL.format(0)
            assert ctl(uri, "xml", liars).stdout == CHANNEL.format(0) + CHANNEL.format(1)
            for other in set(forms) - {name}:
                assert ctl(uri, "xml", other).stdout == CHANNEL.format(0), other
    with Node(domain(uuid, 1, uuid=uuid)) as uri:
        assert ctl(uri, "xml", uuid).stdout == CHANNEL.format(0), "it is its own"


def test_libvirt_out_of_reach():
    answer = ctl("qemu+unix:///system?socket=/nowhere", "attach", "vm")
    assert answer.returncode == 3 and "Check that libvirtd" in answer.stderr, answer


def test_libvirt_refuses():
    """libvirt's error, once, and no sign of success."""
    with Node(domain("vm", 2, OURS)) as uri:
        for words in (("attach", "vm"), ("detach", "vm")):
            answer = ctl(uri, *words)
            assert answer.returncode == 1 and not answer.stdout, answer
            assert answer.stderr.count("\n") == 1 and "not supported" in answer.stderr, answer
        answer = ctl(uri, "attach", "vm", "--vcpus", "1", "--live")
        assert answer.returncode == 0, answer
        assert answer.stdout == 'domain "vm", live: channel 1 was there already\n', answer
        answer = ctl(uri, "detach", "vm", "--vcpus", "0", "--json")
        nothing = {"changed": [], "unchanged": [0]}
        assert json.loads(answer.stdout)["live"] == nothing, answer
    with Node(domain("vm", 2)) as uri:
        answer = ctl(uri, "detach", "vm", "--config")
        assert answer.stdout == 'domain "vm", config: it has no power channels\n', answer


def test_channels_that_can_not_be_served():
    bad = OURS.replace("mode='bind'", "mode='connect'")
    with Node(domain("vm", 2, bad)) as uri:
        answer = ctl(uri, "attach", "vm")
        assert answer.returncode == 1 and "use mode='bind'" in answer.stderr, answer


if __name__ == "__main__":
    run_tests()
