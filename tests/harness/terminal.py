# SPDX-License-Identifier: BSD-3-Clause
"""A small terminal: a program on a pseudo terminal, and its screen.

It understands what ncurses sends to a vt100: moving, erasing, scrolling; attributes are ignored.
Anything else is an error.
"""

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time

SEQUENCE = re.compile(
    rb"\x1b(?:\[([?]?)([0-9;]*)([A-Za-z@])|([()])(.)|([=>78MDE]))", re.DOTALL
)


class Screen:
    """Bytes in, lines of text out."""

    def __init__(self, rows, columns):
        self.resize(rows, columns)
        self.pending = b""
        self.colours = False  # were any used?

    def resize(self, rows, columns):
        """Change the size, and clear the screen."""
        self.rows, self.columns = rows, columns
        self.y = self.x = 0
        self.top, self.bottom = 0, rows - 1
        self.cells = [[" "] * columns for _ in range(rows)]

    def lines(self):
        """The text, without trailing blanks."""
        return ["".join(row).rstrip() for row in self.cells]

    def feed(self, data):
        """Handle output of the program."""
        data = self.pending + data
        self.pending = b""
        at = 0
        while at < len(data):
            byte = data[at]
            if byte == 0x1B:
                found = SEQUENCE.match(data, at)
                if not found:
                    if len(data) - at > 16:
                        raise AssertionError(f"no such sequence: {data[at:at + 16]!r}")
                    self.pending = data[at:]
                    return
                self._sequence(found)
                at = found.end()
            elif byte < 0x20 or byte == 0x7F:
                self._control(byte)
                at += 1
            else:
                size = 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
                if at + size > len(data):
                    self.pending = data[at:]
                    return
                self._put(data[at : at + size].decode("utf-8", "replace"))
                at += size

    def _put(self, character):
        if self.x >= self.columns:
            self.x = 0
            self._down()
        self.cells[self.y][self.x] = character
        self.x += 1

    def _down(self):
        if self.y == self.bottom:
            del self.cells[self.top]
            self.cells.insert(self.bottom, [" "] * self.columns)
        elif self.y < self.rows - 1:
            self.y += 1

    def _control(self, byte):
        if byte == 0x0D:
            self.x = 0
        elif byte == 0x0A:
            self._down()
        elif byte == 0x08:
            self.x = max(0, min(self.x, self.columns - 1) - 1)
        elif byte == 0x09:
            self.x = min(self.columns - 1, (self.x // 8 + 1) * 8)
        elif byte not in (0x00, 0x07, 0x0E, 0x0F):
            raise AssertionError(f"control character {byte:#x}")

    def _sequence(self, found):
        private, text, final, charset, _, single = found.groups()
        if charset or single in (b"=", b">"):
            return
        if single == b"M":  # back one line
            if self.y == self.top:
                del self.cells[self.bottom]
                self.cells.insert(self.top, [" "] * self.columns)
            else:
                self.y = max(0, self.y - 1)
            return
        if single:
            raise AssertionError(f"not expected: {found[0]!r}")
        numbers = [int(n) if n else 0 for n in text.split(b";")]
        n = numbers[0] or 1
        if private or final in b"hl":
            return
        if final == b"m":
            self.colours |= any(30 <= number <= 49 for number in numbers)
        elif final in b"Hf":
            self.y = min(self.rows, n) - 1
            self.x = min(self.columns, (numbers[1] if len(numbers) > 1 else 0) or 1) - 1
        elif final == b"A":
            self.y = max(0, self.y - n)
        elif final == b"B":
            self.y = min(self.rows - 1, self.y + n)
        elif final == b"C":
            self.x = min(self.columns - 1, self.x + n)
        elif final == b"D":
            self.x = max(0, self.x - n)
        elif final == b"K":
            first, last = {0: (self.x, self.columns), 1: (0, self.x + 1)}.get(
                numbers[0], (0, self.columns)
            )
            self.cells[self.y][first:last] = [" "] * (min(last, self.columns) - first)
        elif final == b"J":
            if numbers[0] == 0:
                self.cells[self.y][self.x :] = [" "] * (self.columns - self.x)
            for y in range(self.y + 1 if numbers[0] == 0 else 0, self.rows):
                self.cells[y] = [" "] * self.columns
        elif final == b"d":
            self.y = min(self.rows, n) - 1
        elif final in b"G`":
            self.x = min(self.columns, n) - 1
        elif final == b"X":
            end = min(self.columns, self.x + n)
            self.cells[self.y][self.x : end] = [" "] * (end - self.x)
        elif final == b"P":
            row = self.cells[self.y]
            del row[self.x : self.x + n]
            row += [" "] * (self.columns - len(row))
        elif final == b"@":
            row = self.cells[self.y]
            row[self.x : self.x] = [" "] * n
            del row[self.columns :]
        elif final in b"LM":
            for _ in range(min(n, self.bottom - self.y + 1)):
                gone, new = (self.bottom, self.y) if final == b"L" else (self.y, self.bottom)
                del self.cells[gone]
                self.cells.insert(new, [" "] * self.columns)
        elif final == b"r":
            self.top = n - 1
            self.bottom = (numbers[1] if len(numbers) > 1 and numbers[1] else self.rows) - 1
            self.y = self.x = 0
        else:
            raise AssertionError(f"not understood: {found[0]!r}")


class Terminal:
    """A program on its own terminal."""

    def __init__(self, command, rows=24, columns=80, term="vt100", env=None):
        self.screen = Screen(rows, columns)
        self.output = b""
        self.status = None
        environment = {**os.environ, "TERM": term, "LC_ALL": "C.UTF-8", **(env or {})}
        environment = {key: value for key, value in environment.items() if value is not None}
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                self._set_size(0, rows, columns)
                os.execve(command[0], [str(word) for word in command], environment)
            finally:
                os._exit(127)
        self._set_size(self.fd, rows, columns)

    @staticmethod
    def _set_size(fd, rows, columns):
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, rows, columns):
        """Resize the window."""
        self.read()
        self.screen.resize(rows, columns)
        self._set_size(self.fd, rows, columns)

    def read(self, seconds=0.0):
        """Read the output, waiting up to so long."""
        while select.select([self.fd], [], [], seconds)[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError:  # the program has closed its end
                data = b""
            if not data:
                return
            self.output += data
            self.screen.feed(data)
            seconds = 0

    def wait(self, predicate, what, timeout=20):
        """Wait until predicate(lines) is true; return its value."""
        end = time.monotonic() + timeout
        while True:
            self.read(0.05)
            result = predicate(self.screen.lines())
            if result:
                return result
            assert time.monotonic() < end, f"waited for {what}:\n" + "\n".join(self.screen.lines())

    def wait_for(self, text, timeout=20):
        """Wait until a line contains this text; return the line."""
        return self.wait(
            lambda lines: next((line for line in lines if text in line), None), text, timeout
        )

    def write(self, data):
        """Press keys."""
        os.write(self.fd, data)

    def end(self, timeout=20):
        """Wait for its end, return the exit status."""
        limit = time.monotonic() + timeout
        while self.status is None:
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            assert time.monotonic() < limit, "it does not end"
        self.read()
        return self.status

    def close(self):
        """Kill it if it still runs."""
        if self.status is None:
            os.kill(self.pid, 9)
            os.waitpid(self.pid, 0)
            self.status = -9
        os.close(self.fd)
