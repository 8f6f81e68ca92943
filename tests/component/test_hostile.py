# SPDX-License-Identifier: BSD-3-Clause
"""Floods of nonsense from many guests at once, and guests that take more than their share.

HOSTILE_FRAMES  how many frames the flood of nonsense has (200000; a million takes a minute)
HOSTILE_SEED    their seeds, separated by commas (default: new ones, which are printed)
"""

import collections
import os
import random
import select
import struct
import time

from tests.harness import frames
from tests.harness.hostile import (
    QUERIES,
    Flooder,
    Witness,
    assert_served,
    know_the_hour,
    policy,
    query,
    read_all,
    settle,
)
from tests.harness.scene import component_main, scene
from tests.harness.wait import Progress, wait_until

ALONE = True  # guests flood it
FRAMES = int(os.environ.get("HOSTILE_FRAMES", "200000"))
SEEDS = [int(seed) for seed in os.environ.get("HOSTILE_SEED", "").split(",") if seed]
N_SEEDS = 4
DOMAINS, CHANNELS = 16, 4
UNLIMITED = {"channel": {"rate": 0, "total-rate": 0}}
WARM_UP = 0.5  # part of the first seed's flood after which memory is measured
GROWTH_KIB = 1024  # its buffers take memory on first use
VALUES = (0, 1, 2, 3, 7, 8, 9, 10, 11, 15, 16, 63, 64, 127, 128, 255, 256, 1023, 1024, 65535)
VALUES += (2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1)
FIELDS_AT = (0, 4, 8, 12, 16, 28, 128, 132, 144, 148, 152, 156, 252, 348, 440, 444, 448, 452)


class Nonsense:
    """Frames that no guest should send, and some valid ones, from one seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.noise = self.random.randbytes(1 << 20)
        self.valid = {size: list(self._valid_frames(size)) for size in frames.GENERATIONS}
        # kind and weight; the last three break the framing
        self.makers = (
            self.valid_frame,
            self.mutated,
            self.flipped,
            self.random_policy,
            self.connect,
            self.of_another_generation,
            self.part,
            self.random_bytes,
        )
        self.weights = ((40, 30, 15, 10, 5, 0, 0, 0), (25, 20, 10, 5, 10, 10, 10, 10))

    @staticmethod
    def _valid_frames(size):
        for vcpu in range(CHANNELS):
            for unit in frames.UNITS:
                yield frames.request(vcpu, unit, size=size)
        if size >= 456:
            yield from (policy(size, kind=kind) for kind in range(4))
        if size >= 460:
            yield from (query(command, vcpu, size) for command in QUERIES for vcpu in range(2))
            yield policy(size, command=frames.POLICY_REMOVE)

    def random_bytes(self, size):
        """Of any length, also of no frame's length."""
        size = self.random.choice((size, self.random.randrange(1, 700)))
        at = self.random.randrange(len(self.noise) - size)
        return self.noise[at : at + size]

    def valid_frame(self, size):
        """A request, a query, a policy."""
        return self.random.choice(self.valid[size])

    def mutated(self, size):
        """One to three fields have boundary values."""
        frame = bytearray(self.valid_frame(size))
        for _field in range(self.random.randrange(1, 4)):
            at = self.random.choice(FIELDS_AT)
            if at + 4 <= len(frame):
                struct.pack_into("<I", frame, at, self.random.choice(VALUES))
        return frame

    def flipped(self, size):
        """Some bytes are changed."""
        frame = bytearray(self.valid_frame(size))
        for _byte in range(self.random.randrange(1, 9)):
            frame[self.random.randrange(len(frame))] = self.random.randrange(256)
        return frame

    def part(self, size):
        """The beginning or the end of a frame."""
        frame = self.valid_frame(size)
        at = self.random.randrange(1, len(frame))
        return frame[:at] if self.random.random() < 0.5 else frame[at:]

    def connect(self, size):
        """The guest's program restarts."""
        return frames.connect(size)

    def of_another_generation(self, _size):
        """Mostly without a CONNECT before it."""
        size = self.random.choice(frames.GENERATIONS)
        return self.random.choice((frames.connect(size), *self.valid[size]))

    def random_policy(self, size):
        """A frame with the most fields."""
        number = self.random.choice
        return policy(
            max(size, 456),
            kind=number(VALUES),
            workload=number(VALUES),
            vcpus=self.random.randbytes(self.random.randrange(9)),
            num_vcpu=number(VALUES) & 0xFF,
            n_macs=number(VALUES),
            busy=[number(VALUES) for _hour in range(self.random.randrange(25))],
            core_type=number(VALUES) & 0xFF,
            name=self.random.randbytes(32),
        )

    def piece(self):
        """One write of a guest of some generation: (bytes, number of frames)."""
        size = self.random.choice((*frames.GENERATIONS, 464, 464))
        n = self.random.choice((1, 1, 1, 2, 3, 5, 16, 17, 33))
        makers = self.random.choices(self.makers, self.random.choice(self.weights), k=n)
        if self.random.random() < 0.7:
            makers[0] = self.connect
        return b"".join(make(size) for make in makers), n


class Crowd:
    """Channels that get as much nonsense as they take."""

    def __init__(self, channels, seed):
        self.nonsense = Nonsense(seed)
        self.channels = channels
        self.pending = collections.defaultdict(bytes)
        self.deaf = set(channels[::4])  # these read no replies meanwhile
        self.sent = 0

    def _write(self, channel):
        """Return: False if nothing more fits now."""
        channel.peer.setblocking(False)
        try:
            n = channel.peer.send(self.pending[channel])
            self.pending[channel] = self.pending[channel][n:]
        except BlockingIOError:
            return False
        return not self.pending[channel]

    def flood(self, count):
        """Send so many more frames."""
        progress = Progress("sending nonsense")
        end = self.sent + count
        choice, blocked = self.nonsense.random.choice, 0
        while self.sent < end:
            channel = choice(self.channels)
            if not self.pending[channel]:
                self.pending[channel], n = self.nonsense.piece()
                self.sent += n
            if self._write(channel):
                blocked = 0
            else:
                blocked += 1
            if channel not in self.deaf:
                read_all(channel)
            if blocked > len(self.channels):  # all may be full: wait for one that isn't
                writable = [channel.peer for channel in self.channels]
                assert select.select([], writable, [], 60)[1], "vmpower reads nothing any more"
                blocked = 0
            progress.tick()
        progress.done()

    def finish(self):
        """Write the rest, so that at most a guest's last frame is partial."""

        def written():
            left = [channel for channel in self.channels if self.pending[channel]]
            for channel in left:
                self._write(channel)
                read_all(channel)
            return not left

        wait_until(written, 60, "vmpower to read the rest", poll=0.001)


def crowd_of_domains(stage):
    """16 domains with 4 channels each, on 64 pCPUs. Return the connected channels."""
    channels = []
    for d in range(DOMAINS):
        pins = {v: str(v * DOMAINS + d) for v in range(CHANNELS)}
        channels += stage.started(f"vm{d}", pins).channels.values()
    return channels


def all_files(tree):
    """The content of every file that a driver does not change by itself."""
    return {
        path.relative_to(tree.root): path.read_bytes().partition(b"\n")[0]
        for policy_number in tree.policies
        for path in sorted(tree.directory(policy_number).iterdir())
        if path.name != "scaling_setspeed"
    }


def totals(stage):
    """The counters of all channels, and the refusals by reason."""
    sums, refused = collections.Counter(), collections.Counter()
    for domain in stage.domains:
        for channel in stage.vmpower.show(domain.name)["channels"]:
            refused.update(channel["refused"])
            for key in ("requests", "acks", "nacks", "resyncs", "dropped_replies", "throttled"):
                sums[key] += channel[key]
    return sums, +refused


def everyone_is_served(channels):
    """CONNECT and a valid request work."""
    settle(channels)
    for index, channel in enumerate(channels):
        assert_served(channel, index, vcpu=index % CHANNELS)


def test_nonsense_from_64_channels_at_once(runner):
    """No crash, no leak, no channel lost, every frequency restored."""
    seeds = SEEDS or [random.SystemRandom().randrange(2**32) for _seed in range(N_SEEDS)]
    print(f"# HOSTILE_SEED={','.join(map(str, seeds))} HOSTILE_FRAMES={FRAMES}", flush=True)
    with scene("nonsense", UNLIMITED, cpus=DOMAINS * CHANNELS) as stage:
        before = all_files(stage.tree)
        channels = crowd_of_domains(stage)
        know_the_hour(stage, channels[0])
        for vcpu, channel in enumerate(channels):
            assert channel.power(vcpu % CHANNELS, "min") == "ack"
        witness = Witness(stage)
        for seed in seeds:
            crowd = Crowd(channels, seed)
            share = FRAMES // len(seeds)
            if seed == seeds[0]:
                crowd.flood(int(share * WARM_UP))
                share -= crowd.sent
                totals(stage)
                witness.memory = Witness(stage).memory
            crowd.flood(share)
            crowd.finish()
            witness.alive()
        everyone_is_served(channels)
        counts, refused = totals(stage)
        for key, count in counts.items():
            assert count or key == "throttled", f"{key} is 0: that was no test"
        runner.note(", ".join(f"{key} {count}" for key, count in counts.items()))
        runner.note("refused: " + ", ".join(f"{key} {count}" for key, count in refused.items()))
        growth = witness.growth_kib()
        if growth:
            runner.note(f"memory: manager {growth[0]:+} KiB, monitor {growth[1]:+} KiB")
            assert growth[1] <= GROWTH_KIB, f"the monitor grew by {growth[1]} KiB"
        witness.check()
        for domain in stage.domains:
            stage.hook(domain, "stopped")
            stage.vmpower.wait_forgotten(domain.name)
        stage.expect({})
        wait_until(lambda: all_files(stage.tree) == before, 10, "every file to be as before")
        witness.alive()


def default_rate(stage):
    """Rate and burst as shipped."""
    stage.vmpower.stop()
    del stage.sections["channel"]["rate"]
    stage.vmpower.configure(stage.sections)
    stage.vmpower.start()


def test_nonsense_at_the_default_rate(runner):
    """A flooding channel waits; another one is served at once."""
    seed = SEEDS[0] if SEEDS else random.SystemRandom().randrange(2**32)
    print(f"# HOSTILE_SEED={seed}", flush=True)
    with scene("nonsense-rate", cpus=16) as stage:
        default_rate(stage)
        loud = [
            channel
            for d in range(3)
            for channel in stage.started(
                f"loud{d}", {v: str(4 * d + v) for v in range(CHANNELS)}
            ).channels.values()
        ]
        quiet = stage.started("quiet", {0: "15"})
        know_the_hour(stage, loud[0])
        for vcpu, channel in enumerate(loud):
            assert channel.power(vcpu % CHANNELS, "min") == "ack"
        assert quiet.power(0, "min") == "ack"
        witness = Witness(stage)
        crowd = Crowd(loud, seed)
        for _round in range(40):
            crowd.flood(250)
            assert quiet.power(0, "max") == quiet.power(0, "min") == "ack"
        counts = totals(stage)[0]
        assert counts["throttled"] > len(loud), counts
        assert stage.vmpower.channel("quiet", 0)["throttled"] == 0
        crowd.finish()
        everyone_is_served(loud)
        runner.note(f"{crowd.sent} frames: throttled {totals(stage)[0]['throttled']} times")
        witness.check()


# ---- fairness

ROUNDS = 1000


def ask_in_turns(domain, rounds, status):
    """One request at a time; status() now and then. Return the times in ms, sorted."""
    took = []
    for n in range(rounds):
        before = time.perf_counter()
        assert domain.power(0, ("max", "min")[n % 2]) == "ack"
        took.append((time.perf_counter() - before) * 1000)
        if n % (rounds // 4) == 0:
            status()
    return sorted(took)


def figures(took):
    """Median and 99th percentile."""
    return f"p50 {took[len(took) // 2]:.2f} ms, p99 {took[len(took) * 99 // 100]:.2f} ms"


def check_fairness(stage, runner, name, reads, rounds=ROUNDS, size=464):
    """Another process floods one channel; another domain and the operator are not affected."""
    victim, noisy = stage.started("victim", {0: "1"}), stage.started("noisy", {0: "2"})
    assert victim.power(0, "min") == noisy.power(0, "min") == "ack"
    witness = Witness(stage)
    alone = ask_in_turns(victim, rounds, stage.vmpower.status)
    noisy.channels[0].send(frames.connect(size))
    data = b"".join(frames.request(0, unit, size=size) for unit in ("max", "min") * 256)
    flood = Flooder(noisy.channels[0], data, reads)
    try:
        served = [0]

        def status():
            """The flood continues, and the operator sees it."""
            assert stage.vmpower.status()["connected"] == 2
            wait_until(
                lambda: stage.vmpower.channel("noisy", 0)["requests"] > served[-1],
                20,
                "the flood to be served, too",
            )
            served.append(stage.vmpower.channel("noisy", 0)["requests"])

        wait_until(lambda: stage.vmpower.channel("noisy", 0)["requests"] > 500, 20, "the flood")
        beside = ask_in_turns(victim, rounds, status)
        status()
    finally:
        flood.end()
    runner.note(f"{name}: alone {figures(alone)}; beside the flood {figures(beside)}")
    runner.note(f"{name}: {served[-1] - served[1]} requests of the flood were served meanwhile")
    settle(noisy.channels.values())
    assert_served(noisy.channels[0], "noisy", unit="min")
    assert victim.power(0, "min") == "ack"
    stage.expect({1: 1200000, 2: 1200000})
    witness.check()
    return stage.vmpower.channel("noisy", 0)


def test_flood_beside_a_domain_at_the_default_rate(runner):
    """The flood is throttled; each request of the other domain is answered."""
    with scene("fair-rate") as stage:
        default_rate(stage)
        # not more rounds than a burst: the victim stays within its rate
        counts = check_fairness(stage, runner, "default rate", reads=True, rounds=100)
        assert counts["throttled"], counts
        assert stage.vmpower.channel("victim", 0)["dropped_replies"] == 0


def test_flood_beside_a_domain_where_the_total_rate_is_used_up(runner):
    """The total rate is used up: the other's requests wait, but not for ever."""
    with scene("fair-total", {"channel": {"rate": 0, "total-rate": 3000}}) as stage:
        counts = check_fairness(stage, runner, "total rate 3000", reads=True, rounds=400)
        assert counts["throttled"], counts


def test_flood_beside_a_domain_without_a_rate(runner):
    """Only turns protect the other: one batch of each channel in turn."""
    for reads, size, how in (
        (True, 464, "replies are read"),
        (False, 464, "replies are not read"),
        (False, 16, "16-byte requests, that come faster than they can be served"),
    ):
        with scene(f"fair-{reads}-{size}", UNLIMITED) as stage:
            counts = check_fairness(stage, runner, f"no rate, {how}", reads, size=size)
            assert not counts["throttled"], counts
            assert counts["dropped_replies"] or reads or size == 16, counts


if __name__ == "__main__":
    component_main()
