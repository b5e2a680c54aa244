"""What a requirements file says, the files that it takes in with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

# https://pip.pypa.io/en/stable/reference/requirements-file-format/#supported-options
INCLUDE = re.compile(r"^\s*(?:-r|--requirement|-c|--constraint)[ \t=]*(\S+)", re.MULTILINE)


def contents(requirements: Path) -> Iterator[bytes]:
    """The content of a requirements file, and of each that it takes in, at any distance, once.

    One that is missing, or at a URL, is pip's to judge.
    """
    waiting, read = [requirements], set[Path]()
    while waiting:
        file = waiting.pop().resolve()
        if file in read or not file.is_file():
            continue
        read.add(file)
        content = file.read_bytes()
        yield content
        included = INCLUDE.findall(content.decode(errors="replace"))
        waiting += [file.parent / each for each in included]
