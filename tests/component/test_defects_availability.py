# SPDX-License-Identifier: BSD-3-Clause
"""Ways in which a guest ends its own or all service of DPDK's sample host, tried here: P1 to P5,
P7, P8.

The numbers are those of the known defects of examples/vm_power_manager, up to 26.07.
"""

import fcntl
import signal
import socket
import struct
import termios

from tests.harness import frames
from tests.harness.hostile import (
    BRANCH_RATIO,
    QUERIES,
    TRAFFIC,
    Witness,
    assert_served,
    cpu_seconds,
    lowest,
    policy,
    query,
    read_all,
    refusals,
    siege,
    split_replies,
    unread,
)
from tests.harness.scene import HIGHEST, LOWEST, component_main, scene
from tests.harness.wait import wait_until

ALONE = True  # CPU time is measured
QUIET_S = 0.5  # to see whether a process idles
IDLE_S = 0.15  # CPU time within it; a process that spins takes all of it
HELD_BACK = 65536  # bytes of unread replies: what a socket holds, the more the larger its pieces


def test_P1_partial_frames():
    """One byte destroyed the channel for good."""
    with scene("p1") as stage:
        domain = stage.started("vm", {v: str(v % 8) for v in range(64)})
        for vcpu in range(64):
            assert domain.power(vcpu, "min") == "ack"
        votes = dict.fromkeys(range(8), LOWEST)
        stage.expect(votes)
        witness = Witness(stage)
        sizes = [1, 2, 8, 12, 15, 16, 17, 31, 32, 455, 456, 457, 459, 460, 461, 463]
        sizes += [7 * n + 3 for n in range(1, 64 - len(sizes) + 1)]
        whole = frames.request(0, "max", size=464)
        short = (16, 456, 460)  # these are whole requests of other generations
        for channel, size in zip(domain.channels.values(), sizes):
            channel.send(whole[:size])

        def given_up():
            shown = stage.vmpower.show("vm")["channels"]
            return all(
                channel["resyncs"] > 0
                for channel, size in zip(shown, sizes)
                if size not in short
            )

        wait_until(given_up, 10, "64 broken frames to be given up")
        for vcpu, channel in domain.channels.items():
            assert_served(channel, vcpu, vcpu=vcpu, unit="min")
        # 16 bytes are a request of the first generation
        assert domain.power(0, "min") == "ack"
        stage.expect(votes)
        witness.check()
        assert stage.vmpower.status()["connected"] == 64


def test_P1_a_frame_in_two_halves():
    """Cut anywhere, the frame counts once."""
    with siege("p1-halves") as attack:
        for size in (464, 460):
            attack.channel.send(frames.connect(size))
            for at in (1, 12, 15, 16, 17, 100, 456, size - 1):
                frame = frames.request(0, "min", size=size, name=b"cut at %d" % at)
                attack.channel.send(frame[:at])
                # the first half may or may not be read by then: both are fine
                assert attack.other.power(0, "max") == "ack"
                attack.channel.send(frame[at:])
                answer = attack.channel.receive(size)
                assert answer == frames.answer_to(frame, frames.ACK), at
        attack.channel.send(frames.connect())  # its session ends, and its vote
        assert attack.vm.power(0, "min") == "ack"
        attack.stage.expect(attack.votes)


def test_P2_end_of_file_within_a_frame(runner):
    """SHUT_WR after one byte caused an endless loop, and no service for anyone."""
    with siege("p2") as attack:
        stage, used = attack.stage, []
        whole = frames.request(0, "min")
        for sent in (b"", whole[:1], whole[:16], whole[:463], whole + whole[:1]):
            loner = stage.started(f"loner{len(sent)}", {0: "7"})
            channel = loner.channels[0]
            channel.send(sent)
            channel.listener.close()  # no second connection
            channel.path.unlink()
            channel.peer.shutdown(socket.SHUT_WR)
            received = b""
            while piece := channel.peer.recv(4096):  # until vmpower hangs up
                received += piece
            assert received in (b"", frames.answer_to(whole, frames.ACK)), received[:16].hex()
            before = cpu_seconds(attack.witness.monitor)
            assert attack.channel.silent(QUIET_S)
            used.append(cpu_seconds(attack.witness.monitor) - before)
            assert used[-1] <= IDLE_S, f"the monitor runs on after {len(sent)} bytes: {used[-1]} s"
            assert attack.vm.power(0, "min") == "ack"
            channel.listener = None
            stage.hook(loner, "stopped")
            stage.vmpower.wait_forgotten(loner.name)
        runner.note(f"processor time within {QUIET_S} s each: {max(used):.2f} s at most")


def test_P2_end_of_file_and_back():
    """QEMU's end reopens: the channel is served again."""
    with siege("p2-back") as attack:
        channel = attack.channel
        channel.send(b"\x01")
        channel.peer.shutdown(socket.SHUT_WR)
        assert channel.peer.recv(1) == b"", "vmpower hangs up"
        channel.peer.close()
        channel.accept()
        channel.send(frames.connect())
        attack.stage.vmpower.wait_connected("vm", 2)
        assert channel.power(0, "min") == "ack"
        attack.stage.expect(attack.votes)


def test_P3_repeated_branch_ratio_policies():
    """Each policy opened MSR files again and leaked the old ones."""
    with siege("p3") as attack:
        attack.nacked([policy(kind=BRANCH_RATIO, vcpus=[0, 1])] * 2000, "branch-ratio")


def test_P4_repeated_policies(runner):
    """Each policy leaked a list of all domains."""
    with siege("p4") as attack:
        attack.acked([lowest(), policy(command=frames.POLICY_REMOVE, vcpus=[0]), lowest()])
        attack.nacked([policy(kind=TRAFFIC)] * 200, "interface")  # warmed up
        before = attack.witness.memory = Witness(attack.stage).memory
        attack.acked([lowest()] * 2500)
        attack.nacked([policy(kind=TRAFFIC)] * 2500, "interface")
        if None not in before.values():
            attack.witness.no_memory_leaked()
            growth = attack.witness.growth_kib()
            runner.note(f"5,000 policies: manager {growth[0]:+} KiB, monitor {growth[1]:+} KiB")


def test_P5_no_guest_waits_for_libvirt():
    """libvirt was called from the loop: a slow libvirtd silenced all guests.

    Here the manager talks to libvirt. While it is stopped guests are served, all of them; only the
    first write on a frequency domain needs the manager.
    """
    with siege("p5") as attack:
        first = attack.stage.started("first", {0: "6"})
        vote = frames.request(0, "min")
        manager = attack.stage.vmpower.process
        manager.send(signal.SIGSTOP)
        try:
            first.channels[0].send(vote)
            for unit, khz in (("max", HIGHEST), ("min", LOWEST)) * 10:
                assert attack.vm.power(0, unit) == "ack"
                assert attack.stage.tree.khz(2) == khz
                assert attack.channel.ask(policy(kind=TRAFFIC)) == "nack"
                attack.channel.send(query(frames.QUERY_FREQ))
                assert len(attack.channel.receive(88)) == 88
            assert first.channels[0].receive(len(vote)) == frames.answer_to(vote, frames.ACK)
            attack.stage.expect(attack.votes)  # the baseline can't have been saved
        finally:
            manager.send(signal.SIGCONT)
        attack.stage.expect({**attack.votes, 6: LOWEST})
        attack.stage.hook(first, "stopped")
        attack.stage.vmpower.wait_forgotten("first")
        attack.stage.expect(attack.votes)


def unread_requests(attack, n, first, pieces=1):
    """Send n distinguishable requests, read no answers, and return the requests."""
    sent = []
    for index in range(first, first + n):
        sent.append(frames.request(index % 2, "min", name=b"request %d" % index))
    for at in range(0, n, pieces):
        attack.channel.send(b"".join(sent[at : at + pieces]))
    return sent


def wait_requests(attack, count):
    """Wait until so many were served."""
    wait_until(
        lambda: attack.stage.vmpower.channel("vm", 0)["requests"] >= count,
        60,
        f"{count} requests to be served",
        state=lambda: attack.stage.vmpower.channel("vm", 0),
    )


def check_order(sent, data):
    """Read whole ACKs, in order, of some of these requests, and return those requests."""
    replies = split_replies(data)
    expected = (frames.answer_to(frame, frames.ACK) for frame in sent)
    for reply in replies:
        assert any(reply == answer for answer in expected), "no request's, or out of order"
    return replies


def test_P7_guest_that_never_reads(runner):
    """A full socket was a fatal error; replies could be truncated."""
    for pieces in (1, 7, 16):
        with siege(f"p7-{pieces}") as attack:
            channel, stage = attack.channel, attack.stage
            before = stage.vmpower.channel("vm", 0)["requests"]
            sent = unread_requests(attack, 1600, 0, pieces)
            wait_requests(attack, before + len(sent))
            dropped = stage.vmpower.channel("vm", 0)["dropped_replies"]
            data = read_all(channel)
            replies = check_order(sent, data)
            assert dropped and len(replies) + dropped == len(sent), (len(replies), dropped)
            assert len(data) <= HELD_BACK, f"{len(data)} bytes lay there"
            runner.note(f"by {pieces}: {len(replies)} whole replies, {dropped} dropped")
            assert attack.vm.power(0, "min") == "ack", "it reads again: it is answered again"


def test_P7_nothing_more_until_all_is_read():
    """The next program that opens the port reads what was left unread."""
    with siege("p7-rule") as attack:
        channel, stage = attack.channel, attack.stage
        start = stage.vmpower.channel("vm", 0)["requests"]
        sent = unread_requests(attack, 600, 0)
        wait_requests(attack, start + len(sent))
        lies_there = struct.unpack("i", fcntl.ioctl(channel.peer, termios.FIONREAD, bytes(4)))[0]
        first = channel.receive(lies_there - 464)  # all but one
        late = unread_requests(attack, 10, 5000)
        wait_requests(attack, start + len(sent) + len(late))
        data = first + read_all(channel)
        check_order(sent, data)  # none of the late replies
        counts = stage.vmpower.channel("vm", 0)
        received = len(split_replies(data))
        assert counts["dropped_replies"] + received == len(sent) + len(late), counts


def test_P7_guest_that_stops_reading(runner):
    """It has read a thousand replies, and reads no more."""
    power = frames.request(0, "min")
    mixed = [power, *(query(command) for command in QUERIES), frames.request(9, "min")]
    for what, piece, alone in (("ACKs", [power], True), ("all kinds", mixed, False)):
        with siege(f"p7-stops-{len(piece)}") as attack:
            channel, stage = attack.channel, attack.stage
            for _round in range(1000):
                assert channel.power(0, "min") == "ack"
            start = stage.vmpower.channel("vm", 0)["requests"]
            for _round in range(500):
                channel.send(b"".join(piece))
                while alone and unread(channel):
                    pass
            wait_requests(attack, start + 500 * len(piece))
            replies = split_replies(read_all(channel))
            dropped = stage.vmpower.channel("vm", 0)["dropped_replies"]
            assert dropped and len(replies) + dropped == 500 * len(piece), (len(replies), dropped)
            runner.note(f"{what}: {len(replies)} whole replies, {dropped} dropped")
            assert channel.power(0, "min") == "ack"


def test_P7_replies_can_not_be_delivered():
    """The other end no longer reads: no SIGPIPE, and its requests still count."""
    with siege("p7-pipe") as attack:
        stage = attack.stage
        loner = stage.started("loner", {0: "7"})
        assert loner.power(0, "min") == "ack"
        loner.channels[0].peer.shutdown(socket.SHUT_RD)
        loner.channels[0].send(frames.request(0, "max"))
        stage.expect({**attack.votes, 7: HIGHEST})
        wait_until(
            lambda: stage.vmpower.channel("loner", 0)["dropped_replies"] == 1, 10, "the drop"
        )
        stage.hook(loner, "stopped")
        stage.vmpower.wait_forgotten("loner")
        stage.expect(attack.votes)


def test_P8_every_request_that_can_be_answered_is():
    """Bad unit, policy removal, a disabled channel: silence looked like a lost request."""
    with siege("p8") as attack:
        channel, vmpower = attack.channel, attack.stage.vmpower
        attack.nacked([frames.request(0, unit) for unit in (0, 7, 2**31, 2**32 - 1)], "unit")
        attack.acked([policy(command=frames.POLICY_REMOVE)])
        attack.nacked([policy(command=c) for c in (5, 6, 11, 2**32 - 1)], "command")
        before = vmpower.channel("vm", 0)
        channel.send(frames.connect())
        assert channel.power(0, "min") == "ack", "CONNECT has no answer: this is the next"
        after = vmpower.channel("vm", 0)
        assert after["requests"] == before["requests"] + 2 and after["nacks"] == before["nacks"]
        vmpower.ask("channel", "disable", "vm", "0")
        del attack.votes[2]  # its vote ends
        attack.nacked(
            [
                frames.request(0, "max"),
                policy(),
                policy(command=frames.POLICY_REMOVE),
                policy(command=99),
                frames.request(0, 9),
                frames.request(0, "max", core_type=1),
            ],
            "denied",
        )
        vmpower.ask("channel", "enable", "vm", "0")
        assert channel.power(0, "min") == "ack"
        attack.votes[2] = LOWEST


def test_P8_queries_that_are_not_allowed():
    """No NACK: a stock guest expects a list or nothing. The refusals are counted."""
    with siege("p8-queries", {"channel": {"queries": "no"}}) as attack:
        attack.unanswered([query(command) for command in QUERIES] * 3, "denied")
        assert refusals(attack.stage, "vm") == {"denied": 3 * len(QUERIES)}
        assert attack.channel.silent(0.1), "an answer to a query that is not allowed"


if __name__ == "__main__":
    component_main()
