#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""make help has a line for each target."""

import re
import subprocess
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]


class Help(unittest.TestCase):
    def test_every_target_has_a_line(self):
        database = subprocess.run(["make", "-C", TOP, "--no-print-directory", "-npq", "FORCE"],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        targets = set(re.search(r"^\.PHONY: (.*)$", database, re.M)[1].split()) - {"FORCE"}
        text = subprocess.run(["make", "-C", TOP, "-s", "help"], check=True,
                              stdout=subprocess.PIPE, text=True).stdout
        named = set(re.findall(r"^([\w-]+) +\w", text, re.M))
        self.assertEqual(targets, named)


if __name__ == "__main__":
    unittest.main()
