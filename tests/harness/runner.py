# SPDX-License-Identifier: BSD-3-Clause
"""Runs test functions one after the other and prints each result.

    ok - requests land on the right pCPU (1.2 s)
    not ok - destroy restores the baseline (30.4 s)
      waited 30 s for: ...
    12 passed, 1 failed

A test fails by raising. Its note()s appear below its line.
"""

import contextlib
import inspect
import sys
import time
import traceback
from pathlib import Path

from .isolate import Interrupted
from .paths import MissingError

INDENT = "  "


class Skip(Exception):
    """Raised by a test that can't run here, with the reason."""


class Runner:
    """Collects results; use run() for each test, then finish()."""

    def __init__(self, words=(), log_tails=lambda since: (), stream=None):
        """words: only tests whose name contains one of them; log_tails: called with the
        time.time() of the test's start, gives (path, lines) pairs.
        """
        self.words = list(words)
        self.log_tails = log_tails
        self.logs = None  # directory to name after a failure
        self.before = self.after_failure = lambda: None
        self.stream = stream or sys.stdout
        self.passed = self.failed = self.skipped = 0
        self._notes = []

    def _say(self, text):
        self.stream.write(text + "\n")
        self.stream.flush()

    def note(self, text):
        """Print a fact below the test's line, such as a measured time."""
        self._notes.append(text)

    def run(self, test, *arguments):
        """Run one test, with as many of the arguments as it takes. Return whether it passed.

        Its name is the function's, with spaces.
        """
        name = test.__name__.removeprefix("test_").replace("_", " ")
        if self.words and not any(word in name for word in self.words):
            return True
        self._notes = []
        self.before()
        start = time.monotonic()
        try:
            test(*arguments[: len(inspect.signature(test).parameters)])
            verdict, self.passed = "ok", self.passed + 1
        except Skip as reason:
            verdict, self.skipped = "ok", self.skipped + 1
            name += f" # SKIP {reason}"
        except Exception as error:  # pylint: disable=broad-exception-caught
            verdict, self.failed = "not ok", self.failed + 1
            self._failure(name, start, error)
            self.after_failure()
        if verdict == "ok":
            self._say(f"ok - {name} ({time.monotonic() - start:.1f} s)")
        for text in self._notes:
            self._say(f"{INDENT}# {text}")
        return verdict == "ok"

    def _failure(self, name, start, error):
        self._say(f"not ok - {name} ({time.monotonic() - start:.1f} s)")
        reason = str(error) or "assertion failed"
        if not isinstance(error, AssertionError):
            reason = f"{type(error).__name__}: {reason}"
        for line in reason.splitlines():
            self._say(INDENT + line)
        for frame in traceback.extract_tb(error.__traceback__)[1:]:
            self._say(f"{INDENT}at {Path(frame.filename).name}:{frame.lineno}: {frame.line}")
        for path, lines in self.log_tails(time.time() - (time.monotonic() - start)):
            self._say(f"{INDENT}{path}:")
            for line in lines:
                self._say(f"{INDENT}| {line}")

    def finish(self):
        """Print the last line; return the exit status."""
        if self.failed and self.logs:
            self._say(f"the logs are in {self.logs}")
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        self._say(f"{self.passed} passed, {self.failed} failed{skipped}")
        return 1 if self.failed or not self.passed else 0


@contextlib.contextmanager
def nothing(_name, runner):
    """An empty environment."""
    yield runner


def run_tests(environment=nothing):
    """Run the tests of the script that was started, then exit.

    Words on its command line choose tests by name. environment: called with the script's name
    and the Runner, a context manager around all tests; each test is called with what it gives.
    """
    script = sys.modules["__main__"]
    name = script.__spec__.name.rpartition(".")[2]
    tests = {key: value for key, value in vars(script).items()
             if key.startswith("test_")}
    runner = Runner(sys.argv[1:])
    try:
        with environment(name, runner) as argument:
            for key, test in tests.items():
                test.__name__ = key
                runner.run(test, argument)
    except Interrupted:
        print(f"{name}: interrupted; nothing is left behind", file=sys.stderr)
        raise
    except (MissingError, AssertionError) as error:
        sys.exit(f"{name}: {error}")
    sys.exit(runner.finish())
