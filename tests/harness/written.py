# SPDX-License-Identifier: BSD-3-Clause
"""When a file was written: by inotify, so that no write is missed, however soon the next follows."""

import ctypes
import os
import select
import threading
import time

IN_MODIFY, IN_CLOSE_WRITE = 0x2, 0x8
EVENT_SIZE = 16  # struct inotify_event of a watched file: no name
_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result):
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"inotify: {os.strerror(error)}")
    return result


class Written(threading.Thread):
    """Watches a file that each writer opens, writes and closes."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.times = []  # time.monotonic() of each
        self._ended = False
        self._fd = _checked(_libc.inotify_init1(os.O_CLOEXEC))
        # equal events that nobody has read yet are one: so each is followed by another kind
        _checked(
            _libc.inotify_add_watch(self._fd, os.fsencode(path), IN_MODIFY | IN_CLOSE_WRITE)
        )

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._ended = True
        self.join()
        os.close(self._fd)

    def run(self):
        while not self._ended:
            if not select.select([self._fd], [], [], 0.05)[0]:
                continue
            events = os.read(self._fd, 65536)
            for at in range(0, len(events), EVENT_SIZE):
                mask = int.from_bytes(events[at + 4 : at + 8], "little")
                if mask & IN_CLOSE_WRITE:
                    self.times.append(time.monotonic())
