# SPDX-License-Identifier: BSD-3-Clause
"""Log lines in the journal: their fields, the catalog, and the log level."""

import contextlib
import os
import re
import socket
import struct
import sys
import time
from pathlib import Path


from tests.harness import paths
from tests.harness.process import run
from tests.harness.runner import Skip
from tests.harness.scene import LOWEST, UP, component_main, private_programs, scene
from tests.harness.standin import metadata
from tests.harness.wait import tail, wait_until

JOURNAL = Path("/run/systemd/journal/socket")
CATALOG = paths.TREE / "packaging/journal/vmpower.catalog"
MESSAGE_ID = paths.TREE / "helper/manager/log/message_id.h"


def message_ids():
    """{name of the message in the code: its MESSAGE_ID}"""
    return dict(re.findall(r"X\((MESSAGE_\w+),\s*\"([0-9a-f]{32})\"\)", MESSAGE_ID.read_text()))


def entry(datagram):
    """The fields of a datagram: NAME=text, or NAME, size and bytes."""
    fields = {}
    while datagram:
        line, _, datagram = datagram.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            (size,) = struct.unpack_from("<Q", datagram)
            value, datagram = datagram[8 : 8 + size], datagram[9 + size :]
        fields[name.decode()] = value.decode()
    return fields


class Journal:
    """Stands in for journald; in a mount namespace of our own."""

    def __init__(self):
        if os.geteuid():
            raise Skip("needs root, for a journal's socket of its own")
        JOURNAL.parent.mkdir(parents=True, exist_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(JOURNAL))
        self.socket.setblocking(False)
        self.entries = []

    def close(self):
        """End the journal."""
        self.socket.close()
        JOURNAL.unlink()

    def read(self):
        """All entries so far."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.entries.append(entry(self.socket.recv(65536)))
        return self.entries

    def wait(self, message, **fields):
        """The entry of this kind that has these fields."""
        wanted = {"MESSAGE_ID": message_ids()[message], **fields}

        def found():
            return [e for e in self.read() if wanted.items() <= e.items()]

        wait_until(found, 20, f"{message} {fields}", state=lambda: self.entries)
        return found()[-1]


def start(stage, stream, preexec=None):
    """Start the daemon as systemd does: with JOURNAL_STREAM."""
    os.environ["JOURNAL_STREAM"] = stream
    try:
        stage.vmpower.start(preexec)
    finally:
        del os.environ["JOURNAL_STREAM"]


@contextlib.contextmanager
def journal_scene(name):
    """A scene whose daemon takes its stderr for the journal."""
    with contextlib.closing(Journal()) as journal, scene(name, start=False) as stage:
        stage.log.touch()
        status = stage.log.stat()
        start(stage, f"{status.st_dev}:{status.st_ino}")
        yield journal, stage


def test_fields_in_the_journal():
    """Each entry names what it is about; only the monitor's lines are on stderr."""
    with journal_scene("fields") as (journal, stage):
        serving = journal.wait("MESSAGE_SERVING")
        assert serving["PRIORITY"] == "6" and serving["SYSLOG_IDENTIFIER"] == "vmpowerd", serving
        assert "CODE_FILE" not in serving, serving
        domain = stage.started("vm\u00e9", {0: "2"})
        about = {"VMPOWER_DOMAIN": "vm\u00e9", "VMPOWER_DOMAIN_UUID": domain.uuid}
        registered = journal.wait("MESSAGE_DOMAIN_REGISTERED", **about)
        assert registered["VMPOWER_REASON"] in registered["MESSAGE"], registered
        journal.wait("MESSAGE_CHANNEL_CONNECTED", VMPOWER_CHANNEL="0", **about)
        assert domain.power(0, "min") == "ack"
        stage.vmpower.ctl("set", domain.uuid, "0", str(UP[2]))
        fixed = journal.wait("MESSAGE_OVERRIDE", VMPOWER_VCPU="0", **about)
        assert fixed["VMPOWER_NEW_KHZ"] == str(UP[2]) and "VMPOWER_OLD_KHZ" not in fixed, fixed
        assert fixed["PRIORITY"] == "5", fixed
        stage.vmpower.ctl("set", domain.uuid, "0", "release")
        journal.wait("MESSAGE_OVERRIDE", VMPOWER_OLD_KHZ=str(UP[2]), **about)
        stage.expect({2: LOWEST})
        stage.hook(domain, "stopped")
        journal.wait("MESSAGE_DOMAIN_UNREGISTERED", **about)
        assert not any("<domain" in field for e in journal.read() for field in e.values())
        lines = stage.logged().splitlines()
        assert all(re.match("<[3-7]>", line) for line in lines), lines


def test_bad_metadata():
    """The domain and the error; what changed as a result is an entry of the domain as well."""
    with journal_scene("metadata") as (journal, stage):
        domain = stage.started("vm", {0: "2"})
        about = {"VMPOWER_DOMAIN": "vm", "VMPOWER_DOMAIN_UUID": domain.uuid}
        domain.metadata = metadata(turbo="no")
        stage.hook(domain, "reconnect")
        journal.wait("MESSAGE_DOMAIN_CHANGED", **about)
        domain.metadata = metadata(turbo="perhaps")
        stage.hook(domain, "reconnect")
        wrong = journal.wait("MESSAGE_METADATA_WRONG", PRIORITY="4", **about)
        assert wrong["VMPOWER_REASON"].startswith("<turbo> is 'perhaps'; allowed is"), wrong
        assert wrong["VMPOWER_REASON"] in wrong["MESSAGE"], wrong


def test_bad_domain_xml():
    """The domain is not served: its name, and the error."""
    with journal_scene("unreadable") as (journal, stage):
        domain = stage.domain("bad", {0: "2"})
        domain.xml = lambda running: f"<domain type='kvm'><name>{domain.name}</name></domain>"
        stage.hook(domain)
        refused = journal.wait("MESSAGE_DOMAIN_NOT_SERVED", VMPOWER_DOMAIN="bad", PRIORITY="3")
        assert refused["MESSAGE"] == (
            f'domain "bad" (hook started): not served: {refused["VMPOWER_REASON"]}'
        ), refused


def test_requests_that_are_refused():
    """Domain, channel, vCPU and reason: the monitor reports them, the manager logs them."""
    with journal_scene("refused") as (journal, stage):
        domain = stage.started("vm", {0: "2"}, vcpus=2, channels=(0, 7))
        about = {"VMPOWER_DOMAIN": "vm", "VMPOWER_DOMAIN_UUID": domain.uuid, "PRIORITY": "4"}
        assert domain.channels[7].power(1, "min") == "nack"
        refused = journal.wait("MESSAGE_REQUEST_REFUSED", VMPOWER_CHANNEL="7", **about)
        assert refused["VMPOWER_VCPU"] == "1", refused
        assert refused["VMPOWER_REASON"] == "unpinned", refused
        assert "request refused: unpinned (the vCPU is not pinned: " in refused["MESSAGE"], refused
        assert domain.channels[0].power(2, "min") == "nack"
        refused = journal.wait("MESSAGE_REQUEST_REFUSED", VMPOWER_CHANNEL="0", **about)
        assert "VMPOWER_VCPU" not in refused and refused["VMPOWER_REASON"] == "vcpu", refused
        for _i in range(30):
            assert domain.channels[0].power(2, "min") == "nack"
        stage.vmpower.ctl("log-level", "info")  # its line comes after all of those
        journal.wait("MESSAGE_LOG_LEVEL")
        kind = message_ids()["MESSAGE_REQUEST_REFUSED"]
        lines = [e for e in journal.read() if e.get("MESSAGE_ID") == kind]
        assert 2 < len(lines) <= 2 + 2 * 5, lines
        assert "refused" not in stage.log.read_text()


def test_values_set_by_someone_else():
    """The CPUs, our value, the value found."""
    with journal_scene("foreign") as (journal, stage):
        domain = stage.started("vm", {0: "2"})
        assert domain.power(0, "min") == "ack"
        stage.expect({2: LOWEST})
        stage.tree.write(2, "scaling_setspeed", UP[2])
        found = journal.wait("MESSAGE_FOREIGN")
        assert found["VMPOWER_NEW_KHZ"] == str(UP[2]), found
        assert found["VMPOWER_OLD_KHZ"] == str(LOWEST), found
        assert found["VMPOWER_FREQUENCY_DOMAIN"] == found["VMPOWER_CPUS"] == "2", found
        assert found["VMPOWER_REASON"] == "scaling_setspeed", found


def test_a_monitor_that_ends():
    """Its end is logged; its successor goes on."""
    with journal_scene("ended") as (journal, stage):
        stage.vmpower.kill_monitor()
        assert journal.wait("MESSAGE_MONITOR_ENDED")["PRIORITY"] == "3"


def test_without_a_journal_stderr_will_do():
    """A JOURNAL_STREAM that does not match our stderr is not ours."""
    with contextlib.closing(Journal()) as journal, scene("stderr", start=False) as stage:
        start(stage, "8:1")
        wait_until(lambda: "vmpowerd: vmpowerd " in stage.log.read_text(), 10, "a line")
        assert not journal.read(), journal.entries


def test_log_level_at_run_time():
    """For manager and monitor, and for a monitor started later."""
    with scene("level") as stage:
        text = stage.vmpower.ctl("log-level", "error").stdout
        assert text == "log level error until vmpowerd ends, it was info\n", text
        domain = stage.started("vm", {0: "2"}, vcpus=2)
        assert domain.power(1, "min") == "nack"
        said = stage.log.read_text()
        assert 'domain "vm"' not in said, said

        stage.vmpower.kill_monitor()
        assert domain.power(1, "min") == "nack"
        assert "request refused" not in stage.log.read_text()

        reply = stage.vmpower.ask("log-level", "info")
        assert reply == {"previous_level": "error"}, reply

        def refused():
            assert domain.power(1, "min") == "nack"
            return (
                'vmpowerd: domain "vm", channel 1: request refused: unpinned (the vCPU is '
                'not pinned: "virsh vcpupin" pins it)' in stage.log.read_text()
            )

        wait_until(refused, 20, "the monitor to say so")
        wrong = stage.vmpower.ctl("log-level", "loud", check=False)
        assert wrong.returncode == 2 and "use error, warning" in wrong.stderr, wrong


# A monitor that a guest has taken over: it answers, and sends whatever is logged.
FLOODER = """#!{python}
import itertools, os, pathlib, select, socket, struct, sys

HELLO, HELLO_END, END = 60, 62, 63
READY, WRITE_FAILED, VIOLATION, PONG, REFUSED = 32, 36, 37, 38, 39
CHANNEL_ADD, ACQUIRED, PING, ACQUIRE = 7, 10, 12, 33
link, _ = socket.socket(fileno=3).accept()
me = os.stat(sys.argv[0])
link.send(struct.pack("=IIIIQQQq", HELLO, 0, {link_version}, {state_version},
                      me.st_dev, me.st_ino, me.st_size, me.st_mtime_ns))
link.send(struct.pack("=II", HELLO_END, 0))
link.setblocking(False)
sent, acquired, channels = 0, 0, 0
for i in itertools.count():
    readable, writable, _ = select.select([link], [link] if acquired == 8 and sent < {messages} else [], [])
    if readable:
        data, fds, _, _ = socket.recv_fds(link, 65536, 4)
        if not data:
            break
        kind = struct.unpack_from("=I", data)[0]
        if kind == END:
            break
        channels += kind == CHANNEL_ADD
        acquired += kind == ACQUIRED
        link.setblocking(True)
        if kind == PING:
            link.send(struct.pack("=II", PONG, 0))
        for fdom in range(8) if channels == 8 and kind == CHANNEL_ADD else ():
            link.send(struct.pack("=III", ACQUIRE, 0, fdom))
        link.setblocking(False)
    if writable:
        sent += 1
        link.send((
            struct.pack("=IIIIII", REFUSED, 0, i % 8, 1 + i % 5, i % 1000, i),
            struct.pack("=IIIiI", WRITE_FAILED, 0, i % 8, -(1 + i % 100), 1000000 + i),
            struct.pack("=III", VIOLATION, 0, i % 400),
        )[i % 3])
        if sent == {messages}:
            pathlib.Path("{done}").write_text("")
"""
MESSAGES = 4000
MOST_LINES = 440 + 5  # in 10 s, and how many were left out


def defined(header, name):
    """The number of a #define of the link."""
    text = (paths.TREE / "helper/link" / header).read_text()
    return re.search(rf"#define {name} (\d+)", text).group(1)


def test_a_monitor_that_was_taken_over_floods_no_log():
    """And hides nothing: neither what else is wrong, nor that lines are missing."""
    with scene("flood", start=False) as stage, private_programs(stage.directory) as place:
        done = stage.directory / "done"
        program = place / "vmpower-monitor"
        program.unlink()
        program.write_text(FLOODER.format(
            python=sys.executable, messages=MESSAGES, done=done,
            link_version=defined("message.h", "LINK_VERSION"),
            state_version=defined("shared_state.h", "SHARED_STATE_VERSION")))
        program.chmod(0o755)
        began = time.monotonic()
        stage.vmpower.start()
        domain = stage.domain("vm", {n: str(n) for n in range(8)})
        stage.hook(domain)
        wait_until(done.exists, 60, "all messages to be sent")
        stage.vmpower.ctl("status")  # so they have been read
        windows = 2 + int((time.monotonic() - began) / 10)
        lines = stage.logged().splitlines()
        assert len(lines) <= windows * MOST_LINES, f"{len(lines)} lines"
        stage.hook(stage.domain("other", {0: "0"}))
        wait_until(lambda: 'domain "other" (hook started): registered' in stage.logged(), 10,
                   "a line about another domain")
        stage.vmpower.stop()
        said = stage.logged()
        assert "stopping: signal 15" in said, tail(stage.log)
        for what in ("errors", "warnings"):
            assert f"more {what} were left out; the first: " in said, what


def test_catalog_explains_each_message():
    """Exactly the messages that are used; each field that an entry names is set."""
    catalog = CATALOG.read_text()
    ids = message_ids()
    listed = re.findall(r"^-- (\S+)", catalog, re.MULTILINE)
    assert sorted(listed) == sorted(ids.values()), set(listed) ^ set(ids.values())
    code = "".join(path.read_text() for path in (paths.TREE / "helper/manager").rglob("*.c"))
    for name in ids:
        assert re.search(rf"\b{name}\b", code), f"{name} is used nowhere"
    source = (paths.TREE / "helper/manager/log/journal.c").read_text()
    fields = set(re.findall(r'"(VMPOWER_\w+)=', source))
    assert set(re.findall(r"@(\w+)@", catalog)) <= fields


def test_catalog_is_valid():
    """journalctl accepts it, and finds each entry."""
    if os.geteuid():
        raise Skip("needs root, for a directory that stands for /")
    root = Path("/run/catalog-root")
    source = root / "usr/lib/systemd/catalog"
    source.mkdir(parents=True)
    (root / "var/lib/systemd/catalog").mkdir(parents=True)
    (source / "vmpower.catalog").write_text(CATALOG.read_text())
    done = run("journalctl", f"--root={root}", "--update-catalog")
    assert not done.stderr.strip(), done.stderr
    ids = sorted(message_ids().values())
    listed = run("journalctl", f"--root={root}", "--list-catalog").stdout
    assert sorted(line.split()[0] for line in listed.splitlines() if line.strip()) == ids, listed
    dumped = run("journalctl", f"--root={root}", "--dump-catalog", *ids).stdout
    for field in ("Subject", "Defined-By", "Support"):
        assert dumped.count(f"{field}: ") == len(ids), dumped


if __name__ == "__main__":
    component_main()
