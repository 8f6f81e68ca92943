#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every file that README.md, CONTRIBUTING.md, SECURITY.md and docs/*.md name exists."""

import os
import re
import unittest
from fnmatch import fnmatchcase
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
DOCUMENTS = [TOP / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "tests/README.md")]
DOCUMENTS += sorted(TOP.glob("docs/*.md"))
EXTENSIONS = (".c", ".h", ".md", ".mk", ".py", ".rng", ".spec", ".te", ".varlink")
FOLDERS = {path.name for path in TOP.iterdir() if path.is_dir()} - {"build", ".git"}
TREE = [os.path.join(folder, name)
        for top in FOLDERS for folder, folders, files in os.walk(TOP / top)
        for name in [*folders, *files]] + [str(path) for path in TOP.iterdir()]


def words(document):
    """What it says in backquotes, and where its links point."""
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.M | re.S)
    spans = re.findall(r"`([^`]+)`", text)
    return [word for span in spans for word in span.split()] + re.findall(r"\]\(([^)#:]+)\)", text)


def paths(word):
    """A path of the tree, or the end of one; message.{h,c} is two, NAME and TARGET stand for any."""
    if match := re.search(r"\{([^}]*)\}", word):
        for part in match[1].split(","):
            yield from paths(word[:match.start()] + part + word[match.end():])
    elif word.endswith(EXTENSIONS) or "/" in word and word.split("/")[0] in FOLDERS:
        yield re.sub(r"NAME|TARGET", "*", word.removeprefix("../").rstrip("/"))


class Docs(unittest.TestCase):
    def test_every_path_exists(self):
        for document in DOCUMENTS:
            missing = [path for word in words(document) for path in paths(word)
                       if not any(fnmatchcase(entry, f"*/{path}") for entry in TREE)]
            self.assertEqual(missing, [], document.name)


if __name__ == "__main__":
    unittest.main()
