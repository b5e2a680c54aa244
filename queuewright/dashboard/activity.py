"""Watches the engine's events: answers over time, failures, and what changed since the last look.

It runs for every event, so it only counts and sets marks. Everything it keeps is
bounded.
"""

from __future__ import annotations

import statistics
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from queuewright.dashboard.charts import BARS, STEP_US
from queuewright.dashboard.words import HOUR_US, SECOND_US
from queuewright.engine import Event, events
from queuewright.history import dead_letter_reason

_LATENCIES: Final = 200
_FEED: Final = 12
_REFUSALS: Final = 50
_CAUSES: Final = 1_000
_LONGEST: Final = 300
_SHOWN_CAUSES: Final = 5
_REASONS: Final = 4_000
EVERYTHING: Final = "*"
"""Stands for all tasks among changed ones."""
_MOST_DIRTY: Final = 10_000
"""More changed tasks than that are not told apart."""


@dataclass(slots=True)
class Failure:
    """A failed attempt, and since when they fail."""

    time_us: int
    task: str
    result: int
    message: str
    attempt: int


class Bars:
    """Counts answers and failures in steps of `STEP_US`."""

    __slots__ = ("_steps",)

    def __init__(self) -> None:
        self._steps: deque[list[int]] = deque(maxlen=BARS + 1)

    def add(self, time_us: int, *, failed: bool) -> None:
        """Count an attempt that ended."""
        step = time_us // STEP_US
        if not self._steps or self._steps[-1][0] < step:
            self._steps.append([step, 0, 0])
        self._steps[-1][1 + failed] += 1

    def series(self, now_us: int) -> tuple[list[int], list[int]]:
        """Return the answers and the failures in the last `BARS` steps, oldest first."""
        answered, failed = [0] * BARS, [0] * BARS
        first = now_us // STEP_US - BARS + 1
        for step, good, bad in self._steps:
            if 0 <= step - first < BARS:
                answered[step - first] = good
                failed[step - first] = bad
        return answered, failed

    def rates(self, now_us: int) -> tuple[float, float]:
        """Return the answers and the failures a second, over the last 10 to 20 seconds."""
        step = now_us // STEP_US
        span_s = (STEP_US + now_us % STEP_US) / SECOND_US
        recent = [each for each in self._steps if each[0] in (step, step - 1)]
        return sum(each[1] for each in recent) / span_s, sum(each[2] for each in recent) / span_s


@dataclass(slots=True)
class QueueActivity:
    """What happened in one queue since the start."""

    bars: Bars = field(default_factory=Bars)
    latencies_us: deque[int] = field(default_factory=lambda: deque(maxlen=_LATENCIES))
    created: int = 0
    done: int = 0
    """Tasks whose attempt succeeded."""
    last_done_us: int | None = None
    failed: int = 0
    """Attempts that failed."""
    dead: int = 0
    """Tasks that were given up."""
    last_dead: Failure | None = None
    last_failure: Failure | None = None
    failing_since_us: int | None = None
    """When the run of failures without a success began."""
    failures_in_a_row: int = 0
    paused_us: int | None = None
    _causes: deque[tuple[int, int, str]] = field(default_factory=lambda: deque(maxlen=_CAUSES))

    def note_cause(self, time_us: int, result: int, text: str) -> None:
        """Remember why an attempt failed."""
        self._causes.append((time_us, result, text))

    def causes(self, now_us: int) -> list[tuple[tuple[int, str], int]]:
        """Return the reasons of the last hour's failures and how often each was, most first."""
        recent = Counter(
            (result, text) for time_us, result, text in self._causes if time_us > now_us - HOUR_US
        )
        return recent.most_common(_SHOWN_CAUSES)

    @property
    def median_us(self) -> int | None:
        """The median duration of the last attempts."""
        return round(statistics.median(self.latencies_us)) if self.latencies_us else None

    @property
    def p95_us(self) -> int | None:
        """The duration that 95 % of the last attempts stay under."""
        ordered = sorted(self.latencies_us)
        return ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)] if ordered else None


class Activity:
    """What happened in all queues since the start.

    Args:
        on_change: called when something has changed; it must be cheap.
    """

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        self.queues: dict[str, QueueActivity] = {}
        """By full name."""
        self.feed: deque[Event] = deque(maxlen=_FEED)
        """What happened last, oldest first."""
        self.refusals: deque[events.CallDenied] = deque(maxlen=_REFUSALS)
        self.changes = 0
        """Grows with every event."""
        self.queue_changes = 0
        """Grows when queues come, go or change their settings."""
        self.reasons: dict[str, str] = {}
        """Why the last attempt of a task failed, by full name, of the tasks that failed last."""
        self.dirty: dict[str, str] = {}
        """The tasks that changed since `take_dirty`, and how their last attempt ended."""
        self.is_watched = False
        """Whether somebody looks: only then are changed tasks told apart."""
        self._on_change = on_change

    def of(self, queue: str) -> QueueActivity:
        """Return the activity of a queue by its full name."""
        found = self.queues.get(queue)
        if found is None:
            found = self.queues[queue] = QueueActivity()
        return found

    def take_dirty(self) -> dict[str, str]:
        """Return the tasks that changed since the last call, and how their last attempt ended.

        Of very many, not all are there; `EVERYTHING` is among them then.
        """
        taken, self.dirty = self.dirty, {}
        if len(taken) >= _MOST_DIRTY:
            taken[EVERYTHING] = ""
        return taken

    def notice(self, event: Event) -> None:
        """Count an event."""
        self.changes += 1
        match event:
            case events.AttemptEnded():
                self._ended(event)
            case events.TaskCreated():
                self.of(event.queue).created += 1
                self.feed.append(event)
            case events.QueuePaused():
                self.of(event.queue).paused_us = event.time_us
                self.queue_changes += 1
                self.feed.append(event)
            case events.QueueResumed():
                self.of(event.queue).paused_us = None
                self.queue_changes += 1
                self.feed.append(event)
            case events.QueueDeleted():
                self.queues.pop(event.queue, None)
                self.queue_changes += 1
                self.feed.append(event)
            case events.QueueCreated() | events.QueueUpdated() | events.QueuePurged():
                self.queue_changes += 1
                self.feed.append(event)
            case events.CallDenied():
                self.refusals.append(event)
                self.feed.append(event)
            case events.AttemptStarted():
                pass
            case _:
                self.feed.append(event)
        if self.is_watched:
            task = getattr(event, "task", "")
            if task and len(self.dirty) < _MOST_DIRTY:
                outcome = "deleted" if isinstance(event, events.TaskDeleted) else ""
                self.dirty[task] = getattr(event, "outcome", outcome)
            self._on_change()

    def _ended(self, event: events.AttemptEnded) -> None:
        if event.outcome == "interrupted":
            return
        queue = self.of(event.queue)
        buried = dead_letter_reason(event.excerpt.body)
        failed = bool(buried) or not 200 <= event.result <= 299
        queue.bars.add(event.time_us, failed=failed)
        if event.duration_us is not None:
            queue.latencies_us.append(event.duration_us)
        if not failed:
            self.reasons.pop(event.task, None)
            queue.done += 1
            queue.last_done_us = event.time_us
            queue.failing_since_us = None
            queue.failures_in_a_row = 0
        else:
            if queue.failing_since_us is None:
                queue.failing_since_us = event.time_us
            queue.failures_in_a_row += 1
            queue.failed += 1
            why = event.message or buried or _first_line(event.excerpt.body)
            self.reasons.pop(event.task, None)
            if why and event.outcome == "will_retry":
                self.reasons[event.task] = why
                if len(self.reasons) > _REASONS:
                    del self.reasons[next(iter(self.reasons))]
            queue.last_failure = Failure(
                event.time_us, event.task, event.result, why, event.attempt
            )
            queue.note_cause(event.time_us, event.result, why)
            if event.outcome == "gave_up":
                queue.dead += 1
                queue.last_dead = queue.last_failure
        self.feed.append(event)


def _first_line(body: bytes) -> str:
    r"""Return the first line of an answer, as far as it is text.

    >>> _first_line(b"not sent: busy\n  traceback"), _first_line(b"<!doctype html><p>no")
    ('not sent: busy', '')
    """
    line = body[:_LONGEST].decode("utf-8", "replace").strip().partition("\n")[0].strip()
    return "" if line.startswith("<") else line
