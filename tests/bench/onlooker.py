# SPDX-License-Identifier: BSD-3-Clause
"""A guest that asks for a frequency every 5 ms: what do others' doings cost it?

usage: onlooker SOCKET

It listens at SOCKET and prints "connected". At each line on stdin it prints how many requests were
answered since the last one, and milliseconds of the slowest and of the median reply; then it begins
anew. It outranks ordinary processes if it may: its own waits for a CPU are not to be measured.
"""

import contextlib
import os
import select
import socket
import statistics
import sys
import time

from tests.harness import frames

INTERVAL_S = 0.005
LIMIT_S = 60


def reply_to(peer, poll, frame):
    """Ask once; seconds until the reply."""
    began = time.monotonic()
    peer.sendall(frame)
    received = 0
    while received < len(frame):
        if not poll.poll(LIMIT_S * 1000):
            sys.exit(f"onlooker: no reply in {LIMIT_S} s")
        data = peer.recv(len(frame) - received)
        if not data:
            sys.exit("onlooker: vmpower hung up")
        received += len(data)
    return time.monotonic() - began


def main():
    """Ask until stdin ends."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(sys.argv[1])
    listener.listen(1)
    print("listening", flush=True)
    peer, _ = listener.accept()
    print("connected", flush=True)
    poll, orders = select.poll(), select.poll()
    poll.register(peer, select.POLLIN)
    orders.register(sys.stdin, select.POLLIN)
    asked = [frames.request(0, "max"), frames.request(0, "min")]
    took = []
    while True:
        took.append(reply_to(peer, poll, asked[len(took) % 2]))
        if not orders.poll(INTERVAL_S * 1000):
            continue
        if not sys.stdin.readline():
            return
        print(len(took), max(took) * 1000, statistics.median(took) * 1000, flush=True)
        took = []


if __name__ == "__main__":
    main()
