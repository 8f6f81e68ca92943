# SPDX-License-Identifier: BSD-3-Clause
"""DPDK's power messages, as far as the component tests need them.

Like guest/protocol/frame.c it follows the protocol's byte layout and shares no code with vmpower.
"""

import struct

CPU_POWER, CONNECT, POLICY, POLICY_REMOVE = 1, 2, 3, 4
QUERY_FREQ_LIST, QUERY_FREQ, QUERY_CAPS_LIST, QUERY_CAPS = 7, 8, 9, 10
UNITS = {"up": 1, "down": 2, "max": 3, "min": 4, "turbo": 5, "noturbo": 6}
ACK, NACK = 1, 2
GENERATIONS = (16, 456, 460, 464)
COMMAND_AT, CORE_TYPE_AT = 12, 444


# A guest that begins its name with this gets late replies too: a busy host breaks no test.
TAG = b"vmpower-guest:"


def request(vcpu=0, unit=0, command=CPU_POWER, size=464, core_type=0, name=TAG):
    """A request; unit by name or number."""
    frame = struct.pack("<QII", vcpu, UNITS.get(unit, unit), command)
    frame = bytearray(frame.ljust(size, b"\0"))
    if size > 16:
        frame[16 : 16 + len(name)] = name
    if size in (460, 464):
        frame[CORE_TYPE_AT] = core_type
    return bytes(frame)


def connect(size=464):
    """CONNECT: only the command is set; all other bytes come from the guest's stack."""
    frame = bytearray(b"\xa5" * size)
    frame[COMMAND_AT : COMMAND_AT + 4] = struct.pack("<I", CONNECT)
    return bytes(frame)


def answer_to(frame, command):
    """The reply: the request with ACK or NACK as its command."""
    return frame[:COMMAND_AT] + struct.pack("<I", command) + frame[COMMAND_AT + 4 :]
