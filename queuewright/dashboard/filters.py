"""The filters of a queue's page: from the query of a URL, to the engine and back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, get_args
from urllib.parse import urlencode

from queuewright.cloud_tasks.durations import parse_us
from queuewright.engine import TIMED_OUT, UNREACHABLE, TaskFilter
from queuewright.engine import TaskState as EngineState

STATES: Final = (*get_args(EngineState), "finished", "failed")
"""The states of waiting tasks, and those of tasks that the history has."""

AGES: Final = (
    ("<1m", "Last minute"),
    ("<1h", "Last hour"),
    ("<1d", "Last day"),
    (">1m", "Older than 1 m"),
    (">1h", "Older than 1 h"),
    (">1d", "Older than 1 d"),
)
STATUSES: Final = (
    ("none", "Never tried"),
    ("fail", "Any failure"),
    ("500", "500"),
    ("503", "503"),
    ("404", "404"),
    ("429", "429"),
    ("timeout", "No answer in time"),
    ("unreachable", "Not reached"),
)
_RESULTS: Final = {"timeout": TIMED_OUT, "unreachable": UNREACHABLE}


@dataclass(frozen=True)
class PageFilter:
    """What the reader of a queue's page asks for. Unknown values are dropped."""

    state: str = ""
    text: str = ""
    status: str = ""
    age: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> PageFilter:
        """Read a filter from the query of a URL.

        >>> PageFilter.of({"state": "retrying", "text": " Ada ", "status": "abc", "age": ">1h"})
        PageFilter(state='retrying', text='Ada', status='', age='>1h')
        """
        state, status, age = (query.get(name, "") for name in ("state", "status", "age"))
        state = "failed" if state == "dead" else state
        known = status in dict(STATUSES) or (status.isdecimal() and len(status) == 3)
        return cls(
            state if state in STATES else "",
            query.get("text", "").strip()[:200],
            status if known else "",
            age if age in dict(AGES) else "",
        )

    @property
    def is_plain(self) -> bool:
        """Whether it asks for nothing but a state."""
        return not (self.text or self.status or self.age)

    @property
    def is_of_history(self) -> bool:
        """Whether it asks for tasks that are gone."""
        return self.state in ("finished", "failed")

    def fields(self) -> dict[str, str]:
        """Return its non-empty fields, as in a query."""
        every = {"state": self.state, "text": self.text, "status": self.status, "age": self.age}
        return {name: value for name, value in every.items() if value}

    def query(self, **more: str | int) -> str:
        """Return the query of a URL, with a `?` if there is anything in it.

        >>> PageFilter("due", "a&b").query(before=7), PageFilter().query()
        ('?state=due&text=a%26b&before=7', '')
        """
        fields = {**self.fields(), **more}
        return f"?{urlencode(fields)}" if fields else ""

    def with_state(self, state: str) -> PageFilter:
        """Return the same filter for another state."""
        return replace(self, state=state)

    def wanted(self, now_us: int) -> TaskFilter:
        """Return it for the engine; ages count from now."""
        before = after = None
        if self.age:
            bound_us = now_us - parse_us(self.age[1:])
            before, after = (bound_us, None) if self.age[0] == ">" else (None, bound_us)
        result: int | None = None
        if self.status.isdecimal():
            result = int(self.status)
        elif self.status in _RESULTS:
            result = _RESULTS[self.status]
        elif self.status == "none":
            result = 0
        return TaskFilter(
            state=self.state or None,  # type: ignore[arg-type]
            text=self.text,
            result=result,
            failed=True if self.status == "fail" else None,
            created_before_us=before,
            created_after_us=after,
        )
