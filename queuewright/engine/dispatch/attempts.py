"""An attempt of a task: its request, its result, and the task's row after it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

from queuewright.cloud_tasks.retry import RetryPolicy
from queuewright.engine.dispatch.registry import RunningQueue, RunningTask
from queuewright.engine.dispatch.sender import NoAnswerError
from queuewright.engine.protocol.messages import Task
from queuewright.engine.protocol.names import short
from queuewright.engine.protocol.times import SECOND_US, duration_us, moment_us
from queuewright.engine.rules.excerpt import NO_EXCERPT, Excerpt
from queuewright.engine.rules.http_request import (
    AttemptFacts,
    OutgoingRequest,
    TokenSigner,
    app_engine_request,
    http_request,
    target_address,
)
from queuewright.engine.rules.queue_config import retry_policy
from queuewright.engine.settings import Settings
from queuewright.engine.state.rows import TaskRow

_MOST_DIGITS: Final = 10
"""The length of the longest number of seconds that is read: three centuries."""


class Result(NamedTuple):
    """The result of an attempt."""

    outcome: int
    """HTTP code, `TIMED_OUT` or `UNREACHABLE`."""
    message: str = ""
    """Why there was no answer."""
    retry_after: str | None = None
    """The answer's `Retry-After` header."""
    excerpt: Excerpt = NO_EXCERPT

    @property
    def succeeded(self) -> bool:
        """Whether the handler answered 200 to 299, so that the task is done."""
        return 200 <= self.outcome <= 299


@dataclass(eq=False, slots=True)
class Attempt:
    """A running attempt."""

    queue: RunningQueue
    task: RunningTask
    content: Task
    task_id: str
    number: int
    """From 1; counts attempts that are still running."""
    dispatch_us: int
    began_us: int
    """The clock's `steady_us` when it was dispatched."""
    by_hand: bool
    """Started by RunTask: it takes no slot of its queue, and a retry counts from the call."""
    request: OutgoingRequest | None = None
    runner: asyncio.Task[None] | None = None
    timed_out: bool = False

    @property
    def task_name(self) -> str:
        """The task's full name."""
        return f"{self.queue.name}/tasks/{self.task_id}"

    @property
    def deadline_us(self) -> int:
        """How long the attempt may take, in microseconds."""
        return duration_us(self.content.dispatch_deadline)

    @property
    def retry(self) -> RetryPolicy:
        """The task's own retry policy, or else its queue's."""
        if self.content.HasField("retry_config"):
            return retry_policy(self.content.retry_config)
        return self.queue.retry

    @property
    def max_attempts(self) -> int:
        """The maximum number of attempts; -1 is unlimited."""
        if self.content.HasField("retry_config"):
            return self.content.retry_config.max_attempts
        return self.queue.retry.max_attempts

    @property
    def target_address(self) -> str:
        """The method and the URL, as Cloud Tasks logs them."""
        if self.request is not None:
            return self.request.address
        return target_address(self.content, self.queue.http_target)

    def give_up(self) -> None:
        """Cancel the attempt because its deadline has passed."""
        self.timed_out = True
        if self.runner is not None:
            self.runner.cancel()


def outgoing(attempt: Attempt, settings: Settings, signer: TokenSigner | None) -> OutgoingRequest:
    """Return the request of an attempt.

    Raises:
        NoAnswerError: the address of the App Engine service is unknown.
    """
    row, content, config = attempt.task.row, attempt.content, attempt.queue.config
    facts = AttemptFacts(
        queue_id=short(attempt.queue.name),
        task_id=attempt.task_id,
        schedule_us=row.schedule_us,
        retry_count=attempt.number - 1,
        response_count=row.responses,
        execution_count=row.executions,
        previous=row.previous,
    )
    if content.HasField("http_request"):
        return http_request(
            content,
            facts,
            attempt.queue.http_target,
            signer,
            attempt.dispatch_us,
            follow_redirects=settings.follow_redirects,
        )
    routing = content.app_engine_http_request.app_engine_routing
    if config.HasField("app_engine_routing_override"):
        routing = config.app_engine_routing_override
    resolve = settings.app_engine_url
    base_url = resolve(routing.service, routing.version, routing.instance) if resolve else None
    if base_url is None:
        raise NoAnswerError(
            f"the address of the App Engine service `{routing.host}` is unknown: the setting "
            "`app_engine_url` gives it"
        )
    return app_engine_request(content, facts, base_url)


def row_after(attempt: Attempt, result: Result, now_us: int, schedule_us: int) -> TaskRow:
    """Return a task's row after a failed attempt, due again at `schedule_us`."""
    row = attempt.task.row
    answered = result.outcome > 0
    return TaskRow(  # not `_replace`, which takes twice as long
        id=row.id,
        queue=row.queue,
        name=row.name,
        schedule_us=schedule_us,
        create_us=row.create_us,
        dispatches=row.dispatches + 1,
        responses=row.responses + answered,
        executions=row.executions + (answered and result.outcome < 500),
        previous=result.outcome,
        first_dispatch_us=first_dispatch_us(attempt),
        last_schedule_us=row.schedule_us,
        last_dispatch_us=attempt.dispatch_us,
        last_response_us=now_us if answered else None,
    )


def first_dispatch_us(attempt: Attempt) -> int:
    """Return when the task's first attempt was dispatched."""
    first_us = attempt.task.row.first_dispatch_us
    return attempt.dispatch_us if first_us is None else min(first_us, attempt.dispatch_us)


def retry_after_us(header: str | None, now_us: int) -> int | None:
    """Return the wait that a `Retry-After` header asks for (RFC 9110, 10.2.3), or None.

    The header holds seconds or a date.

    >>> retry_after_us("120", 0), retry_after_us("soon", 0)
    (120000000, None)
    """
    if header is None:
        return None
    text = header.strip()
    if text.isdecimal():
        return int(text.lstrip("0")[:_MOST_DIGITS] or 0) * SECOND_US
    try:
        return max(0, moment_us(parsedate_to_datetime(text)) - now_us)
    except (ValueError, TypeError, OverflowError):
        return None
