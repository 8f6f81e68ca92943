#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""tests/lint/arrows is silent on a clean tree, and reports each kind of violation."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ARROWS = Path(__file__).with_name("arrows")
CLEAN = {
    "common/log.h": "#include <stdio.h>\n",
    "common/log.c": '#include "common/log.h"\n',
    "xml/domain.h": '#include "common/log.h"\n',
    "helper/manager/main.c": '#include "helper/manager/domains/domains.h"\n',
    "helper/manager/domains/domains.h": '#include "helper/manager/registry/registry.h"\n',
    "helper/manager/registry/registry.h": '#include "xml/domain.h"\n',
}


class Arrows(unittest.TestCase):
    def check(self, changes, *expected):
        """The clean tree with changes: exactly these lines of output, by their beginnings."""
        with tempfile.TemporaryDirectory() as top:
            for name, text in (CLEAN | changes).items():
                path = Path(top, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            done = subprocess.run([sys.executable, ARROWS, top], capture_output=True, text=True)
        lines = done.stdout.splitlines()
        self.assertEqual((len(lines), done.stderr), (len(expected), ""), done.stdout)
        for line, begin in zip(lines, expected):
            self.assertEqual(line[:len(begin)], begin)
        self.assertEqual(done.returncode, 1 if expected else 0)

    def test_clean(self):
        self.check({})

    def test_arrow_not_in_table(self):
        self.check({"xml/domain.c": '\n#include "helper/manager/registry/registry.h"\n'},
                   "xml/domain.c:2: xml -> helper/manager/registry",
                   "helper/manager/registry: circle between rooms: helper/manager/registry -> xml",
                   "helper/manager/registry/registry: circle between files: ")

    def test_up_without_circle(self):
        self.check({"helper/link/message.c": '#include "xml/domain.h"\n'},
                   "helper/link/message.c:1: helper/link -> xml (xml/domain.h) is not in the table")

    def test_circle_of_files(self):
        self.check({"common/log.c": '#include "common/loop.h"\n',
                    "common/loop.h": '#include "common/clock.h"\n',
                    "common/clock.h": '#include "common/log.h"\n'},
                   "common/clock: circle between files: common/clock -> common/log -> common/loop"
                   " -> common/clock")

    def test_circle_through_main(self):
        self.check({"ctl/main.c": '#include "ctl/watch/watch.h"\n',
                    "ctl/watch/watch.h": '#include "ctl/print.h"\n',
                    "ctl/print.h": ""},
                   "ctl/watch/watch.h:1: ctl/watch -> ctl (ctl/print.h) is not in the table",
                   "ctl: circle between rooms: ctl -> ctl/watch -> ctl")

    def test_not_from_root(self):
        self.check({"common/loop.c": '#include "log.h"\n#include "nowhere.h"\n'},
                   'common/loop.c:1: "log.h" is not a path from the root: write #include'
                   ' "common/log.h"',
                   'common/loop.c:2: "nowhere.h" is not a path from the root: there is no such file')

    def test_folder_without_row(self):
        self.check({"helper/new/new.c": ""}, "helper/new: not in the table")

    def test_manager_has_rooms(self):
        self.check({"helper/manager/attic/events.c": ""},
                   "helper/manager/attic: not in the table")

    def test_sizes(self):
        files = {f"xml/file{n}.c": "\n" * 500 for n in range(29)}
        self.check(files)
        self.check(files | {"xml/file0.c": "\n" * 501, "xml/file29.c": ""},
                   "xml: 31 files, at most 30",
                   "xml/file0.c:501: 501 lines, at most 500")


if __name__ == "__main__":
    unittest.main()
