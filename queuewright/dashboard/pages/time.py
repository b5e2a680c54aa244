"""The page of a manual clock: what time it is, what is due next, and buttons to advance."""

from __future__ import annotations

from typing import Any, Final

from queuewright.dashboard import words
from queuewright.dashboard.pages.frame import page
from queuewright.dashboard.sources import Sources

_SPANS: Final = (
    ("1s", "1 s"),
    ("10s", "10 s"),
    ("1m", "1 m"),
    ("10m", "10 m"),
    ("1h", "1 h"),
    ("1d", "1 d"),
)


def time_page(sources: Sources) -> dict[str, Any] | None:
    """Return the context of the page; None if time moves by itself."""
    if not sources.is_frozen:
        return None
    now_us = sources.now_us
    upcoming = [each.next_due_us for each in sources.queues() if each.next_due_us is not None]
    spans = [{"value": value, "label": label.replace(" ", words.SPACE)} for value, label in _SPANS]
    next_words = ""
    if upcoming:
        away_us = min(upcoming) - now_us
        next_words = f"The next task is due {words.relative(min(upcoming), now_us)}."
        whole_s = -(-away_us // words.SECOND_US)
        label = f"To the next task, {words.span(whole_s * words.SECOND_US)}"
        spans.insert(0, {"value": f"{whole_s}s", "label": label})
    return page(sources, title="Time", current="/time", topics=["overview"]) | {
        "next_words": next_words,
        "spans": spans,
    }
