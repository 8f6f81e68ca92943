# SPDX-License-Identifier: BSD-3-Clause
"""A domain that runs the tests' guest, and the conversation with that guest."""

import socket
import time
from xml.sax.saxutils import escape, quoteattr

from . import paths
from .host import CONTROL, qemu_pid
from .wait import wait_until

BOOT_S = 120
ANSWER_S = 30
PING_S = 2
PORT = "virtio.serial.port.poweragent."


class Guest:
    """One domain. create() or define() and start(), then boot(), then power()."""

    # for other kinds of guests
    initramfs = paths.GUEST / "initramfs"
    memory_mib = 128
    cpu = ""  # libvirt's <cpu>; else what libvirt chooses

    def __init__(self, host, name, pins, channels=None, vcpus=None):
        """pins: {vCPU: pCPU or list of pCPUs as text}; channels: numbers, else one a vCPU."""
        self.host = host
        self.name = name
        self.pins = pins
        self.vcpus = vcpus or len(pins)
        self.channels = list(range(self.vcpus)) if channels is None else list(channels)
        self.console = host.log / f"{name}.console"
        self.control_path = CONTROL / f"{name}.sock"
        self.xml_path = host.log / f"{name}.xml"
        self._socket = None
        self._received = b""
        self._token = 0
        self._ask_again = 0.0

    # ---- the domain

    def xml(self):
        """The domain's definition."""
        pins = "".join(
            f"    <vcpupin vcpu='{vcpu}' cpuset='{cpus}'/>\n" for vcpu, cpus in self.pins.items()
        )
        channels = "".join(
            f"    <channel type='unix'><target type='virtio' name='{PORT}{number}'/></channel>\n"
            for number in self.channels
        )
        kind = "kvm" if self.host.accelerator == "kvm" else "qemu"
        return f"""\
<domain type='{kind}'>
  <name>{escape(self.name)}</name>
  <memory unit='MiB'>{self.memory_mib}</memory>
  <vcpu placement='static'>{self.vcpus}</vcpu>
  <cputune>
{pins}  </cputune>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>{escape(str(paths.GUEST / "vmlinuz"))}</kernel>
    <initrd>{escape(str(self.initramfs))}</initrd>
    <cmdline>console=ttyS0 quiet panic=-1 mitigations=off nokaslr</cmdline>
  </os>
  <features><acpi/></features>
  {self.cpu}
  <on_reboot>restart</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <controller type='usb' model='none'/>
    <serial type='file'><source path={quoteattr(str(self.console))} append='on'/></serial>
{channels}    <channel type='unix'>
      <source mode='bind' path={quoteattr(str(self.control_path))}/>
      <target type='virtio' name='org.vmpower.test.0'/>
    </channel>
    <memballoon model='none'/>
    <audio id='1' type='none'/>
  </devices>
</domain>
"""

    def _write_xml(self):
        self.xml_path.write_text(self.xml(), encoding="utf-8")
        return self.xml_path

    def _started(self):
        if self not in self.host.guests:
            self.host.guests.append(self)
        return self

    def create(self):
        """Start it as a transient domain; it is not booted yet."""
        self.host.virsh("create", self._write_xml())
        return self._started()

    def define(self):
        """Define it in libvirt."""
        self.host.virsh("define", self._write_xml())
        return self

    def start(self):
        """Start it after define()."""
        self.host.virsh("start", self.name)
        return self._started()

    def state(self):
        """libvirt's word: "running", "shut off", ...; None: libvirt does not know it."""
        result = self.host.virsh("domstate", self.name, check=False)
        return result.stdout.strip() if result.returncode == 0 else None

    def destroy(self):
        """End it."""
        self.hang_up()
        if self in self.host.guests:
            self.host.guests.remove(self)
        self.host.virsh("destroy", self.name)

    def qemu_pid(self):
        """The pid of its QEMU."""
        return qemu_pid(self.name)

    # ---- the conversation

    def hang_up(self):
        """Close our end of the control channel."""
        if self._socket:
            self._socket.close()
            self._socket = None
        self._received = b""

    def _line(self, timeout):
        """The next line from the guest; None: none in time."""
        deadline = time.monotonic() + timeout
        while b"\n" not in self._received:
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                return None
            if not data:
                raise AssertionError(f"{self.name}: QEMU closed the control channel")
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        return line.decode(errors="replace")

    def _answers(self):
        """Does the guest answer? Ask it now and then, and drop answers to older questions."""
        now = time.monotonic()
        if now > self._ask_again:
            self._token += 1
            self._socket.sendall(f"ping {self._token}\n".encode())
            self._ask_again = now + PING_S
        return self._line(0.05) == f"ok {self._token}"

    def boot(self, timeout=BOOT_S, quiet=False):
        """Wait until the guest has booted and answers."""
        if not self._socket:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._socket.connect(str(self.control_path))
        self._ask_again = 0.0
        wait_until(self._answers, timeout, f"guest {self.name} to boot", quiet=quiet)
        return self

    def ask(self, request, timeout=ANSWER_S):
        """Send a request (tests/guest/commands.h), return the words of the answer."""
        self._socket.sendall(request.encode() + b"\n")
        answer = self._line(timeout)
        assert answer is not None, f"{self.name}: no answer to '{request}' in {timeout} s"
        assert not answer.startswith("error"), f"{self.name}: {request}: {answer}"
        return answer.split()

    def connect(self):
        """Send CONNECT on all channels, as the guest's power library does."""
        for number in self.channels:
            self.ask(f"connect {number}")
        return self

    def power(self, vcpu, unit, channel=None, milliseconds=10000):
        """One request; return ("ack" or "nack" or "timeout", microseconds or None)."""
        number = vcpu if channel is None else channel
        answer = self.ask(
            f"power {number} {vcpu} {unit} {milliseconds}", timeout=ANSWER_S + milliseconds / 1000
        )
        return answer[0], int(answer[1]) if len(answer) > 1 else None
