# SPDX-License-Identifier: BSD-3-Clause
"""Network interfaces of stand-in domains: their XML, and counters that rise at a given rate."""

import os
import threading
import time
from pathlib import Path

FIRST = 10**9  # so that all numbers are of one length: a reader never sees half of one
PERIOD_S = 0.005


def interface_xml(target, mac, kind="bridge"):
    """A tap device as libvirt shows it while the domain runs."""
    source = "<source bridge='br0'/>" if kind == "bridge" else ""
    return (f"<interface type='{kind}'><mac address='{mac}'/>{source}<target dev='{target}'/>"
            "<model type='virtio'/></interface>")


class Interface:
    """A tap device of the simulated host, whose counters rise as the kernel's do."""

    FILES = ("tx_packets", "tx_dropped", "rx_packets", "rx_dropped")

    def __init__(self, sysfs, target, mac):
        self.target, self.mac = target, mac
        self.counts = dict.fromkeys(self.FILES, float(FIRST))
        self.rates = dict.fromkeys(self.FILES, 0)
        self.directory = Path(sysfs) / "class/net" / target / "statistics"
        self.directory.mkdir(parents=True)
        self.files = {}
        for name in self.FILES:
            path = self.directory / name
            path.write_text(f"{FIRST}\n", encoding="ascii")
            self.files[name] = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        last = time.monotonic()
        while not self.ended.wait(PERIOD_S):
            now = time.monotonic()
            for name, rate in self.rates.items():
                if rate == 0:
                    continue
                self.counts[name] += rate * (now - last)
                os.pwrite(self.files[name], f"{int(self.counts[name])}\n".encode(), 0)
            last = now

    def xml(self):
        """What the domain's XML has of it."""
        return interface_xml(self.target, self.mac)

    def send(self, packets, drops=0):
        """From now on so many packets to the guest a second, and so many more are dropped."""
        self.rates["tx_packets"], self.rates["tx_dropped"] = packets, drops

    def close(self):
        """End counting."""
        self.ended.set()
        self.thread.join()
        for fd in self.files.values():
            os.close(fd)
