"""The dead letters of a push queue: lists them, replays them, discards them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from google.api_core import exceptions
from google.cloud import tasks_v2

from queuewright.blueprint import DeadQueuePlan, QueuePlan
from queuewright.cli.api import calling
from queuewright.cli.named_queue import find_queue
from queuewright.cli.project import Target
from queuewright.cli.pull_queue import find_pull_queue
from queuewright.client import connect
from queuewright.cloud_tasks import limits
from queuewright.dead_letters import DeadLetter, dead_letter, replayed
from queuewright.engine.protocol import Task
from queuewright.errors import TargetError

FULL = tasks_v2.Task.View.FULL


@dataclass(frozen=True)
class Choice:
    """Which letters a command is about; a letter must meet every condition that is given."""

    ids: tuple[str, ...] = ()
    """Of letters, or of the tasks that they were; the beginning is enough."""
    text: str | None = None
    """In the body, the error, the traceback or a header; capitals do not matter."""
    status: int | None = None
    reason: str | None = None
    older: timedelta | None = None
    """Dead for at least this long."""
    newer: timedelta | None = None
    """Dead for less than this."""

    @property
    def is_of_all(self) -> bool:
        """Whether there is no condition."""
        return self == Choice()

    def takes(self, letter: DeadLetter, now: datetime) -> bool:
        """Whether a letter meets every condition."""
        age = now - letter.died
        return (
            (not self.ids or any(self._names(letter, each) for each in self.ids))
            and (self.text is None or self.text.lower() in _searched(letter))
            and (self.status is None or letter.status == self.status)
            and (self.reason is None or letter.reason == self.reason)
            and (self.older is None or age >= self.older)
            and (self.newer is None or age < self.newer)
        )

    @staticmethod
    def _names(letter: DeadLetter, given: str) -> bool:
        return letter.task == given or (given != "" and letter.letter_id.startswith(given))


class Graveyard:
    """The dead letters of a queue, here or on Google Cloud."""

    def __init__(self, target: Target, plan: QueuePlan, dead: DeadQueuePlan) -> None:
        self.target = target
        self.plan = plan
        self.dead = dead
        self._client = connect(target.address)

    @classmethod
    def of(cls, target: Target, queue: str) -> Graveyard:
        """Return the dead letters of the queue with this key, id or full name.

        Raises:
            TargetError: there is no such queue, or it keeps none.
        """
        pulled = find_pull_queue(target.blueprint(), queue)
        if pulled is not None:
            where = pulled.dead_letter_subscription
            raise TargetError(
                f"`{pulled.key}` is a pull queue: its dead letters are messages of Pub/Sub",
                hint=f"`queuewright tasks {pulled.key}` lists them; "
                f"`gcloud pubsub subscriptions pull {where}` takes them"
                if where
                else f"it keeps none: write `dead_letters: true` in `queues.{pulled.key}`",
            )
        named = find_queue(target, queue)
        plan = named.settings
        if not isinstance(plan, QueuePlan) or plan.dead_letters is None:
            raise TargetError(
                f"queue `{named.key}` keeps no dead letters",
                hint=f"write `dead_letters: true` in `queues.{named.key}`",
            )
        return cls(target, plan, plan.dead_letters)

    def letters(self) -> list[tuple[DeadLetter, Task]]:
        """Return every letter with its task, in the order in which they died.

        Raises:
            TargetError: nothing there tells.
        """
        request = tasks_v2.ListTasksRequest(parent=self.dead.name, response_view=FULL)
        with calling(self.target, self.dead.name):
            found = [tasks_v2.Task.pb(each) for each in self._client.list_tasks(request)]
        letters = [(dead_letter(each), each) for each in found]
        return sorted(letters, key=lambda each: (each[0].died, each[0].created, each[0].name))

    def replay(self, tasks: Sequence[Task], rate: float | None, now: datetime) -> Iterator[bool]:
        """Add each task to its queue again, and then delete its letter.

        A second replay, after a crash between the two, finds the task and adds no other.

        Args:
            tasks: letters.
            rate: how many tasks are due in a second. Default: all at once; the queue's own rate
                holds in any case.
            now: the time when the first is due.

        Yields:
            For each, whether it was added, and not there already.

        Raises:
            TargetError: the API refuses it, or the last would be due too late.
        """
        last = (len(tasks) - 1) / rate if rate and tasks else 0.0  # may exceed a timedelta
        if last > limits.MAX_SCHEDULE_AHEAD.total_seconds():
            days = f"{last / 86_400:,.0f}" if last < 1e14 else f"{last / 86_400:.0e}"
            raise TargetError(
                f"at {rate:g} a second, {len(tasks):,} tasks take {days} days: Cloud Tasks "
                f"allows at most {limits.MAX_SCHEDULE_AHEAD.days}",
                hint="raise `--rate`, or choose fewer letters",
            )
        for number, task in enumerate(tasks):
            made = replayed(task, self.plan.name, deadline=self._deadline())
            if rate:
                made.schedule_time.FromDatetime(now + timedelta(seconds=number / rate))
            with calling(self.target, self.plan.name):
                try:
                    request = tasks_v2.CreateTaskRequest(parent=self.plan.name)
                    tasks_v2.CreateTaskRequest.pb(request).task.CopyFrom(made)
                    self._client.create_task(request)
                    is_new = True
                except exceptions.AlreadyExists:
                    is_new = False
            self.discard(task)
            yield is_new

    def discard(self, task: Task) -> None:
        """Delete a letter, if it is still there.

        Raises:
            TargetError: the API refuses it.
        """
        with calling(self.target, self.dead.name), suppress(exceptions.NotFound):
            self._client.delete_task(name=task.name)

    def _deadline(self) -> timedelta | None:
        """How long an attempt may take, if the handler's timeout says so."""
        runtime = self.target.blueprint().handlers[self.plan.handler].runtime
        if runtime is None:
            return None
        most = min(runtime.timeout, limits.MAX_HTTP_DISPATCH_DEADLINE)
        return max(most, limits.MIN_DISPATCH_DEADLINE)


def _searched(letter: DeadLetter) -> str:
    headers = (f"{name}: {value}" for name, value in letter.headers.items())
    body = letter.body.decode("utf-8", "replace")
    return "\n".join((letter.task, letter.error, letter.traceback, body, *headers)).lower()


def time_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)
