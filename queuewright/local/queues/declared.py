"""Remembers which queues a configuration has made, so that those it drops can be told apart.

A queue that somebody made by a call is theirs, and is left alone.
"""

from __future__ import annotations

import json
from collections.abc import Set
from pathlib import Path

FILE = "declared.json"


class Declared:
    """The names of the queues that the configuration has declared; kept in a folder, or not."""

    def __init__(self, folder: Path | None) -> None:
        self._file = folder / FILE if folder is not None else None
        self._names: Set[str] = self._read()

    def replace(self, names: Set[str]) -> list[str]:
        """Remember these from now on; returns those that are no longer among them, sorted."""
        dropped = sorted(self._names - names)
        self._names = names
        if self._file is not None:
            draft = self._file.with_suffix(".part")
            draft.write_text(json.dumps(sorted(names)) + "\n", encoding="utf-8")
            draft.replace(self._file)
        return dropped

    def _read(self) -> Set[str]:
        try:
            text = self._file.read_text(encoding="utf-8") if self._file is not None else "[]"
            return frozenset(map(str, json.loads(text)))
        except (OSError, ValueError, TypeError):
            return frozenset()
