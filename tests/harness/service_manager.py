# SPDX-License-Identifier: BSD-3-Clause
"""systemd as vmpowerd sees it: the notify socket, the watchdog's settings, and the store that
keeps its fds for its successor."""

import array
import os
import select
import socket
import sys
import threading

from .wait import wait_until

MOST_FDS = 253

# moves the fds named in the first word to 3, 4, ... and executes the other words
HAND_OVER = """
import fcntl, os, sys
fds = [int(word) for word in sys.argv[1].split(",") if word]
high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 3 + len(fds)) for fd in fds]
for number, fd in enumerate(high):
    os.dup2(fd, 3 + number)
os.closerange(3 + len(fds), 4096 + 4 * len(fds))
os.environ["LISTEN_PID"] = os.environ["WATCHDOG_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""


class ServiceManager:
    """Listens on a notify socket, and keeps stored fds until they hang up, as systemd does."""

    def __init__(self, path, watchdog_s=None):
        self.path = path
        self.watchdog_s = watchdog_s
        self.lock = threading.Lock()
        self.receiving = threading.Lock()
        self.said = []  # "KEY=value" of each message, in order
        self.store = []  # (name, fd)
        self.listening = []  # of .socket units: (name, fd)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.ended = False
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        while not self.ended:
            if poll.poll(50):
                self.receive_all()

    def receive_all(self):
        """Read pending messages: systemd also does before it notices the end of a service."""
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        with self.receiving:
            while poll.poll(0):
                self._receive()

    def _receive(self):
        data, ancillary, _, _ = self.socket.recvmsg(65536, socket.CMSG_SPACE(4 * MOST_FDS))
        fds = array.array("i")
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
        lines = data.decode().split("\n")
        values = dict(line.split("=", 1) for line in lines if "=" in line)
        name = values.get("FDNAME", "stored")
        with self.lock:
            if values.get("FDSTORE") == "1":
                self.store += [(name, fd) for fd in fds]
                fds = []
            if values.get("FDSTOREREMOVE") == "1":
                for kept in [kept for kept in self.store if kept[0] == name]:
                    os.close(kept[1])
                    self.store.remove(kept)
            self.said += lines
        for fd in fds:
            os.close(fd)

    def drop_hung_up(self):
        """Read messages, as systemd's loop does."""
        poll = select.poll()
        with self.lock:
            for _, fd in self.store:
                poll.register(fd, 0)
            gone = {fd for fd, events in poll.poll(0) if events & (select.POLLHUP | select.POLLERR)}
            for kept in [kept for kept in self.store if kept[1] in gone]:
                os.close(kept[1])
                self.store.remove(kept)

    def drop_all(self):
        """Drop the store, as systemd does when a service was stopped."""
        self.receive_all()
        with self.lock:
            for _, fd in self.store:
                os.close(fd)
            self.store = []

    def names(self):
        """The names of stored fds."""
        self.receive_all()
        self.drop_hung_up()
        with self.lock:
            return sorted(name for name, _ in self.store)

    def values(self, key):
        """All values of a key, oldest first."""
        with self.lock:
            return [line[len(key) + 1 :] for line in self.said if line.startswith(key + "=")]

    def wait_status(self, text, timeout=20):
        """Wait until the last STATUS is this one."""
        wait_until(lambda: self.values("STATUS")[-1:] == [text], timeout, f"status {text}",
                   state=lambda: self.values("STATUS")[-1:])

    def listen(self, name, path, kind):
        """Listen as a .socket unit does, across all starts of the service."""
        listener = socket.socket(socket.AF_UNIX, kind)
        listener.bind(str(path))
        listener.listen()
        self.listening.append((name, listener.detach()))

    def command(self, words):
        """The command line that starts a program with the stored fds, and the fds to pass."""
        self.receive_all()
        self.drop_hung_up()
        with self.lock:
            fds = [fd for _, fd in self.listening + self.store]
        listed = ",".join(str(fd) for fd in fds)
        return [sys.executable, "-c", HAND_OVER, listed, *words], fds

    def environment(self):
        """What systemd adds to a service's environment."""
        with self.lock:
            names = [name for name, _ in self.listening + self.store]
        environment = {"NOTIFY_SOCKET": str(self.path)}
        if names:
            environment["LISTEN_FDS"] = str(len(names))
            environment["LISTEN_FDNAMES"] = ":".join(names)
        if self.watchdog_s:
            environment["WATCHDOG_USEC"] = str(int(self.watchdog_s * 1000000))
        return environment

    def close(self):
        """Stop listening, drop what is stored."""
        self.ended = True
        self.thread.join()
        self.drop_all()
        self.socket.close()
        for _, fd in self.listening:
            os.close(fd)
        self.listening = []
