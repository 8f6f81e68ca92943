# SPDX-License-Identifier: BSD-3-Clause
"""The kernel's CPU events, sent by umockdev to programs that are started with it."""

import contextlib
import os
import subprocess
import sys

from .isolate import die_with_parent
from .paths import MissingError

PRELOAD = "libumockdev-preload.so.0"

# A separate process, since it needs the library preloaded. umockdev sends "add" for each new
# device: all CPUs are added before anything listens, so that the tests' events are the only ones.
SENDER = """
import ctypes, sys
library = ctypes.CDLL("libumockdev.so.0")
library.umockdev_testbed_new.restype = ctypes.c_void_p
library.umockdev_testbed_get_root_dir.restype = ctypes.c_char_p
testbed = ctypes.c_void_p(library.umockdev_testbed_new())
path = "/devices/system/cpu/cpu"
for cpu in range(int(sys.argv[1])):
    device = f"P: {path}{cpu}\\nE: SUBSYSTEM=cpu\\n"
    assert library.umockdev_testbed_add_from_string(testbed, device.encode(), None)
print(library.umockdev_testbed_get_root_dir(testbed).decode(), flush=True)
for line in sys.stdin:
    cpu, action = line.split()
    library.umockdev_testbed_uevent(testbed, f"/sys{path}{cpu}".encode(), action.encode())
    print("sent", flush=True)
library.g_object_unref(testbed)
"""


class Uevents:
    """Sends events to programs started in listening()."""

    def __init__(self, cpus):
        """cpus: the largest number of CPUs."""
        me = os.getpid()
        self._sender = subprocess.Popen(  # pylint: disable=consider-using-with
            [sys.executable, "-c", SENDER, str(cpus)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "LD_PRELOAD": PRELOAD},
            preexec_fn=lambda: die_with_parent(me),
        )
        self._root = self._sender.stdout.readline().strip()
        if not self._root:
            self.close()
            raise MissingError("umockdev does not work; install the package umockdev")

    @contextlib.contextmanager
    def listening(self):
        """Programs started in this context get the events."""
        before = dict(os.environ)
        os.environ["LD_PRELOAD"] = PRELOAD
        os.environ["UMOCKDEV_DIR"] = self._root
        # ASan insists on being the first library, but works as the second
        os.environ["ASAN_OPTIONS"] = ":".join(
            option
            for option in (before.get("ASAN_OPTIONS"), "verify_asan_link_order=0")
            if option
        )
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def send(self, cpu, action):
        """Send an event, after sysfs has changed."""
        self._sender.stdin.write(f"{cpu} {action}\n")
        self._sender.stdin.flush()
        assert self._sender.stdout.readline() == "sent\n", "umockdev's sender has ended"

    def close(self):
        """Remove the testbed."""
        self._sender.stdin.close()
        self._sender.wait(20)
        self._sender.stdout.close()
