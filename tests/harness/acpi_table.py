# SPDX-License-Identifier: BSD-3-Clause
"""An ACPI table, as byte code (AML), that gives the CPUs of an emulated machine frequencies.

With it Linux binds acpi-cpufreq to CPUs that have no frequencies. Besides the ACPI specification
(5.x, chapters 8.4 and 20) it relies on these facts:

* QEMU's machine "q35" calls its CPUs \\_SB.CPUS.C000, C001, ... (hexadecimal).
* The driver needs a register in I/O ports. The page registers of the ISA DMA controller store what
  is written to them, and nothing in such a machine does ISA DMA. So what the kernel told the
  hardware can be read back from a port, whatever its files say.
* The kernel evaluates _SUN of a device whenever its file "sun" is read.
"""

import struct

# The page registers, one a clock; the controller's last one is the platform limit.
CLOCK_PORTS = (0x81, 0x82, 0x83, 0x87, 0x89, 0x8A, 0x8B)
LIMIT_PORT = 0x8F
# Highest first, as _PSS wants them. The first is turbo, as acpi-cpufreq marks it: 1 MHz more.
MHZ = (3601, 3600, 3200, 2800, 2400, 2000, 1600, 1200, 800)
NOTIFIER = "VMPT0001"

SOFTWARE_ANY, SOFTWARE_ALL, HARDWARE_ALL = 0xFD, 0xFC, 0xFE  # what coordinates the CPUs of a clock
PERFORMANCE_CHANGED = 0x80  # the notification that _PPC has changed

_SYSTEM_IO = 1
_ROOT, _DUAL, _MULTI = b"\\", b"\x2e", b"\x2f"


def code(mhz):
    """The value for a P-state in a clock's register; never 0, the value after a reset."""
    return MHZ.index(mhz) + 0x11


def khz_of(value):
    """The other way; 0: never written."""
    return MHZ[value - 0x11] * 1000 if value else 0


# ---- AML, as much of it as the table needs


def _integer(value):
    if value < 2:
        return bytes([value])  # ZeroOp, OneOp
    for prefix, layout, limit in ((0x0A, "<B", 1 << 8), (0x0B, "<H", 1 << 16)):
        if value < limit:
            return bytes([prefix]) + struct.pack(layout, value)
    return b"\x0c" + struct.pack("<I", value)


def _package_length(size):
    """The length of what follows, including itself: 1 to 3 bytes here."""
    if size + 1 < 1 << 6:
        return bytes([size + 1])
    for extra in (1, 2):
        total = size + 1 + extra
        if total < 1 << (4 + 8 * extra):
            rest = (total >> 4).to_bytes(extra, "little")
            return bytes([extra << 6 | total & 0x0F]) + rest
    raise ValueError(f"{size} bytes are too many for a package here")


def _block(opcode, content):
    return opcode + _package_length(len(content)) + content


def _path(text):
    """\\_SB.CPUS.C000, or a single name."""
    segments = text.lstrip("\\").split(".")
    names = b"".join(segment.ljust(4, "_").encode() for segment in segments)
    prefix = {1: b"", 2: _DUAL}.get(len(segments), _MULTI + bytes([len(segments)]))
    return (_ROOT if text.startswith("\\") else b"") + prefix + names


def _scope(where, content):
    return _block(b"\x10", _path(where) + content)


def _device(name, content):
    return _block(b"\x5b\x82", _path(name) + content)


def _method(name, content):
    return _block(b"\x14", _path(name) + b"\x08" + content)  # no arguments, serialized


def _name(name, value):
    return b"\x08" + _path(name) + value


def _string(text):
    return b"\x0d" + text.encode() + b"\0"


def _package(*elements):
    return _block(b"\x12", bytes([len(elements)]) + b"".join(elements))


def _buffer(content):
    return _block(b"\x11", _integer(len(content)) + content)


def _port_register(port):
    """A resource template with an 8-bit register."""
    register = struct.pack("<BHBBBBQ", 0x82, 12, _SYSTEM_IO, 8, 0, 1, port)
    return _buffer(register + b"\x79\x00")  # end tag; 0: no checksum


def _return(value):
    return b"\xa4" + value


def _port_field(region, field, port):
    """OperationRegion (region, SystemIO, port, 1) with one 8-bit field."""
    where = b"\x5b\x80" + _path(region) + bytes([_SYSTEM_IO]) + _integer(port) + _integer(1)
    byte_access = b"\x01"
    return where + _block(b"\x5b\x81", _path(region) + byte_access + _path(field) + bytes([8]))


def _notify(where):
    return b"\x86" + _path(where) + _integer(PERFORMANCE_CHANGED)


# ---- the table


def _cpu_path(cpu):
    return f"\\_SB.CPUS.C{cpu:03X}"


def _states():
    """P-states: MHz, mW, transition and bus master latency in us, control, status."""
    rows = []
    for mhz in MHZ:
        row = (mhz, mhz * 25, 10, 10, code(mhz), code(mhz))
        rows.append(_package(*(_integer(value) for value in row)))
    return _package(*rows)


def _cpu(cpu, clock, members, coordination):
    register = _port_register(CLOCK_PORTS[clock])
    dependency = (5, 0, clock, coordination, members)
    return _scope(
        _cpu_path(cpu),
        _name("_PCT", _package(register, register))
        + _method("_PSS", _return(_path("\\_SB.VMPS")))
        + _method("_PPC", _return(_path("\\_SB.VMPL")))
        + _name("_PSD", _package(_package(*(_integer(value) for value in dependency)))),
    )


def table(clocks, coordination=SOFTWARE_ALL):
    """The table as bytes.

    clocks: for each, the CPUs that share it: [(0,), (1,), (2, 3)]; every CPU in one of them.
    """
    cpus = sorted(cpu for members in clocks for cpu in members)
    if cpus != list(range(len(cpus))) or len(clocks) > len(CLOCK_PORTS):
        raise ValueError(f"{clocks}: CPUs 0 to N once each, at most {len(CLOCK_PORTS)} clocks")
    notify = b"".join(_notify(_cpu_path(cpu)) for cpu in cpus) + _return(_path("VMPL"))
    notifier = _device("VMPN", _name("_HID", _string(NOTIFIER)) + _method("_SUN", notify))
    limit = _port_field("VMPR", "VMPL", LIMIT_PORT)
    body = _scope("\\_SB", _name("VMPS", _states()) + limit + notifier)
    for clock, members in enumerate(clocks):
        for cpu in members:
            body += _cpu(cpu, clock, len(members), coordination)
    size = 36 + len(body)
    header = struct.pack(
        "<4sIBB6s8sI4sI", b"SSDT", size, 2, 0, b"VMPOWE", b"CPUFREQ ", 1, b"VMPW", 1
    )
    whole = bytearray(header + body)
    whole[9] = -sum(whole) & 0xFF
    return bytes(whole)
