# SPDX-License-Identifier: BSD-3-Clause
"""A stand-in for a DPDK application: its telemetry socket, and lcores as busy as a test says."""

import contextlib
import json
import os
import select
import socket
import threading
import time

HZ = 2_000_000_000
GREETING = {"version": "DPDK 24.11.0", "pid": 1, "max_output_len": 16384}


class Application:
    """Counts cycles as testpmd --record-core-cycles does. lcores: {id: [CPUs]}"""

    def __init__(self, directory, lcores, counts=True, name="rte"):
        self.lcores = lcores
        self.counts = counts
        self.stopped = False  # testpmd's "stop": counters stand still
        self.hung = threading.Event()
        self.lock = threading.Lock()
        self.load = {lcore: 0.0 for lcore in lcores}
        self.total = {lcore: 1000 for lcore in lcores}
        self.busy = {lcore: 0 for lcore in lcores}
        self.since = time.monotonic()
        self.asked = 0
        directory = directory / name
        directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / "dpdk_telemetry.v2"
        if self.path.exists():
            self.path.unlink()
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(self.path))
        self.listener.listen(10)
        self.wake, self.ending = socket.socketpair()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _count(self):
        now = time.monotonic()
        cycles = 0 if self.stopped else int((now - self.since) * HZ)
        self.since = now
        for lcore in self.lcores:
            self.total[lcore] += cycles
            self.busy[lcore] += int(cycles * self.load[lcore])

    def set(self, load, *lcores):
        """How busy lcores are from now on, 0 to 1; none named: all."""
        with self.lock:
            self._count()
            for lcore in lcores or self.lcores:
                self.load[lcore] = load

    def stop(self):
        """As testpmd's command: it does not poll any more."""
        with self.lock:
            self._count()
            self.stopped = True

    def hang(self, yes=True):
        """Take questions and answer none; then answer again."""
        if yes:
            self.hung.set()
        else:
            self.hung.clear()
            self.wake.send(b"!")

    def _answer(self, command):
        name, _, parameter = command.partition(",")
        with self.lock:
            self._count()
            value = None
            if name == "/eal/lcore/usage":
                self.asked += 1
                ids = list(self.lcores) if self.counts else []
                value = {
                    "lcore_ids": ids,
                    "total_cycles": [self.total[i] for i in ids],
                    "busy_cycles": [self.busy[i] for i in ids],
                    "usage_ratio": [f"{self.busy[i] / self.total[i]:.2%}" for i in ids],
                }
            elif name == "/eal/lcore/info":
                value = {"lcore_id": int(parameter), "socket": 0, "role": "RTE",
                         "cpuset": self.lcores[int(parameter)]}
        return json.dumps({name: value}, separators=(",", ":")).encode()

    def _serve(self):
        clients, waiting = [], []
        while True:
            ready, _, _ = select.select([self.listener, self.ending, *clients], [], [])
            for end in ready:
                if end is self.listener:
                    client, _ = self.listener.accept()
                    client.send(json.dumps(GREETING).encode())
                    clients.append(client)
                elif end is self.ending:
                    if self.ending.recv(1) == b"x":
                        for client in clients:
                            client.close()
                        return
                    for client, command in waiting:
                        client.send(self._answer(command))
                    waiting = []
                else:
                    command = end.recv(64).decode()
                    if not command:
                        clients.remove(end)
                        end.close()
                    elif self.hung.is_set():
                        waiting.append((end, command))
                    else:
                        with contextlib.suppress(BrokenPipeError):
                            end.send(self._answer(command))

    def close(self, leave_socket=False):
        """The application ends; killed, it leaves its socket behind."""
        self.wake.send(b"x")
        self.thread.join(20)
        for end in (self.listener, self.wake, self.ending):
            end.close()
        if not leave_socket and os.path.exists(self.path):
            os.unlink(self.path)
