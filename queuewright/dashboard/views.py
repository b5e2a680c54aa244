"""Remembers which tasks a page shows, so that the stream sends the changes of these only."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_KEPT: Final = 512


@dataclass(frozen=True)
class View:
    """The rows of a page."""

    queue: str
    """The queue's full name."""
    numbers: dict[str, int]
    """The tasks' numbers by full name."""


class Views:
    """The rows of the pages that were rendered last."""

    def __init__(self) -> None:
        self._views: OrderedDict[str, View] = OrderedDict()

    def keep(self, queue: str, tasks: Iterable[tuple[str, int]]) -> str:
        """Remember the tasks of a page, given as (full name, number); return their topic."""
        numbers = dict(tasks)
        text = f"{queue} {sorted(numbers.values())}"
        topic = f"rows:{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        self._views[topic] = View(queue, numbers)
        self._views.move_to_end(topic)
        while len(self._views) > _KEPT:
            self._views.popitem(last=False)
        return topic

    def get(self, topic: str) -> View | None:
        """Return the rows of a topic, if they are still remembered."""
        return self._views.get(topic)
