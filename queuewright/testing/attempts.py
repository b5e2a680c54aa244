"""The attempts of a test: what the engine and the handlers said about each, as data."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from queuewright.blueprint import QueuePlan
from queuewright.engine import Event, OutgoingRequest, events
from queuewright.testing.dead_letters import DeadTask
from queuewright.testing.payload import payload_of
from queuewright.testing.reply import Reply
from queuewright.testing.timeline import timeline

Outcome = events.Outcome | Literal["dead_letter"]
"""What becomes of the task: the engine's words, and `dead_letter`."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt of one task."""

    queue: str
    """The queue's key."""
    task: str
    """The task's id."""
    number: int
    """From 1."""
    max_attempts: int
    """As the file says; -1 is unlimited."""
    time: datetime
    """When it began, in UTC, by the environment's clock."""
    payload: object
    """The task's body: parsed if it is JSON, else a text, else bytes; None if it is empty."""
    headers: Mapping[str, str]
    """The headers of the request."""
    status: int | None = None
    """The HTTP code of the response; None if there was none, or not yet. When the task has become a
    dead letter, Cloud Tasks gets a 200."""
    text: str = ""
    """The body of the response."""
    error: str | None = None
    """Why it failed: the exception that the handler did not catch, or else its response or the
    fault; None if it succeeded or still runs."""
    traceback: str | None = None
    """The traceback of the exception."""
    duration: timedelta | None = None
    """By the environment's clock, which stands still while a handler works."""
    outcome: Outcome | None = None
    """What becomes of the task, such as `succeeded`, `will_retry`, `gave_up` or `dead_letter`; None
    while it runs."""
    next_time: datetime | None = None
    """When the task is tried again, if it is."""

    @property
    def succeeded(self) -> bool:
        """Whether the task is done."""
        return self.outcome == "succeeded"


class Statuses(list[int | None]):
    """The statuses of attempts; where a comparison fails, pytest shows the attempts, too."""

    def __init__(self, attempts: Attempts) -> None:
        super().__init__(attempt.status for attempt in attempts)
        self.attempts = attempts


class Attempts(list[Attempt]):
    """Attempts, in the order in which they began. Its text is a timeline."""

    def __init__(self, attempts: Iterable[Attempt], since: datetime) -> None:
        super().__init__(attempts)
        self.since = since
        """When the test began, by the environment's clock."""

    @property
    def statuses(self) -> Statuses:
        """The status of each attempt: `[503, 503, 200]`."""
        return Statuses(self)

    def __repr__(self) -> str:
        return timeline(self, self.since)


class Recorder:
    """Records the attempts of an engine.

    Args:
        plans: its queues.
    """

    def __init__(self, plans: Iterable[QueuePlan]) -> None:
        self._plans = {plan.name: plan for plan in plans}
        self._dead = {
            plan.dead_letters.name for plan in self._plans.values() if plan.dead_letters is not None
        }
        """The full names of the queues with dead letters."""
        self._new_letters: list[str] = []
        self._dead_tasks: set[tuple[str, str]] = set()
        """The tasks that have become dead letters, by queue and id."""
        self._attempts: list[Attempt] = []
        self._open: dict[tuple[str, str, int], int] = {}
        """The index of each running attempt, by queue, task and number."""

    def __len__(self) -> int:
        """Return how many attempts have begun."""
        return len(self._attempts)

    def of_queue(self, key: str) -> list[Attempt]:
        """Return the attempts of a queue's tasks."""
        return [attempt for attempt in self._attempts if attempt.queue == key]

    def all(self) -> list[Attempt]:
        """Return all attempts."""
        return list(self._attempts)

    def note(self, event: Event) -> None:
        """Record an event of the engine."""
        if isinstance(event, events.TaskCreated) and event.queue in self._dead:
            self._new_letters.append(event.task)
        plan = self._plans.get(event.queue)
        if plan is None:
            return
        key = plan.key
        if isinstance(event, events.AttemptStarted):
            task = _short(event.task)
            self._open[key, task, event.attempt] = len(self._attempts)
            self._attempts.append(
                Attempt(
                    queue=key,
                    task=task,
                    number=event.attempt,
                    max_attempts=plan.allowed.max_attempts,
                    time=moment(event.time_us),
                    payload=None,
                    headers={},
                )
            )
        elif isinstance(event, events.AttemptEnded):
            self._ended(key, event)

    def _ended(self, key: str, event: events.AttemptEnded) -> None:
        index = self._open.pop((key, _short(event.task), event.attempt), None)
        if index is None:  # it never began: the address of an App Engine service is unknown
            return
        attempt = self._attempts[index]
        outcome: Outcome = event.outcome
        if outcome == "succeeded" and (key, attempt.task) in self._dead_tasks:
            outcome = "dead_letter"
        error = attempt.error or event.message or (attempt.text.strip() or f"status {event.result}")
        self._attempts[index] = replace(
            attempt,
            status=event.http_code,
            error=None if outcome == "succeeded" else error,
            outcome=outcome,
            duration=None
            if event.duration_us is None
            else timedelta(microseconds=event.duration_us),
            next_time=None if event.next_retry_us is None else moment(event.next_retry_us),
        )

    def asked(self, key: str, task: str, number: int, request: OutgoingRequest) -> None:
        """Record the request of an attempt."""
        index = self._open[key, task, number]
        headers = dict(request.headers)
        self._attempts[index] = replace(
            self._attempts[index], payload=payload_of(request.body), headers=headers
        )

    def answered(self, key: str, task: str, number: int, reply: Reply) -> None:
        """Record what the handler made of an attempt."""
        index = self._open.get((key, task, number))
        if index is None:
            return
        error = reply.error
        self._attempts[index] = replace(
            self._attempts[index],
            text=reply.text,
            error=None if error is None else f"{type(error).__name__}: {error}",
            traceback=None if error is None else "".join(traceback.format_exception(error)),
        )

    def new_letters(self) -> list[str]:
        """Return the full names of the dead letters since the last call."""
        new, self._new_letters = self._new_letters, []
        return new

    def buried(self, key: str, task: str, number: int, letter: DeadTask) -> None:
        """Record that a task has become a dead letter in an attempt, before that ends."""
        self._dead_tasks.add((key, task))
        index = self._open.get((key, task, number))
        if index is not None:
            self._attempts[index] = replace(
                self._attempts[index], error=letter.error, traceback=letter.traceback or None
            )

    def failed(self, key: str, task: str, number: int, reason: str) -> None:
        """Record why an attempt fails, before it ends."""
        index = self._open.get((key, task, number))
        if index is not None:
            self._attempts[index] = replace(self._attempts[index], error=reason)


def moment(time_us: int) -> datetime:
    """Return a moment of the engine as an aware `datetime`."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_us)


def _short(name: str) -> str:
    return name.rpartition("/")[2]
