# SPDX-License-Identifier: BSD-3-Clause
"""vmpower and DPDK's own power library, as Debian ships it, in a real guest.

The guest (tests/librte) only calls the library's public API; the effect of its requests is checked
on the host.
"""

import contextlib
import time

from tests.harness import frames, paths
from tests.harness.cpufreq_tree import STEPS
from tests.harness.guest import Guest
from tests.harness.runner import run_tests
from tests.harness.stage import isolated_host
from tests.harness.wait import wait_until

LIBRTE = paths.BUILD / "librte"
# acpi-cpufreq lists turbo as 1 MHz above the highest frequency without it.
PLAIN = sorted(STEPS)
TURBO = PLAIN[-1] + 1000
TREE = {"steps": (TURBO, *STEPS)}
UNIT = frames.UNITS
INIT_S = 60
TRIES = 10


class PowerGuest(Guest):
    """A domain whose guest uses the library."""

    initramfs = LIBRTE / "initramfs"
    memory_mib = 256
    # DPDK's packages need SSE 4.2, which the default CPU model lacks
    cpu = "<cpu mode='custom' match='exact'><model fallback='allow'>Nehalem</model></cpu>"

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.late = {}  # {lcore: late replies so far}

    def call(self, request, timeout=INIT_S):
        """One call of the library (tests/librte/power-guest.c): what it returned, and more."""
        status, *words = self.ask(request, timeout)[1:]
        return int(status), words

    def returns(self, request, expected):
        """A call that must return this."""
        status, words = self.call(request)
        assert status == expected, f"{self.name}: {request}: returned {status}, not {expected}"
        return words

    def init(self, lcore):
        """rte_power_init() of one lcore, which must detect that it is in a guest."""
        words = self.returns(f"init {lcore}", 0)
        assert words == ["kvm"], f"{self.name}: rte_power_init({lcore}): environment {words}"

    def receive(self, lcore, what):
        """A reply, as {key: value}; and how many of the library's 10 ms it took.

        (None, None): none came, since it would have been late: the host is busy.
        """
        status, (tried, *words) = self.call(f"receive {lcore} {what}")
        if status:
            late = self.host.vmpower.channel(self.name, lcore)["late_replies"]
            known = self.late.get(lcore, 0)
            assert late > known, f"{self.name}: lcore {lcore}: no {what} (returned {status})"
            self.late[lcore] = late
            return None, None
        return dict(word.split("=") for word in words), int(tried)

    def query(self, lcore, request, what):
        """Send a request that changes nothing until its reply comes in time; return the reply."""
        for _ in range(TRIES):
            self.returns(request, 0)
            got, _ = self.receive(lcore, what)
            if got:
                return got
        raise AssertionError(f"{self.name}: lcore {lcore}: {TRIES} late replies to {request}")

    def expect_answer(self, lcore, unit, answer=frames.ACK):
        """Expect this answer to a power request, read by the library; None: it was late."""
        got, tried = self.receive(lcore, "answer")
        if not got:
            return None
        wanted = {"command": str(answer), "vcpu": str(lcore), "unit": str(UNIT.get(unit, unit))}
        assert got == wanted, f"{self.name}: lcore {lcore} {unit}: {got}, not {wanted}"
        return tried

    def scale(self, lcore, unit, answer=frames.ACK):
        """rte_power_freq_...(): 1 means that the request was written; the host's answer follows."""
        self.returns(f"{unit} {lcore}", 1)
        return self.expect_answer(lcore, unit, answer)


class Stage:
    """Passed to every test."""

    def __init__(self, host, runner):
        self.host = host
        self.runner = runner
        self.vmpower = host.vmpower
        self.cpufreq = host.cpufreq
        # lcore 0 on the last pCPU and lcore 1 on the first: equal numbers would prove nothing
        self.pins = {0: host.real_cpus[-1], 1: host.real_cpus[0]}

    @contextlib.contextmanager
    def guest(self, name, env="kvm", lcores=(0, 1)):
        """A guest with the library's environment set and these lcores initialised."""
        baseline = self.cpufreq.snapshot()
        guest = PowerGuest(self.host, name, self.pins).create()
        try:
            guest.boot()
            guest.version = " ".join(guest.ask("eal", INIT_S)[1:])
            if env:
                guest.returns(f"env {env}", 0)
            for lcore in lcores:
                guest.init(lcore)
                wait_until(
                    lambda lcore=lcore: self.counter(guest, lcore, "requests") == 1,
                    10,
                    f"lcore {lcore}'s CONNECT to be counted, and nothing else",
                    state=lambda lcore=lcore: self.vmpower.channel(name, lcore),
                )
            yield guest
        finally:
            guest.destroy()
        self.host.wait_baseline(baseline)
        self.vmpower.wait_forgotten(name)

    def counter(self, guest, channel, key):
        """A channel's counter."""
        return self.vmpower.channel(guest.name, channel)[key]

    def expect(self, guest, khz, baseline):
        """{lcore: kHz}: wait until exactly the pCPUs of these lcores are set to that.

        A vote is answered at once: the first one on a pCPU is written a moment later.
        """
        wanted = (
            {guest.pins[lcore]: speed for lcore, speed in khz.items()},
            sorted(self.cpufreq.policy_of[guest.pins[lcore]] for lcore in khz),
        )

        def there():
            return (
                {cpu: self.cpufreq.khz(cpu) for cpu in wanted[0]},
                self.cpufreq.changed(baseline),
            )

        wait_until(
            lambda: there() == wanted, 20, f"{{pCPU: kHz}}, policies: {wanted}", state=there
        )


def test_requests_land_on_the_pCPU_of_their_lcore(stage):
    """rte_power_freq_up/down/min/max on two vCPUs."""
    baseline = stage.cpufreq.snapshot()
    with stage.guest("scales") as guest:
        stage.expect(guest, {}, baseline)
        tried = [guest.scale(0, "min")]
        stage.expect(guest, {0: PLAIN[0]}, baseline)
        tried.append(guest.scale(1, "max"))
        stage.expect(guest, {0: PLAIN[0], 1: TURBO}, baseline)
        for step in (1, 2):
            tried.append(guest.scale(0, "up"))
            stage.expect(guest, {0: PLAIN[step], 1: TURBO}, baseline)
        for khz in (PLAIN[-1], PLAIN[-2]):
            tried.append(guest.scale(1, "down"))
            stage.expect(guest, {0: PLAIN[2], 1: khz}, baseline)
        tried.append(guest.scale(0, "down"))
        stage.expect(guest, {0: PLAIN[1], 1: PLAIN[-2]}, baseline)
        tried.append(guest.scale(0, "max"))
        tried.append(guest.scale(1, "min"))
        stage.expect(guest, {0: TURBO, 1: PLAIN[0]}, baseline)
        for lcore, votes in ((0, 5), (1, 4)):
            channel = stage.vmpower.channel(guest.name, lcore)
            assert (channel["requests"], channel["nacks"]) == (votes + 1, 0), channel
        in_time = sum(tries == 1 for tries in tried)
        stage.runner.note(guest.version)
        stage.runner.note(f"{in_time} of {len(tried)} ACKs within the library's 10 ms")


def test_turbo_is_taken_and_given(stage):
    """rte_power_freq_disable_turbo() lowers what max reaches, enable lifts it again."""
    baseline = stage.cpufreq.snapshot()
    with stage.guest("turbo") as guest:
        for lcore in guest.pins:
            guest.scale(lcore, "max")
        stage.expect(guest, {0: TURBO, 1: TURBO}, baseline)
        guest.scale(1, "noturbo")
        stage.expect(guest, {0: TURBO, 1: PLAIN[-1]}, baseline)
        guest.scale(1, "max")
        stage.expect(guest, {0: TURBO, 1: PLAIN[-1]}, baseline)
        guest.scale(1, "turbo")
        guest.scale(1, "max")
        stage.expect(guest, {0: TURBO, 1: TURBO}, baseline)


def test_guest_channel_messages_are_answered(stage):
    """rte_power_guest_channel_send_msg() and receive_msg(): requests, queries, a bad vCPU."""
    baseline = stage.cpufreq.snapshot()
    with stage.guest("asks") as guest:
        guest.returns(f"send 0 {frames.CPU_POWER} 0 {UNIT['min']}", 0)
        guest.expect_answer(0, "min")
        guest.scale(1, "max")
        stage.expect(guest, {0: PLAIN[0], 1: TURBO}, baseline)

        got = guest.query(0, f"send 0 {frames.CPU_POWER} 7 {UNIT['min']}", "answer")
        assert (got["command"], got["vcpu"]) == (str(frames.NACK), "7"), got
        assert stage.counter(guest, 0, "nacks") == 1

        def ask(lcore, command, what, vcpu=0):
            # the name in the frame does not matter: the channel identifies the guest
            return guest.query(lcore, f"send {lcore} {command} {vcpu} 0 somebody-else", what)

        got = ask(0, frames.QUERY_FREQ_LIST, "frequencies")
        assert got == {"command": "3", "num_vcpu": "2", "khz": f"{PLAIN[0]},{TURBO},0,0,0,0,0,0"}
        got = ask(1, frames.QUERY_FREQ, "frequencies", vcpu=1)
        assert got["khz"] == f"0,{TURBO},0,0,0,0,0,0", got
        got = ask(1, frames.QUERY_CAPS_LIST, "capabilities")
        assert (got["command"], got["num_vcpu"]) == ("4", "2"), got
        assert got["turbo"] == "1,1,0,0,0,0,0,0", got
        got = ask(0, frames.QUERY_CAPS, "capabilities", vcpu=0)
        assert got["turbo"] == "1,0,0,0,0,0,0,0", got
        stage.expect(guest, {0: PLAIN[0], 1: TURBO}, baseline)


def test_policies_as_guest_cli_sends_them(stage):
    """By time, with its default hours by traffic; by workload; those that nothing can serve."""
    baseline = stage.cpufreq.snapshot()
    with stage.guest("policies") as guest:

        def send(words, answer=frames.ACK):
            got = guest.query(1, f"policy 1 {words}", "answer")
            assert got["command"] == str(answer), f"{words}: {got}"

        middle = (*PLAIN, TURBO)[len(PLAIN) - (len(PLAIN) + 1) // 2]
        for workload, khz in enumerate((TURBO, middle, PLAIN[0])):
            send(f"type=2 workload={workload}")
            stage.expect(guest, {0: khz, 1: khz}, baseline)
        hour = time.localtime().tm_hour
        every = ",".join(str(hour) for hour in range(1, 24))
        for key, khz in (("busy", TURBO), ("quiet", PLAIN[0])):
            other = "quiet" if key == "busy" else "busy"
            send(f"type=1 {key}={every} {other}=0")
            # 8 and 10 are in the first slots of the list by traffic; 0 is no hour, but unused
            if time.localtime().tm_hour == hour:
                stage.expect(guest, {} if hour in (0, 8, 10) else {0: khz, 1: khz}, baseline)
        send("type=1")  # its defaults: most hours are in no list
        assert stage.vmpower.show(guest.name)["vcpus"][1]["policy"]["hours"][8] == "traffic"
        send("type=2 workload=0")
        stage.expect(guest, {0: TURBO, 1: TURBO}, baseline)
        for refused in ("type=0", "type=3", "type=2 macs=-1", "type=2 workload=3", "type=1 busy=24"):
            send(refused, frames.NACK)
        stage.expect(guest, {0: TURBO, 1: TURBO}, baseline)
        guest.scale(0, "min")
        stage.expect(guest, {0: PLAIN[0], 1: TURBO}, baseline)


def test_the_library_finds_by_itself_where_it_is(stage):
    """Without rte_power_set_env(); a released lcore can be initialised again: a new session."""
    baseline = stage.cpufreq.snapshot()
    with stage.guest("detects", env=None, lcores=(0,)) as guest:
        guest.returns("supported", 1)
        guest.scale(0, "min")
        guest.returns("exit 0", 0)
        stage.expect(guest, {0: PLAIN[0]}, baseline)
        guest.returns("env none", 0)
        guest.init(0)
        stage.expect(guest, {}, baseline)  # with CONNECT the old session's vote has ended
        guest.scale(0, "down")  # from the highest without turbo
        stage.expect(guest, {0: PLAIN[-2]}, baseline)
        assert stage.counter(guest, 0, "state") == "connected"


def test_an_application_that_never_reads_its_answers(stage):
    """Applications that only call rte_power_freq_...() lose no request."""
    baseline = stage.cpufreq.snapshot()
    pairs, rounds = 50, 4  # the guest's port queues 128 writes, and the library does not wait
    with stage.guest("deaf", lcores=(0,)) as guest:
        for number in range(1, rounds + 1):
            guest.returns(f"alternate 0 {pairs}", 2 * pairs)
            wait_until(
                lambda number=number: stage.counter(guest, 0, "requests") == 2 * pairs * number + 1,
                20,
                f"all requests of round {number}",
                state=lambda: stage.vmpower.channel(guest.name, 0),
            )
        assert stage.counter(guest, 0, "nacks") == 0
        stage.expect(guest, {0: TURBO}, baseline)
        guest.returns("min 0", 1)
        wait_until(
            lambda: stage.cpufreq.khz(guest.pins[0]) == PLAIN[0], 20, "a request after them"
        )
        unread, _ = guest.call("drain 0")
        guest.scale(0, "up")
        stage.expect(guest, {0: PLAIN[1]}, baseline)
        stage.runner.note(f"{unread} of {2 * pairs * rounds + 1} ACKs were kept for it")


def need_librte():
    """Raise if the guest with the library is not built."""
    if not PowerGuest.initramfs.exists():
        raise paths.MissingError(f"no {PowerGuest.initramfs}: run make guest")


@contextlib.contextmanager
def host_with_turbo(_name, runner):
    """One host for them all."""
    need_librte()
    host = isolated_host(runner, "librte", cpus=8, tree=TREE)
    if len(host.real_cpus) < 2:
        raise paths.MissingError("two vCPUs on two pCPUs need two pCPUs")
    with host:
        yield Stage(host, runner)


if __name__ == "__main__":
    run_tests(host_with_turbo)
