#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""make help has a line for each target."""

import os
import re
import subprocess
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]


def make(*words):
    """Return its output; it is independent of the make that runs this."""
    return subprocess.run(["make", "-C", TOP, "--no-print-directory", *words], check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          env={**os.environ, "MAKEFLAGS": ""}).stdout


class Help(unittest.TestCase):
    def test_every_target_has_a_line(self):
        phony = re.search(r"^\.PHONY: (.*)$", make("-npq", "FORCE"), re.M)[1]
        targets = set(phony.split()) - {"FORCE"}
        named = set(re.findall(r"^([\w-]+) +\w", make("help"), re.M))
        self.assertEqual(targets, named)


if __name__ == "__main__":
    unittest.main()
