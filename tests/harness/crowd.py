# SPDX-License-Identifier: BSD-3-Clause
"""Very many stand-in channels, in processes that listen for hundreds of domains each.

Run as a program it is one such process: it reads orders from stdin, one a line, and answers each
with a line.

    listen DIRECTORY COUNT    ok COUNT     binds COUNT sockets: DIRECTORY/0 ...
    accept COUNT              ok COUNT     waits for COUNT connections in all
    ask UNIT                  ok ACKS NACKS    every connected channel asks, vCPU = its number
                                               modulo channels of a domain
    close                     ok           closes all of them
"""

import os
import resource
import select
import socket
import subprocess
import sys
import time

from . import frames, paths
from .isolate import die_with_parent

LIMIT_S = 600
SPARE_FDS = 100


class Listeners:
    """In the process: its sockets."""

    def __init__(self):
        self.epoll = select.epoll()
        self.listeners = {}  # fd: (socket, vCPU)
        self.peers = {}

    def listen(self, directory, count):
        """Bind so many channels of one domain; vCPU n uses channel n."""
        for number in range(int(count)):
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            listener.bind(f"{directory}/{number}")
            listener.listen(1)
            self.listeners[listener.fileno()] = (listener, number)
            self.epoll.register(listener.fileno(), select.EPOLLIN)
        return count

    def accept(self, count):
        """Wait for so many connections in all."""
        deadline = time.monotonic() + LIMIT_S
        while len(self.peers) < int(count) and time.monotonic() < deadline:
            for fd, _ in self.epoll.poll(1, 4096):
                listener, number = self.listeners[fd]
                peer, _ = listener.accept()
                peer.setblocking(False)
                self.peers[peer.fileno()] = (peer, number)
        return len(self.peers)

    def ask(self, unit):
        """Ask on all channels at once; each must get exactly one whole answer."""
        wanted = {}
        answers = {fd: b"" for fd in self.peers}
        epoll = select.epoll()
        try:
            for fd, (peer, vcpu) in self.peers.items():
                frame = frames.request(vcpu, unit)
                wanted[fd] = (frames.answer_to(frame, frames.ACK),
                              frames.answer_to(frame, frames.NACK))
                epoll.register(fd, select.EPOLLIN)
                peer.send(frame)
            open_questions, acks, nacks = len(wanted), 0, 0
            deadline = time.monotonic() + LIMIT_S
            while open_questions and time.monotonic() < deadline:
                for fd, _ in epoll.poll(1, 4096):
                    answers[fd] += self.peers[fd][0].recv(4096)
                    if len(answers[fd]) < len(wanted[fd][0]):
                        continue
                    acks += answers[fd] == wanted[fd][0]
                    nacks += answers[fd] == wanted[fd][1]
                    open_questions -= 1
        finally:
            epoll.close()
        return f"{acks} {nacks}"

    def close(self):
        """As if all QEMUs ended."""
        for kind in (self.peers, self.listeners):
            for end, _ in kind.values():
                end.close()
            kind.clear()
        return ""

    def serve(self):
        """Carry out orders until stdin ends."""
        for line in sys.stdin:
            order, *arguments = line.split()
            try:
                print("ok", getattr(self, order)(*arguments), flush=True)
            except OSError as error:
                print("error", order, error, flush=True)


class Crowd:
    """In the test: as many processes as the limit of open files requires."""

    def __init__(self, channels):
        """channels: of all domains together."""
        room = (raise_limit() - SPARE_FDS) // 2  # a listener and a connection each
        self.workers = [self._start() for _ in range(-(-channels // room))]
        self.loads = [0] * len(self.workers)
        self._room = room

    @staticmethod
    def _start():
        me = os.getpid()
        return subprocess.Popen(  # pylint: disable=consider-using-with
            [sys.executable, "-m", "tests.harness.crowd"], cwd=paths.TREE,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            preexec_fn=lambda: die_with_parent(me),
        )

    @staticmethod
    def _answer(worker):
        words = worker.stdout.readline().split()
        assert words and words[0] == "ok", f"the stand-in says: {' '.join(words) or 'nothing'}"
        return [int(word) for word in words[1:]]

    def _order(self, worker, *words):
        worker.stdin.write(" ".join(str(word) for word in words) + "\n")
        worker.stdin.flush()

    def _all(self, orders):
        """Send each worker an order; return the sums of their answers."""
        for worker, words in zip(self.workers, orders):
            self._order(worker, *words)
        return [sum(column) for column in zip(*(self._answer(w) for w in self.workers))]

    def listen(self, directory, count):
        """Bind sockets for one domain."""
        index = self.loads.index(min(self.loads))
        self.loads[index] += count
        self._order(self.workers[index], "listen", directory, count)
        self._answer(self.workers[index])

    def accept(self):
        """Wait until all are connected; return how many are."""
        return self._all(("accept", load) for load in self.loads)[0]

    def ask(self, unit):
        """(ACKs, NACKs) of one request through each channel."""
        return tuple(self._all(("ask", unit) for _ in self.workers))

    def close(self):
        """All QEMUs end."""
        self._all(("close",) for _ in self.workers)

    def end(self):
        """The processes end."""
        for worker in self.workers:
            worker.stdin.close()
            worker.stdout.close()
            worker.wait()


def raise_limit():
    """Raise the soft limit of open files to the hard one; return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


if __name__ == "__main__":
    raise_limit()
    Listeners().serve()
