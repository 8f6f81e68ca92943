# SPDX-License-Identifier: BSD-3-Clause
"""What all kinds of tests and the demo share."""
