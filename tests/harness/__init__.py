# SPDX-License-Identifier: BSD-3-Clause
"""What the component tests, the system tests and the demo have in common."""
