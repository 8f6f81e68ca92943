# SPDX-License-Identifier: BSD-3-Clause
"""vmpower-hook when everything goes wrong: it must exit with status 0, in time, with no output on
stdout or stderr, and one line to syslog.
"""

import contextlib
import functools
import os
import resource
import signal
import socket
import stat
import subprocess
import tempfile
import time
from pathlib import Path

from tests.harness import paths
from tests.harness.isolate import isolate
from tests.harness.process import milliseconds_since
from tests.harness.runner import run_tests

ALONE = True  # it measures the hook's deadline
DEADLINE_MS = 200
SLACK_MS = 10000  # for the end; one test below measures the deadline
XML = b"<domain type='kvm' id='1'><name>x</name></domain>\n" * 100
ARGUMENTS = ("x", "started", "begin", "-")


class Syslog:
    """What a program logs with syslog(3)."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("/dev/log")
        self.socket.setblocking(False)

    def lines(self):
        """The lines since the last call."""
        got = []
        with contextlib.suppress(BlockingIOError):
            while True:
                got.append(self.socket.recv(65536).decode(errors="replace"))
        return got


def private_dev():
    """A private /dev, for /dev/log: the host's is untouched."""
    devices = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8),
               "urandom": (1, 9), "tty": (5, 0)}
    new = tempfile.mkdtemp(dir="/run")
    subprocess.run(["mount", "-t", "tmpfs", "none", new], check=True)
    for name, (major, minor) in devices.items():
        os.mknod(f"{new}/{name}", 0o666 | stat.S_IFCHR, os.makedev(major, minor))
    subprocess.run(["mount", "--move", new, "/dev"], check=True)
    os.rmdir(new)


SYSLOG = None
WORK = None
RUN = None


class Manager:
    """A stand-in for vmpowerd's hook socket."""

    def __init__(self, backlog=8):
        self.path = Path(tempfile.mkdtemp(dir=WORK)) / "hook.sock"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.bind(str(self.path))
        self.socket.listen(backlog)

    def event(self):
        """Accept one hook, return its connection, message, and fds."""
        connection, _ = self.socket.accept()
        message, fds, _, _ = socket.recv_fds(connection, 4096, 4)
        return connection, message, fds

    def connect(self):
        """A client that takes a place in the backlog."""
        client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        client.connect(str(self.path))
        return client


def start(*arguments, where="/nonexistent/hook.sock", stdin=subprocess.PIPE, preexec=None):
    """Start the hook as libvirt does: with hardly any environment."""
    SYSLOG.lines()
    environment = {"LC_ALL": "C", "VMPOWER_HOOK_SOCKET": str(where)}
    # looking for leaks takes fds, and the hook allocates nothing
    environment["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    began = time.monotonic()
    hook = subprocess.Popen([paths.BIN / "vmpower-hook", *arguments], cwd="/", env=environment,
                            stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            preexec_fn=preexec)
    hook.began = began
    return hook


class CutShort(AssertionError):
    """The hook's alarm ended it before it wrote its line."""


def waits_for_its_deadline(test):
    """Decorate a test whose hook gives up 50 ms before its alarm.

    On a busy host these may pass before it writes its line, so the test has several tries.
    """
    @functools.wraps(test)
    def attempts():
        for _ in range(9):
            with contextlib.suppress(CutShort):
                return test()
        return test()

    return attempts


def finish(hook, data=XML, lines=1):
    """Let the hook end, and check what must hold whatever happened. Return its syslog lines."""
    out, err = hook.communicate(data, timeout=20)
    took = milliseconds_since(hook.began)
    said = SYSLOG.lines()
    assert hook.returncode == 0, f"status {hook.returncode}, stderr: {err}"
    assert out == b"" and err == b"", f"stdout {out}, stderr {err}"
    assert took < DEADLINE_MS + SLACK_MS, f"took {took:.0f} ms"
    if lines and not said and took >= DEADLINE_MS:
        raise CutShort(f"no line to syslog in {took:.0f} ms")
    assert lines in (None, len(said)), f"expected {lines} line(s) to syslog, got: {said}"
    RUN.note(f"{took:.0f} ms{'; ' + said[0] if said else ''}")
    return said


def test_no_daemon():
    said = finish(start(*ARGUMENTS))
    assert 'domain "x"' in said[0] and "vmpowerd" in said[0], said


@waits_for_its_deadline
def _hang():
    """Return how long the hook took."""
    manager = Manager()
    hook = start(*ARGUMENTS, where=manager.path)
    said = finish(hook)
    assert "no answer" in said[0], said
    return milliseconds_since(hook.began)


def test_daemon_that_hangs():
    """The deadline itself is measured: the best of five tries, since the host may be busy."""
    took = min(_hang() for _ in range(5))
    assert took < DEADLINE_MS, f"took {took:.0f} ms at best"


@waits_for_its_deadline
def test_daemon_that_hangs_with_a_full_backlog():
    manager = Manager(backlog=0)
    waiting = [manager.connect()]
    finish(start(*ARGUMENTS, where=manager.path))
    waiting[0].close()


def test_daemon_that_answers_garbage():
    manager = Manager()
    hook = start(*ARGUMENTS, where=manager.path)
    hook.stdin.write(XML)
    hook.stdin.close()
    hook.stdin = None
    connection, _, fds = manager.event()
    connection.send(b"what?")
    finish(hook, data=None)
    for fd in fds:
        os.close(fd)


def test_daemon_that_hangs_up():
    manager = Manager()
    hook = start(*ARGUMENTS, where=manager.path)
    connection, _ = manager.socket.accept()
    connection.close()
    finish(hook)


@waits_for_its_deadline
def test_stdin_that_never_ends():
    manager = Manager()
    hook = start(*ARGUMENTS, where=manager.path)
    hook.stdin.write(XML)
    hook.stdin.flush()
    held, hook.stdin = hook.stdin, None
    finish(hook, data=None)
    held.close()


def test_closed_stdin():
    manager = Manager()
    hook = start(*ARGUMENTS, where=manager.path, stdin=None, preexec=lambda: os.close(0))
    said = finish(hook, data=None)
    assert "stdin" in said[0], said


def test_everything_closed():
    finish(start(*ARGUMENTS, stdin=None, preexec=lambda: os.closerange(0, 1)), data=None)


def test_empty_stdin():
    manager = Manager()
    hook = start(*ARGUMENTS, where=manager.path)
    hook.stdin.close()
    hook.stdin = None
    connection, message, fds = manager.event()
    assert len(message) > 0 and len(fds) == 1
    connection.close()
    finish(hook, data=None)
    os.close(fds[0])


def test_xml_beyond_the_bound():
    manager = Manager()
    hook = start(*ARGUMENTS, where=manager.path)
    with contextlib.suppress(BrokenPipeError):
        for _ in range(80):
            hook.stdin.write(b"x" * 65536)
    with contextlib.suppress(BrokenPipeError):
        hook.stdin.close()
    hook.stdin = None
    finish(hook, data=None)


def test_no_fds_left():
    def one_fd():  # just enough to load libc
        resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))

    manager = Manager()
    said = finish(start(*ARGUMENTS, where=manager.path, preexec=one_fd))
    assert "Too many open files" in said[0], said


def test_no_file_may_grow():
    """RLIMIT_FSIZE applies to memfds, and its signal kills."""
    def no_size():
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    manager = Manager()
    finish(start(*ARGUMENTS, where=manager.path, preexec=no_size))


def test_any_signal_that_can_be_caught():
    """While it waits for libvirt's XML; the kernel handles SIGKILL and SIGSTOP itself."""
    for number in set(range(1, 65)) - {signal.SIGKILL, signal.SIGSTOP}:
        manager = Manager()
        hook = start(*ARGUMENTS, where=manager.path)
        connection, _ = manager.socket.accept()  # so it has taken its precautions
        hook.send_signal(number)
        connection.close()
        with contextlib.suppress(BrokenPipeError):
            hook.stdin.close()
        hook.stdin = None
        try:
            finish(hook, data=None, lines=None)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            hook.kill()
            raise AssertionError(f"signal {number}: {error}") from error


def test_odd_arguments():
    for arguments in ((), ("x",), ("", ""), ("n" * 300, "started", "begin", "-")):
        odd = start(*arguments)
        finish(odd, lines=1 if arguments != ("", "") else 0)


def test_other_operations_end_at_once():
    for operation in ("prepare", "start", "migrate", "restore", "attach", "nonsense"):
        manager = Manager()
        hook = start("x", operation, "begin", "-", where=manager.path)
        finish(hook, data=None, lines=0)
        manager.socket.setblocking(False)
        try:
            manager.socket.accept()
        except BlockingIOError:
            continue
        raise AssertionError(f"{operation} reached the daemon")


def test_event_arrives_whole_and_sealed():
    for operation in ("started", "reconnect", "stopped", "release"):
        manager = Manager()
        hook = start("vm one", operation, "end", "crashed", where=manager.path)
        hook.stdin.write(XML)
        hook.stdin.close()
        hook.stdin = None
        connection, message, fds = manager.event()
        assert b"vm one\0" in message and b"crashed\0" in message, message
        with os.fdopen(fds[0], "rb+") as file:
            assert os.pread(fds[0], 1 << 20, 0) == XML
            for change in (lambda: os.pwrite(fds[0], b"x", 0), lambda: os.ftruncate(fds[0], 0)):
                try:
                    change()
                except PermissionError:
                    continue
                raise AssertionError("the memfd can be changed")
            del file
        connection.send(message[:8])  # magic and version: hook_reply
        finish(hook, data=None, lines=0)


def test_leaves_no_process():
    names = {pid.name: (pid / "comm").read_text().strip()
             for pid in Path("/proc").iterdir() if pid.name.isdigit()}
    left = {pid: name for pid, name in names.items() if name.startswith("vmpower")}
    assert not left, f"still there: {left}"


@contextlib.contextmanager
def place(_name, runner):
    """Private syslog and /run, in a mount namespace."""
    global SYSLOG, WORK, RUN  # pylint: disable=global-statement
    isolate()
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
    private_dev()
    SYSLOG, WORK, RUN = Syslog(), "/run", runner
    yield


if __name__ == "__main__":
    run_tests(place)
