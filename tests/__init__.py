# SPDX-License-Identifier: BSD-3-Clause
"""Tests of vmpower. README.md says how they are run; each script is a module: -m tests.KIND.NAME"""

import sys

sys.dont_write_bytecode = True  # the tree stays as it was
