# SPDX-License-Identifier: BSD-3-Clause
"""The events of a chaos test, drawn from a seed; and guests that send requests all the time."""

import random
import re
import signal
import threading
import time
from dataclasses import dataclass
from typing import NamedTuple

from .guest import Guest
from .process import alive

KHZ = {"min": 1200000, "max": 3600000}
SIGNALS = {"kill": signal.SIGKILL, "term": signal.SIGTERM, "stop": signal.SIGSTOP}
REPLY_MS = 1000
HANGS_S = 60  # a boot takes some 5 s, 30 s where all boot at once
VCPUPIN = re.compile(r"<vcpupin vcpu='(\d+)' cpuset='([^']*)'/>")
DOWN, STARTING, BOOTING, UP, ENDING, UNKNOWN = "down starting booting up ending unknown".split()


class Action(NamedTuple):
    """target: a daemon's name, a guest's number, "cpu".

    what: kill term stop destroy pin offline.
    """

    target: object
    what: str
    seconds: float  # until a stopped one continues, or a CPU is back
    where: float  # 0 to 1: chooses the pCPU

    def __str__(self):
        lasts = self.what in ("stop", "offline")
        return f"{self.what} {self.target}" + (f" {self.seconds} s" if lasts else "")


class Event(NamedTuple):
    """After gap seconds all actions at once."""

    gap: float
    actions: tuple


def cpu_set(text):
    """0-2,5 as {0, 1, 2, 5}."""
    cpus = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        cpus |= set(range(int(first), int(last or first) + 1))
    return cpus


def _action(rng, guests, avoid=None):
    daemons = [name for name in ("manager", "monitor", "libvirtd") if name != avoid]
    # A guest that ends takes seconds to boot again: not too often.
    target = rng.choice(daemons) if rng.random() < 0.65 else rng.randrange(guests)
    if avoid != "cpu" and rng.random() < 0.1:
        target, what = "cpu", "offline"
    elif isinstance(target, str):
        what = rng.choices(("kill", "term", "stop"), (5, 3, 4))[0]
    else:
        what = rng.choices(("kill", "term", "stop", "destroy", "pin"), (2, 1, 5, 2, 4))[0]
    return Action(target, what, rng.choice((0.02, 0.2, 0.5, 1, 2, 6)), rng.random())


def plan(seed, guests):
    """Endless events; the same for the same seed."""
    rng = random.Random(seed)
    while True:
        first = _action(rng, guests)
        actions = (first,)
        if rng.random() < 0.3:
            actions += (_action(rng, guests, avoid=first.target),)
        yield Event(rng.choice((0, 0.02, 0.1, 0.3, 1, 1.5)), actions)


class Diary:
    """A file of what was done, and when."""

    def __init__(self, path):
        self._file = open(path, "w+", encoding="utf-8")
        self._lock = threading.Lock()

    def note(self, text):
        """Write it down, with the time."""
        with self._lock:
            self._file.write(f"{time.time():.3f} {text}\n")
            self._file.flush()

    def about(self, guest, number):
        """The last lines about a guest, and those about libvirtd."""
        with self._lock:
            self._file.seek(0)
            lines = list(enumerate(self._file.read().splitlines()))
        found = set()
        for concerned in (rf"{guest.name}:|\w+ {number}\b", r"\w+ libvirtd\b"):
            found |= set([line for line in lines
                          if re.match(concerned, line[1].partition(" ")[2])][-12:])
        return [text for _, text in sorted(found)]


@dataclass(eq=False)
class Ack:
    """The answer to one request. epoch: Service.epoch of the vmpowerd that answered."""

    khz: int
    epoch: int


class ChaosGuest(Guest):
    """A guest with a thread that boots it and then requests min and max at random."""

    def __init__(self, host, name, pins, rng):
        super().__init__(host, name, pins)
        self.phase = DOWN
        self.doubtful = False  # libvirtd died while it started: it may or may not run
        self.may_die = False  # we have sent it something fatal
        self.left_over = 0  # starts that failed in a row, since libvirtd has it already
        self.moved = set()  # vCPUs that may be elsewhere than pins says
        self.pid = None
        self.booting_since = None  # until its kernel answers
        self.next_start = 0.0
        self.paused = self.over = False
        self.idle = threading.Event()
        self.acked = {}  # {vCPU: Ack} of those whose requests are all answered
        self.epoch = 0
        self._late = False
        self.sent = self.answered = 0
        self._rng = rng
        self._thread = threading.Thread(target=self._live, name=name, daemon=True)
        self._thread.start()

    def __repr__(self):
        return self.name

    # ---- the thread

    def _live(self):
        while not self.over:
            if self.phase == BOOTING or (self.phase == UP and not self.paused):
                self.idle.clear()
                try:
                    self._step()
                except (AssertionError, OSError):
                    self._late = True
                    self.hang_up()
                    if self.phase == UP:
                        self.phase = BOOTING  # ask again whether it is there
                    time.sleep(0.2)
            else:
                self.idle.set()
                if self.phase != UP:
                    self.hang_up()
                time.sleep(0.05)

    def _step(self):
        if self.phase == BOOTING:
            self.boot(quiet=True)
            self.booting_since = None
            self.acked.clear()  # with CONNECT all votes end
            self.connect()
            if self.phase == BOOTING:
                self.phase = UP
            return
        vcpu = self._rng.choice(list(self.pins))
        unit = self._rng.choice(list(KHZ))
        epoch = self.epoch
        self.acked.pop(vcpu, None)
        self.sent += 1
        answer, _ = self.power(vcpu, unit, milliseconds=REPLY_MS)
        assert answer != "nack", f"{self.name}: {vcpu} {unit}: nack"
        if answer == "ack":
            self.answered += 1
        else:
            self._late = True
        if answer == "ack" and not self._late:
            self.acked[vcpu] = Ack(KHZ[unit], epoch)
        time.sleep(self._rng.uniform(0, 0.1))

    # ---- for the test's own thread

    def pinned(self):
        """{vCPU: set of pCPUs}, as libvirt has it now."""
        xml = self.host.virsh("dumpxml", self.name).stdout
        return {int(vcpu): cpu_set(cpus) for vcpu, cpus in VCPUPIN.findall(xml)}

    def runs(self):
        """Does it have a QEMU that must live?"""
        return self.phase in (BOOTING, UP)

    def hangs(self):
        """Did its kernel never come up? An emulated clock that was stopped may do that."""
        since = self.booting_since
        return (self.phase == BOOTING and since is not None
                and time.monotonic() - since > HANGS_S)

    def shown_phase(self):
        """For people."""
        return "connecting" if self.phase == BOOTING and not self.booting_since else self.phase

    def has_ended(self):
        """Is its former QEMU gone?"""
        return self.pid is None or not alive(self.pid)

    def adopt(self, doubtful=False):
        """It was started, or runs after all."""
        pid = self.qemu_pid()
        if pid != self.pid:
            self.moved.clear()
        if pid and pid != self.pid:
            self.booting_since = time.monotonic()
        self.pid = pid
        self.doubtful = doubtful
        self.may_die = False
        self.acked.clear()
        self.phase = BOOTING if self.pid else DOWN

    def drop(self):
        """It has ended."""
        self.phase = DOWN
        self.pid = None
        self.doubtful = self.may_die = False
        self.next_start = time.monotonic() + self._rng.uniform(0, 2)
        if self in self.host.guests:
            self.host.guests.remove(self)

    def destroy(self):
        """End it; the thread notices that the control channel is closed."""
        self.host.virsh("destroy", self.name)

    def end(self):
        """No more requests."""
        self.over = True
        self._thread.join()
        self.hang_up()

    def drain(self):
        """Read and drop late answers to earlier requests."""
        for number in self.channels:
            while self.ask(f"read {number} 50") != ["ok"]:
                pass
        self._late = False

    def vote(self, vcpu, steps):
        """Vote for so many steps above the lowest frequency; every request is answered."""
        for unit in ["min"] + ["up"] * steps:
            answer, _ = self.power(vcpu, unit)
            assert answer == "ack", f"{self.name}: vCPU {vcpu} {unit}: {answer}"
