# SPDX-License-Identifier: BSD-3-Clause
"""systemd as vmpowerd sees it: the notify socket, the watchdog's settings, sockets of units."""

import os
import select
import socket
import sys
import threading

from .wait import wait_until

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
    """Listens on a notify socket, and at the sockets of units."""

    def __init__(self, path, watchdog_s=None):
        self.path = path
        self.watchdog_s = watchdog_s
        self.lock = threading.Lock()
        self.receiving = threading.Lock()
        self.said = []  # "KEY=value" of each message, in order
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
        data = self.socket.recv(65536)
        lines = data.decode().split("\n")
        with self.lock:
            self.said += lines

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
        """The command line that starts a program with the listening fds, and the fds to pass."""
        self.receive_all()
        fds = [fd for _, fd in self.listening]
        listed = ",".join(str(fd) for fd in fds)
        return [sys.executable, "-c", HAND_OVER, listed, *words], fds

    def environment(self):
        """What systemd adds to a service's environment."""
        names = [name for name, _ in self.listening]
        environment = {"NOTIFY_SOCKET": str(self.path)}
        if names:
            environment["LISTEN_FDS"] = str(len(names))
            environment["LISTEN_FDNAMES"] = ":".join(names)
        if self.watchdog_s:
            environment["WATCHDOG_USEC"] = str(int(self.watchdog_s * 1000000))
        return environment

    def close(self):
        """Stop listening."""
        self.ended = True
        self.thread.join()
        self.socket.close()
        for _, fd in self.listening:
            os.close(fd)
        self.listening = []
