# SPDX-License-Identifier: BSD-3-Clause
"""Everything dies at random moments while guests send requests; nothing is lost, harmed or left.

usage: test_chaos.py

CHAOS_SEED     determines the events and their times; drawn and printed by default;
               odd: vmpowerd is told of a service manager, as under systemd
CHAOS_EVENTS   how many events (40)
CHAOS_SECONDS  no more events after that time; 0: all of them (0)
CHAOS_GUESTS   how many guests (8)
"""

import contextlib
import os
import random
import re
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.harness.aftermath import Aftermath
from tests.harness.chaos import (
    DOWN, ENDING, HANGS_S, SIGNALS, STARTING, UNKNOWN, UP, Ack, Action, ChaosGuest, Diary, cpu_set,
    plan
)
from tests.harness.cpufreq_tree import BASELINE_GOVERNOR, STEPS
from tests.harness.process import Process, alive
from tests.harness.runner import run_tests
from tests.harness.stage import Stage, isolated_host
from tests.harness.supervisor import (
    RESTART, STOP, Service, Supervised, Victim, age, named
)
from tests.harness.wait import WaitTimeout, wait_until

def number(name, default):
    """An integer from the environment."""
    return int(os.environ.get(name) or default)


LADDER = sorted(STEPS)
ROUND = 20  # events between two checks
SETTLE_S = 120
# What dies while no guest sends: votes outlive it.
SILENT_DEATHS = (("manager", "kill"), ("monitor", "kill"), ("manager", "term"),
                 ("libvirtd", "kill"))
# A younger manager may not have duplicates of all channels, nor the monitor's state.
ATTACHED_S = 5
# After a younger monitor's death its successor may be delayed, at the baseline.
STABLE_S = 10 + 1
# A libvirtd that dies while it starts a domain, and the next one while it looks for that QEMU, may
# leave a domain to the third that does not run, and can neither be started nor be destroyed. That
# many failed starts in a row tell it from one that is just ending; the next libvirtd drops it.
LEFT_OVER, LEFT_OVER_STARTS = "already exists with uuid", 3
# QEMU looks up the sender's name; there is none if the sender has ended.
TERMINATED = re.compile(r"terminating on signal 15 from pid (\d+) \((\S*/)?(.+)\)")
SEED = number("CHAOS_SEED", random.SystemRandom().randrange(1 << 32))
MOST_HUNG = 3  # boots in a run


class Chaos:
    """The host, its guests, and stopped processes."""

    def __init__(self, host, seed, guests):
        self.host, self.vmpower, self.tree = host, host.vmpower, host.cpufreq
        rng = random.Random(~seed)
        first, second = host.real_cpus[0], host.real_cpus[-1]
        own = range(host.cpus - guests, host.cpus)
        self.guests = []
        for index in range(guests):
            # QEMU runs on real CPUs; the other pCPUs exist only in the simulated tree. All
            # guests share the first ones, two neighbours each of the others.
            pins = {0: f"{first},{own[index]}", 1: f"{second},{own[(index + 1) % guests]}"}
            self.guests.append(ChaosGuest(host, f"g{index}", pins, random.Random(rng.random())))
        self.manager = Service(self.vmpower.launch, self.vmpower.process, rng,
                               self.vmpower.service_manager is not None)
        self.monitor = None  # its pid when it was last seen
        self.libvirtd = Supervised("libvirtd", self._launch_libvirtd, host.libvirtd, rng)
        self.stopped = []  # (when to continue, Victim, name)
        self.away = {}  # {pCPU: when it is back}
        self.plugged = set()  # pCPUs that were away since the last check: votes may leave them
        self.libvirtd_pids = {host.libvirtd.pid}  # of all so far
        self.libvirtd_stops = []  # [begin, end] of time.time()
        self.pool = ThreadPoolExecutor(2 * guests)
        self.jobs = []
        self.diary = Diary(host.log / "events.log")
        self.note = self.diary.note
        self.baseline = self.tree.snapshot()
        self.counts = Counter()
        self.rounds = self.taken_over = self.looks = 0
        self.set_by = {}  # {pCPU: the votes that it was seen to be set by}
        self.died_young = None  # pid of a monitor, until everything is restored

    def _launch_libvirtd(self):
        self.host.libvirtd = Process(["libvirtd"], self.host.log / "libvirtd.out")
        self.libvirtd_pids.add(self.host.libvirtd.pid)
        return self.host.libvirtd

    # ---- domains

    def _job(self, guest, phase, work):
        guest.phase = phase

        def guarded():
            try:
                work(guest)
            except AssertionError as error:  # libvirtd has died, or is stopped
                self.note(f"{guest.name}: {error}")
                guest.left_over += LEFT_OVER in str(error)
                guest.phase = UNKNOWN

        self.jobs.append(self.pool.submit(guarded))

    def _start(self, guest):
        self.note(f"{guest.name}: start")
        guest.create()
        guest.left_over = 0
        guest.adopt()

    def _destroy(self, guest):
        guest.destroy()
        guest.drop()

    def _pin(self, action):
        """No hook reports that, nor any event while libvirtd or vmpowerd is away."""
        guest = self.guests[action.target]
        vcpu = int(action.where * 100) % len(guest.pins)
        first, second = self.host.real_cpus[0], self.host.real_cpus[-1]  # virsh knows no others
        cpus = (f"{first}", f"{second}", f"{first},{second}")[int(action.where * 3)]
        def pin():
            deadline = time.monotonic() + SETTLE_S
            while True:
                # by UUID, which is unique: else another QEMU's vCPUs would be moved unnoticed
                uuid = self.host.virsh("domuuid", guest.name, check=False).stdout.strip()
                if not guest.runs():
                    return
                guest.moved.add(vcpu)
                done = self.host.virsh("vcpupin", uuid or "none", vcpu, cpus, "--live",
                                       check=False)
                self.note(f"{guest.name}: vCPU {vcpu} to {cpus}: {done.stderr.strip() or 'done'}")
                if done.returncode == 0:
                    return
                assert time.monotonic() < deadline, done.stderr
                time.sleep(0.2)

        self.jobs.append(self.pool.submit(pin))

    def _resolve(self, guest):
        """Find out what happened to it while libvirtd was away."""
        done = self.host.virsh("list", "--name", check=True, timeout=20)
        if guest.name not in done.stdout.split():
            guest.drop()
        else:
            guest.adopt(doubtful=True)
        self.note(f"{guest.name}: is {guest.phase} after all")

    def _explain_end(self, guest):
        """It was not us: libvirtd may lose a QEMU when it is itself killed.

        vmpower can't cause that through a read-only connection; its hook is checked later.
        """
        def by_libvirtd():
            self._go_on()  # virtlogd writes that log, libvirtd feeds it
            found = TERMINATED.search("".join(self.host.qemu_log(guest.name)))
            return found and (found[3] == "libvirtd" or found[3] == "<unknown process>"
                              and int(found[1]) in self.libvirtd_pids)

        try:
            wait_until(by_libvirtd, 5, "QEMU's log to say that libvirtd has ended it")
        except WaitTimeout as error:
            raise AssertionError(
                f"{guest.name}: its QEMU (pid {guest.pid}) has ended, not by us; its log: "
                f"{self.host.qemu_log(guest.name)}; before it: "
                f"{self.diary.about(guest, self.guests.index(guest))}") from error
        self.note(f"{guest.name}: ended by libvirtd: {self.host.qemu_log(guest.name)}")
        self.counts["qemu ended by libvirtd"] += 1

    def _look_after(self, guest):
        if guest.runs() and guest.has_ended():
            if not (guest.may_die or guest.doubtful):
                self._explain_end(guest)
            guest.drop()
        elif guest.phase == DOWN and time.monotonic() > guest.next_start:
            guest.next_start = time.monotonic() + 3
            self._job(guest, STARTING, self._start)
        elif guest.phase == UNKNOWN and time.monotonic() > guest.next_start:
            guest.next_start = time.monotonic() + 1
            self._job(guest, ENDING, self._resolve)

    # ---- pCPUs

    def _show_online(self):
        """The kernel's CPU events can't be sent here; a switch of boost makes vmpowerd look."""
        self.tree.set_online(cpu for cpu in range(self.tree.cpus) if cpu not in self.away)
        (self.tree.cpu_directory / "cpufreq/boost").write_text("1\n")

    def _offline(self, action):
        own = range(self.tree.cpus - len(self.guests), self.tree.cpus)
        cpu = own[int(action.where * len(own))]
        self.note(f"{action}: pCPU {cpu}")
        self.counts["cpu offline"] += 1
        self.away[cpu] = time.monotonic() + action.seconds
        self.plugged.add(cpu)
        self._show_online()

    def _back(self, everybody=False):
        now = time.monotonic()
        back = [cpu for cpu, until in self.away.items() if everybody or now >= until]
        for cpu in back:
            del self.away[cpu]
            if self.tree.governor(cpu) == "userspace":  # the kernel keeps that, but no speed
                self.tree.write(self.tree.policy_of[cpu], "scaling_setspeed", LADDER[-2])
        if back:
            self.note(f"back: pCPUs {back}")
            self._show_online()

    # ---- signals

    def _pid(self, target):
        if isinstance(target, int):
            guest = self.guests[target]
            return guest.pid if guest.runs() else None
        if target == "monitor":
            monitors = [pid for pid in named("vmpower-monitor") if alive(pid)]
            return monitors[-1] if monitors else None
        return getattr(self, target).pid()

    def _act(self, action):
        if action.target == "cpu":
            self._offline(action)
            return
        pid = self._pid(action.target)
        kind = "qemu" if isinstance(action.target, int) else action.target
        what = action.what
        if (kind, what) == ("manager", "term"):
            what = RESTART if action.where < 0.5 else STOP
        self.note(f"{action}: {'nobody there' if pid is None else f'pid {pid}, {what}'}")
        if pid is None:
            return
        self.counts[f"{kind} {what}"] += 1
        if action.what == "destroy":
            self.guests[action.target].may_die = True
            self._job(self.guests[action.target], ENDING, self._destroy)
            return
        if action.what == "pin":
            self._pin(action)
            return
        try:
            victim = Victim(pid)
        except ProcessLookupError:
            return
        if what in (RESTART, STOP):
            self.manager.begin(what, victim)
            victim.close()
            return
        if action.what != "stop":
            if kind == "qemu":
                self.guests[action.target].may_die = True
            elif kind != "monitor":
                getattr(self, kind).expect_end(SIGNALS[action.what])
            elif what == "kill" and min(age(pid), self._manager_age()) < STABLE_S:
                self.died_young = pid
        victim.send(SIGNALS[action.what])
        if action.what == "stop":
            self.stopped.append((time.monotonic() + action.seconds, victim, kind, time.time()))
        else:
            victim.close()

    def _go_on(self, everybody=False):
        now = time.monotonic()
        for entry in list(self.stopped):
            until, victim, kind, since = entry
            if everybody or now >= until:
                victim.send(signal.SIGCONT)
                victim.close()
                self.stopped.remove(entry)
                if kind == "libvirtd":
                    self.libvirtd_stops.append((since, time.time()))

    # ---- the run

    def tick(self):
        """To be called all the time."""
        self._go_on()
        self._back()
        if self.manager.poll() == 0 and not self.manager.kept:
            changed = self.tree.changed(self.baseline)
            assert not changed, f"vmpowerd has ended well, and policies {changed} are still set"
        self.libvirtd.poll()
        for guest in self.guests:
            if guest.left_over >= LEFT_OVER_STARTS:
                guest.left_over = 0
                self._act(Action("libvirtd", "kill", 0, 0))
                # it may not drop it either
                Path(f"/run/libvirt/qemu/{guest.name}.xml").unlink(missing_ok=True)
            if guest.hangs():
                self.note(f"{guest.name}: does not boot")
                assert self.counts["guest hung"] < MOST_HUNG, "guests do not boot"
                self.counts["guest hung"] += 1
                guest.may_die = True
                self._job(guest, ENDING, self._destroy)
        self._watch_monitor()
        for guest in self.guests:
            guest.epoch = self.manager.epoch
            self._look_after(guest)
        self._nothing_jumps()
        self.jobs = [job for job in self.jobs if not job.done() or job.result()]
        self.vmpower.process = self.manager.process
        failures = self.manager.failures + self.libvirtd.failures
        assert not failures, failures

    def _manager_age(self):
        pid = self.manager.pid()
        return age(pid) if pid else 0

    def _watch_monitor(self):
        """Votes end with a monitor that no manager is attached to, and with a manager without one.
        """
        monitor = self._pid("monitor")
        if monitor != self.monitor and self.monitor is not None \
                and self._manager_age() < ATTACHED_S or monitor is None and not self.manager.pid():
            self.manager.epoch += 1
        self.monitor = monitor

    def _held(self):
        """{pCPU: {(guest, vCPU): Ack}} where votes decide: one for the highest frequency, or all.

        They are acknowledged, and were not lost since, nor was the pCPU away.
        """
        if self.manager.job and not self.manager.keeps():
            return {}
        acked, everybody = {}, Counter()
        for guest in self.guests:
            alive = (guest.runs() and not guest.has_ended()
                     and not (guest.may_die or guest.doubtful))
            acks = dict(guest.acked) if alive else {}
            for vcpu, cpus in guest.pins.items():
                # one that was moved may be silent on any of these
                anywhere = [*map(str, self.host.real_cpus)] if vcpu in guest.moved else []
                for cpu in {*cpus.split(","), *anywhere} - set(map(str, self.plugged)):
                    everybody[int(cpu)] += 1
                    if vcpu in acks and not anywhere and acks[vcpu].epoch == self.manager.epoch:
                        acked.setdefault(int(cpu), {})[guest, vcpu] = acks[vcpu]
        return {cpu: acks for cpu, acks in acked.items() if len(acks) == everybody[cpu]
                or any(ack.khz == LADDER[-1] for ack in acks.values())}

    def _nothing_jumps(self):
        """A pCPU that votes have set is not at its baseline, whatever is dead at the moment."""
        held = self._held()
        self.looks += len(held)
        bare = {cpu for cpu in held if self.tree.governor(cpu) == BASELINE_GOVERNOR}
        if held and not bare and self._pid("monitor") not in (None, self.died_young):
            self.died_young = None
        # a first vote is written later: when there is a manager
        fallen = {cpu for cpu in bare if self.set_by.get(cpu) == held[cpu]}
        self.set_by = {cpu: held[cpu] for cpu in held if cpu not in bare}
        if fallen and not self.died_young:  # if the votes still hold
            still = self._held()
            wrong = {cpu: still[cpu] for cpu in fallen if still.get(cpu) == held[cpu]}
            assert not wrong, f"back at the baseline: {{pCPU: who has a vote}} {wrong}"

    def play(self, events):
        """Run so many events."""
        for event in events:
            until = time.monotonic() + event.gap
            self.tick()
            while time.monotonic() < until:
                time.sleep(0.01)
                self.tick()
            for action in event.actions:
                self._act(action)

    def _wait(self, predicate, what, timeout=SETTLE_S, state=None):
        def ticked():
            self.tick()
            return predicate()

        return wait_until(ticked, timeout, what, poll=0.05, state=state)

    def _served(self):
        if not (self.manager.process and self.libvirtd.process):
            return False
        status = self.vmpower.try_status()
        return status and status.get("monitor_pid") and status["libvirt_connected"]

    def _listed(self):
        done = self.host.virsh("list", "--name", check=False, timeout=20)
        return set(done.stdout.split()) if done.returncode == 0 else None

    def settle(self):
        """Stop all activity, wait until everything is as it should be, and check."""
        began = time.monotonic()
        self._go_on(everybody=True)
        self._back(everybody=True)
        self._wait(lambda: not self.jobs and all(g.phase == UP and not g.may_die
                                                 for g in self.guests), "all guests to answer",
                   timeout=SETTLE_S + HANGS_S,
                   state=lambda: {guest.name: guest.shown_phase() for guest in self.guests})
        self._wait(self._served, "vmpowerd with its monitor and libvirt",
                   state=self.vmpower.try_status)
        names = {guest.name for guest in self.guests}
        self._wait(lambda: self._listed() == names, "libvirtd to list all domains",
                   state=self._listed)
        for guest in self.guests:
            guest.paused, guest.doubtful = True, False
        self._wait(lambda: all(g.idle.is_set() and g.phase == UP for g in self.guests),
                   "the guests to be silent")
        self._wait(lambda: set(self.vmpower.domains()) == names, "all domains to be registered",
                   state=lambda: sorted(self.vmpower.domains()))
        for guest in self.guests:
            self.vmpower.wait_connected(guest.name, len(guest.channels), 60)
        places = {guest: guest.pinned() for guest in self.guests}
        self._wait(lambda: self._shown_places() == places, "vmpowerd to know all pinning",
                   state=lambda: (self._shown_places(), places))
        for guest in self.guests:
            guest.drain()
        self._check_votes(places)
        votes = self._vote_anew(places)
        self._die_in_silence(votes, places)
        self.rounds += 1
        self.plugged.clear()
        self.note(f"all well after {time.monotonic() - began:.1f} s")
        for guest in self.guests:
            guest.paused = False

    def _shown_votes(self):
        return {guest: {vcpu["vcpu"]: vcpu["vote_khz"]
                        for vcpu in self.vmpower.show(guest.name)["vcpus"]}
                for guest in self.guests}

    def _shown_places(self):
        return {guest: {vcpu["vcpu"]: cpu_set(vcpu["cpus"])
                        for vcpu in self.vmpower.show(guest.name)["vcpus"]}
                for guest in self.guests}

    def _model(self, votes, places):
        """The {pCPU: kHz or None} of these votes: the highest wins, and silence protects.

        Where it does the pCPU is at its baseline: None.
        """
        groups = {cpu: [] for cpu in range(self.tree.cpus)}
        for guest in self.guests:
            for vcpu, cpus in places[guest].items():
                for cpu in cpus:
                    groups[cpu].append(votes[guest][vcpu])
        highest = {cpu: max((vote for vote in group if vote), default=None)
                   for cpu, group in groups.items()}
        return {cpu: highest[cpu] if None not in group or highest[cpu] == LADDER[-1] else None
                for cpu, group in groups.items()}

    def _expect(self, votes, places, when):
        model = self._model(votes, places)

        def there():
            return {cpu: self.tree.khz(cpu) for cpu in model} == model

        try:
            wait_until(there, 10, "the frequencies that the votes make")
        except WaitTimeout as error:
            wrong = {cpu: (self.tree.khz(cpu), khz) for cpu, khz in model.items()
                     if self.tree.khz(cpu) != khz}
            said = [self.vmpower.ctl("explain", str(cpu), check=False).stdout for cpu in wrong]
            raise AssertionError(f"{when}: {{pCPU: (is, should be)}} {wrong}; vmpowerd says: "
                                 f"{' '.join(said)}") from error

    def _check_votes(self, places):
        """Check the earlier answers to guests, and their effect."""
        shown = self._shown_votes()
        for guest in self.guests:
            for vcpu, ack in guest.acked.items():
                if ack.epoch == self.manager.epoch:
                    self.taken_over += 1
                    assert shown[guest][vcpu] == ack.khz, (
                        f"{guest.name}: vCPU {vcpu} had its ACK for {ack.khz} kHz, "
                        f"its vote is {shown[guest][vcpu]}"
                    )
        self._expect(shown, places, "before they asked again")

    def _vote_anew(self, places):
        """Each vCPU asks once more, for one of two steps."""
        votes = {}
        for index, guest in enumerate(self.guests):
            votes[guest] = {}
            for vcpu in guest.pins:
                steps = (3 * index + vcpu + self.rounds) % len(LADDER)
                guest.vote(vcpu, steps)
                votes[guest][vcpu] = LADDER[steps]
                guest.acked[vcpu] = Ack(LADDER[steps], self.manager.epoch)
        self._expect(votes, places, "after they asked again")
        return votes

    def _die_in_silence(self, votes, places):
        """No guest asks again after that, so the votes must be remembered.

        Meanwhile a pCPU is away, and forgets its speed.
        """
        target, what = SILENT_DEATHS[self.rounds % len(SILENT_DEATHS)]
        pid = self._pid(target)
        self._act(Action("cpu", "offline", SETTLE_S, self.rounds / len(self.guests) % 1))
        self._act(Action(target, what, 0, 0))
        self._wait(lambda: self._pid(target) not in (None, pid), f"another {target}")
        self._wait(self._served, f"all to be well after the {target}'s end",
                   state=self.vmpower.try_status)
        self._back(everybody=True)
        self._expect(votes, places, f"after {what} of the {target}, nobody has asked since")
        assert self._shown_votes() == votes, f"{self._shown_votes()}, not {votes}"

    def end(self):
        """The domains end, one way or the other."""
        for guest in self.guests:
            guest.phase = ENDING
            guest.end()
        for index, guest in enumerate(self.guests):
            if index % 2:
                os.kill(guest.pid, SIGNALS["kill"])
            else:
                guest.destroy()
        self.host.wait_baseline(self.baseline)
        for guest in self.guests:
            self.vmpower.wait_forgotten(guest.name)
        self.host.guests.clear()
        self.pool.shutdown()


def test_everything_dies_at_random_moments(stage):
    """A round of events, a check of everything, the next round."""
    host, runner, seed = stage.host, stage.runner, SEED
    events, seconds = number("CHAOS_EVENTS", 40), number("CHAOS_SECONDS", 0)
    guests = number("CHAOS_GUESTS", 8)
    print(f"# CHAOS_SEED={seed} CHAOS_EVENTS={events} CHAOS_GUESTS={guests} "
          f"({'with' if host.has_systemd else 'without'} systemd)", flush=True)
    chaos = Chaos(host, seed, guests)
    aftermath = Aftermath(host)
    before = aftermath.before
    assert before["kept"] == [], before
    done = 0
    try:
        began = time.monotonic()
        chaos.settle()
        booted = time.monotonic()
        runner.note(f"{guests} guests booted and served in {booted - began:.0f} s")
        todo = plan(seed, guests)
        while done < events and not (seconds and time.monotonic() > booted + seconds):
            some = min(ROUND, events - done)
            chaos.play(next(todo) for _ in range(some))
            done += some
            chaos.settle()
        chaos.end()
        after = aftermath.check_footprint()
        times = aftermath.check_hooks(chaos.libvirtd_stops)
        aftermath.check_log()
    except AssertionError as error:
        raise AssertionError(f"CHAOS_SEED={seed}, after {done} events: {error}") from error
    finally:
        for guest in chaos.guests:
            guest.over = True
        chaos._go_on(everybody=True)  # pylint: disable=protected-access
    runner.note(f"seed {seed}: {done} events in {time.monotonic() - booted:.0f} s: " +
                ", ".join(f"{count} {what}" for what, count in sorted(chaos.counts.items())))
    runner.note(f"{sum(guest.answered for guest in chaos.guests)} of "
                f"{sum(guest.sent for guest in chaos.guests)} requests answered meanwhile; "
                f"{chaos.taken_over} votes survived a round, "
                f"{chaos.looks} looks at CPUs that had to be held")
    runner.note(f"{len(times)} hooks: median {times[len(times) // 2]:.0f} ms, "
                f"longest {times[-1]:.0f} ms")
    for who in ("manager", "monitor"):
        runner.note(f"{who}: {before[who]} before, {after[who]} after")


@contextlib.contextmanager
def crowded_host(_name, runner):
    """A host with room for all guests, with systemd, if the seed says so."""
    guests = number("CHAOS_GUESTS", 8)
    host = isolated_host(runner, "chaos", cpus=2 + guests)
    host.cpus = max(host.cpus, host.real_cpus[-1] + 1 + guests)
    host.has_systemd = SEED % 2 == 1
    with host:
        yield Stage(host, runner)


if __name__ == "__main__":
    run_tests(crowded_host)
