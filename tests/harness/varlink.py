# SPDX-License-Identifier: BSD-3-Clause
"""A varlink client and a stand-in service (varlink.org) that share nothing with vmpower's."""

import contextlib
import json
import select
import socket
import threading
import time


class VarlinkError(Exception):
    """An error reply."""

    def __init__(self, name, parameters):
        super().__init__(f"{name} {parameters}")
        self.name, self.parameters = name, parameters


class Varlink:
    """A connection to a varlink service."""

    def __init__(self, path, receive_buffer=None):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(30)
        self.socket.connect(str(path))
        self.bytes = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Hang up."""
        self.socket.close()

    def send(self, method, more=False, oneway=False, **parameters):
        """Call without waiting for the reply."""
        call = {"method": method, "parameters": parameters}
        if more:
            call["more"] = True
        if oneway:
            call["oneway"] = True
        self.socket.sendall(json.dumps(call).encode() + b"\0")

    def receive(self):
        """The next raw message."""
        while b"\0" not in self.bytes:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError("the service has hung up")
            self.bytes += data
        text, self.bytes = self.bytes.split(b"\0", 1)
        return json.loads(text)

    def reply(self):
        """The next reply: (parameters, whether more follow)."""
        message = self.receive()
        assert set(message) <= {"parameters", "continues", "error"}, message
        if "error" in message:
            raise VarlinkError(message["error"], message["parameters"])
        return message["parameters"], message.get("continues", False)

    def call(self, method, **parameters):
        """Call, and wait for the one reply."""
        self.send(method, **parameters)
        parameters, continues = self.reply()
        assert not continues, f"{method} goes on"
        return parameters

    def waits(self, seconds=0.0):
        """Return whether there is something to read."""
        return b"\0" in self.bytes or bool(select.select([self.socket], [], [], seconds)[0])


class Watcher(Varlink):
    """A connection that calls Monitor of org.vmpower.Manager."""

    def __init__(self, path, requests=False, **more):
        super().__init__(path, **more)
        self.events, self.lost = [], 0  # events not yet waited for
        self.passed = []  # those before them
        self.send("org.vmpower.Manager.Monitor", more=True, requests=requests)
        first, continues = self.reply()
        assert first == {"events": [], "lost": 0} and continues, first

    def take(self):
        """Wait for the next reply, keep its events."""
        parameters, continues = self.reply()
        assert continues and set(parameters) == {"events", "lost"}, parameters
        assert parameters["events"] or parameters["lost"], parameters
        self.events += parameters["events"]
        self.lost += parameters["lost"]

    def wait(self, kind, timeout=20, **members):
        """Wait for the first event of a kind with these members, of those not yet waited for."""
        end = time.monotonic() + timeout
        while True:
            for i, event in enumerate(self.events):
                if event["kind"] == kind and members.items() <= event.items():
                    self.passed += self.events[: i + 1]
                    del self.events[: i + 1]
                    return event
            left = end - time.monotonic()
            assert left > 0 and self.waits(left), f"no {kind} {members}: {self.events}"
            self.take()


@contextlib.contextmanager
def answering(path, parameters):
    """A service that takes one connection, and gives the same reply to each call on it."""
    def serve():
        client, _ = listener.accept()
        with client:
            while call := client.recv(65536):
                client.sendall(call.count(b"\0") * reply)

    reply = json.dumps({"parameters": parameters}).encode() + b"\0"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(1)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
        thread.join(30)
