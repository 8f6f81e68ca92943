# SPDX-License-Identifier: BSD-3-Clause
"""Figures: a table for people, and a JSON line each for programs."""

import json
import statistics


class Figures:
    """Collects what the parts of the bench measure."""

    def __init__(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = path.open("w", encoding="utf-8")
        self.missed = []

    def note(self, name, value, unit="", goal=None, **more):
        """Add a figure. goal: ("<=", 1.2), reported if it is missed."""
        record = {"figure": name, "value": round(value, 4), "unit": unit, **more}
        if goal:
            sign, bound = goal
            reached = value <= bound if sign == "<=" else value >= bound
            record["goal"] = f"{sign} {bound:g}"
            record["reached"] = reached
            if not reached:
                self.missed.append(f"{name} {more or ''}: {value:.2f}, to reach: {sign} {bound:g}")
        self.file.write(json.dumps(record) + "\n")
        self.file.flush()
        return value


class Ratio:
    """Of pairs that were measured one right after the other."""

    def __init__(self, ours, floor):
        ratios = [a / b for a, b in zip(ours, floor) if b]
        self.median = statistics.median(ratios) if ratios else 0.0
        self.least, self.most = (min(ratios), max(ratios)) if ratios else (0.0, 0.0)

    def __str__(self):
        return f"{self.median:.2f} ({self.least:.2f}-{self.most:.2f})"


def table(title, heads, rows):
    """Print aligned columns, numbers on the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [heads, *cells]) for i in range(len(heads))]
    print(f"\n{title}")
    for row in [heads, *cells]:
        first = row[0].ljust(widths[0])
        rest = "  ".join(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))
        print(f"  {first}  {rest}".rstrip(), flush=True)


def median(values):
    """Of some figures."""
    return statistics.median(values)
