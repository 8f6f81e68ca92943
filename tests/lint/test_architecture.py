#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""docs/ARCHITECTURE.md names every source file of the product, and none that does not exist."""
import re
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
PRODUCT = "common xml hook helper ctl guest".split()


def named():
    """A name without a folder is in the folder of the name before it, in the same line."""
    for line in (TOP / "docs/ARCHITECTURE.md").read_text(encoding="utf-8").splitlines():
        folder = None
        for name in re.findall(r"`([\w./*-]+\.(?:[ch]|varlink))`", line):
            path = Path(name)
            if path.parent != Path("."):
                folder = path.parent
            if folder:
                yield from map(str, sorted(TOP.glob(str(folder / path.name))) or [TOP / folder / path.name])


class Architecture(unittest.TestCase):
    def test_names_every_file(self):
        files = {path for room in PRODUCT for path in (TOP / room).rglob("*.[ch]")}
        modules = {str(path.with_suffix("")) for path in files}
        known = {str(Path(name).with_suffix("")) for name in named()}
        self.assertEqual(sorted(modules - known), [])

    def test_names_no_other_file(self):
        self.assertEqual([name for name in named() if not Path(name).exists()], [])


if __name__ == "__main__":
    unittest.main()
