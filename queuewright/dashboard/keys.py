"""The short names of queues in URLs: the id, or all parts where two queues share an id. Pure."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable
from urllib.parse import quote

SEPARATOR = "~"


class QueueKeys:
    """The keys of all queues, given by their full names.

    >>> keys = QueueKeys(["projects/p/locations/l/queues/a", "projects/q/locations/l/queues/a",
    ...     "projects/p/locations/l/queues/b"])
    >>> keys.key("projects/p/locations/l/queues/b"), keys.key("projects/q/locations/l/queues/a")
    ('b', 'q~l~a')
    >>> keys.name("q~l~a"), keys.name("p~l~b") == keys.name("b"), keys.name("c")
    ('projects/q/locations/l/queues/a', True, None)
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = list(names)
        self._ids = Counter(name.rpartition("/")[2] for name in self._names)

    def key(self, name: str) -> str:
        """Return the key of a queue."""
        _, project, _, location, _, queue_id = name.split("/", 5)
        if self._ids[queue_id] <= 1:
            return queue_id
        return SEPARATOR.join((project, location, queue_id))

    def name(self, key: str) -> str | None:
        """Return the full name of a queue; None if there is none, or there are several."""
        if SEPARATOR in key:
            project, _, rest = key.partition(SEPARATOR)
            location, _, queue_id = rest.partition(SEPARATOR)
            full = f"projects/{project}/locations/{location}/queues/{queue_id}"
            return full if full in self._names else None
        found = [name for name in self._names if name.endswith(f"/queues/{key}")]
        return found[0] if len(found) == 1 else None

    def nearest(self, key: str) -> str | None:
        """Return the key that was probably meant."""
        keys = [self.key(name) for name in self._names]
        found = difflib.get_close_matches(key, keys, n=1, cutoff=0.5)
        return found[0] if found else None


def queue_href(key: str) -> str:
    """Return the address of a queue's page."""
    return f"/queues/{quote(key, safe='~')}"


def task_href(key: str, task_id: str) -> str:
    """Return the address of a task's page."""
    return f"{queue_href(key)}/tasks/{quote(task_id, safe='')}"
