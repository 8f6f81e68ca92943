# SPDX-License-Identifier: BSD-3-Clause
"""Waits for conditions, and shows progress meanwhile."""

import sys
import time

POLL_S = 0.02
SHOW_AFTER_S = 1.0
LINE_EVERY_S = 5.0
SPINNER = "|/-\\"


class WaitTimeout(AssertionError):
    """The condition did not become true in time."""


class Progress:
    """Shows progress: a spinner on a terminal, else a line now and then."""

    def __init__(self, what, stream=None):
        self.what = what
        self.stream = stream or sys.stdout
        self.start = time.monotonic()
        self.last_line = self.start
        self.step = 0
        self.shown = 0

    def tick(self):
        """Call this often."""
        now = time.monotonic()
        if now - self.start < SHOW_AFTER_S:
            return
        if self.stream.isatty():
            self.step += 1
            text = f"  {SPINNER[self.step // 5 % 4]} {self.what}, {now - self.start:.0f} s"
            self.stream.write("\r" + text + "\x1b[K")
            self.stream.flush()
            self.shown = len(text)
        elif now - self.last_line >= LINE_EVERY_S:
            self.last_line = now
            self.stream.write(f"# {self.what}, {now - self.start:.0f} s\n")
            self.stream.flush()

    def done(self):
        """Take the spinner away."""
        if self.shown:
            self.stream.write("\r\x1b[K")
            self.stream.flush()
            self.shown = 0


def wait_until(predicate, timeout, what, poll=POLL_S, state=None, quiet=False):
    """Call predicate() until it returns something true, and return that.

    what: named in the progress line and in the failure.
    state: called on failure; its result says what there is instead.
    An exception of predicate() ends the wait.
    """
    progress = Progress(f"waiting for {what}")
    deadline = time.monotonic() + timeout
    try:
        while True:
            result = predicate()
            if result:
                return result
            if time.monotonic() > deadline:
                seen = f"; now: {state()}" if state else ""
                raise WaitTimeout(f"waited {timeout:g} s for: {what}{seen}")
            if not quiet:
                progress.tick()
            time.sleep(poll)
    finally:
        progress.done()


def tail(path, lines=15):
    """The last lines of a text file."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return [line.rstrip() for line in file.readlines()[-lines:]]
    except OSError as error:
        return [f"({error.strerror})"]
