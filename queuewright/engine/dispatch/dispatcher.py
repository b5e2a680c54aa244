"""The dispatcher: it starts the due tasks of all queues and records the results, in turns.

It takes a turn at the earliest moment at which a queue can start a task, and when something
changes. It does not poll.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Set
from itertools import count
from typing import Final

from queuewright.cloud_tasks.retry import backoff_us, is_exhausted
from queuewright.engine.clock import Clock, Timer
from queuewright.engine.dispatch.attempts import (
    Attempt,
    Result,
    first_dispatch_us,
    outgoing,
    retry_after_us,
    row_after,
)
from queuewright.engine.dispatch.registry import Registry, RunningQueue, RunningTask
from queuewright.engine.dispatch.sender import Answer, InstantSender, NoAnswerError, Sender
from queuewright.engine.dispatch.sweeper import Sweeper
from queuewright.engine.dispatch.write_behind import WriteBehind
from queuewright.engine.events import (
    AttemptEnded,
    AttemptStarted,
    Event,
    Outcome,
    QueueThrottled,
    StateFailed,
)
from queuewright.engine.protocol.messages import Task
from queuewright.engine.protocol.status import NO_ATTEMPT, TIMED_OUT, UNREACHABLE
from queuewright.engine.protocol.times import LAST_US, SECOND_US
from queuewright.engine.rules.http_request import OutgoingRequest, TokenSigner, target_type
from queuewright.engine.rules.slots import Slots
from queuewright.engine.settings import Settings
from queuewright.engine.state.rows import TaskRow
from queuewright.engine.state.store import Store
from queuewright.engine.state.task_ids import TaskIds
from queuewright.errors import QueuewrightError, Refusal
from queuewright.state_file import IdleCheckpoint

_LOG: Final = logging.getLogger(__name__)

_AFTER_BUG_US: Final = SECOND_US
_STARTS_AT_ONCE: Final = 64
"""Attempts started before the next look at answers, so that more tasks than the machine can send
do not become thousands of connections."""
_STALE_PLANS: Final = 1_024
_UNREADABLE_US: Final = 60 * SECOND_US
_OVERLOADED: Final = (429, 503)
_INTERRUPTED: Final = Result(NO_ATTEMPT)


class Dispatcher:
    """Runs the attempts of all queues, on one event loop."""

    def __init__(
        self,
        clock: Clock,
        store: Store,
        registry: Registry,
        sender: Sender,
        settings: Settings,
        ids: TaskIds,
        signer: TokenSigner | None,
        emit: Callable[[Event], None] | None,
        max_in_flight: int | None = None,
    ) -> None:
        self._clock = clock
        self._store = store
        self._registry = registry
        self._sender = sender
        self._answer = sender.answer if isinstance(sender, InstantSender) else None
        self._settings = settings
        self._ids = ids
        self._signer = signer
        self._emit = emit
        self._sweeper = Sweeper(clock, store, registry, ids, emit)
        self._touched: set[RunningQueue] = set()
        self._plans: list[tuple[int, int, RunningQueue]] = []
        self._order = count()
        self._attempts: set[Attempt] = set()
        self._slots = Slots(max_in_flight)
        self._waiting: dict[RunningQueue, None] = {}
        """The queues that have a due task but no slot, in the order they began to wait."""
        self._set_back_us = 0
        """How far the clock has been set back since the last turn."""
        self._is_starting = False
        """Whether a turn starts tasks: it looks at their queues again by itself."""
        self._loop: asyncio.AbstractEventLoop | None = None
        """Where it takes its turns, while it runs."""
        self._soon: asyncio.Handle | None = None
        """The turn that is about to come."""
        self._timer: Timer | None = None
        """For the turn at the moment that is planned next."""
        self._write_behind = WriteBehind(clock, store, emit)
        self._idle_checkpoint = IdleCheckpoint(store)
        self.progress = asyncio.Event()
        """Set when an attempt ends."""

    # For the service

    def touch(self, queue: RunningQueue, due_us: int | None = None) -> None:
        """Look at a queue again soon, because it changed or a task of it is due at `due_us`."""
        planned_us = queue.planned_us
        if due_us is None or planned_us is None or due_us < planned_us:
            self._touched.add(queue)
            self._wake()

    def run_now(self, queue: RunningQueue, row: TaskRow) -> None:
        """Start an attempt of a task by hand."""
        content = self._store.content(row.id)
        queue.core.run(row.id)
        self._start(queue, row, content, by_hand=True)

    def sweep(self) -> None:
        """Start a sweep soon."""
        self._sweeper.sweep()

    def expires(self, when_us: int) -> None:
        """Record that a task expires at that moment."""
        self._sweeper.expires(when_us)

    def clock_set_back(self, by_us: int) -> None:
        """Keep tasks due that were due before the clock was set back, and backoffs as long."""
        self._set_back_us += by_us
        self._wake()

    # The loop

    def start(self) -> None:
        """Start dispatching."""
        self._touched.update(self._registry)
        self._loop = asyncio.get_running_loop()
        self._wake()
        self._sweeper.start()
        self._idle_checkpoint.start()

    async def stop(self, grace_s: float) -> None:
        """Stop dispatching, wait for running attempts, and cancel them after `grace_s`.

        A cancelled attempt does not count: its task is dispatched again after the next start.
        """
        self._loop = None
        for planned in (self._soon, self._timer):
            if planned is not None:
                planned.cancel()
        self._soon = self._timer = None
        await self._sweeper.stop()
        runners = [attempt.runner for attempt in self._attempts if attempt.runner is not None]
        if runners:
            await asyncio.wait(runners, timeout=grace_s)
        for attempt in list(self._attempts):
            if attempt.runner is not None:
                attempt.runner.cancel()
        if runners:
            await asyncio.wait(runners)
        self._write_behind.stop()
        self._idle_checkpoint.stop()

    @property
    def is_busy(self) -> bool:
        """Whether there is something to start or to sweep right now."""
        return self._soon is not None or self._sweeper.is_busy

    @property
    def in_flight(self) -> int:
        """The number of running attempts."""
        return len(self._attempts)

    @property
    def attempts(self) -> Set[Attempt]:
        """The running attempts."""
        return self._attempts

    def _wake(self) -> None:
        """Take a turn soon. Several calls before it lead to one turn."""
        if self._loop is not None and self._soon is None:
            self._soon = self._loop.call_soon(self._take_turn)

    def _take_turn(self) -> None:
        """Take a turn, and plan the next one."""
        for planned in (self._soon, self._timer):
            if planned is not None:
                planned.cancel()
        self._soon = self._timer = None
        try:
            next_us = self._turn()
        except Exception:
            _LOG.exception("dispatching failed in the engine itself")
            self._touched.update(self._registry)
            next_us = self._clock.now_us() + _AFTER_BUG_US
        if next_us is not None and self._soon is None and self._loop is not None:
            self._timer = self._clock.call_at(next_us, self._take_turn)

    def _turn(self) -> int | None:
        """Start every task that may start; return when the next one can."""
        now_us = self._clock.now_us()
        if self._set_back_us:
            self._set_back(now_us)
        due, self._touched = self._touched, set()
        while self._plans and self._plans[0][0] <= now_us:
            planned_us, _, queue = heapq.heappop(self._plans)
            if queue.planned_us == planned_us:
                queue.planned_us = None
                due.add(queue)
        self._start_in_turns(due, now_us)
        while self._plans and self._plans[0][2].planned_us != self._plans[0][0]:
            heapq.heappop(self._plans)
        return self._plans[0][0] if self._plans else None

    def _set_back(self, now_us: int) -> None:
        by_us, self._set_back_us = self._set_back_us, 0
        for queue in self._registry:
            queue.core.clock_set_back(by_us, now_us)
            queue.planned_us = None
        self._plans.clear()
        self._touched.update(self._registry)
        if any(queue.is_pull for queue in self._registry):
            self._store.pull_tasks.clock_set_back(by_us, now_us)

    def _start_in_turns(self, touched: set[RunningQueue], now_us: int) -> None:
        """Start due tasks while there are slots, one task of each queue in turn.

        A queue that gets no slot waits for the end of an attempt. Queues wait in order of arrival.
        """
        waited, self._waiting = self._waiting, {}
        new = sorted(touched - waited.keys(), key=lambda queue: queue.number)
        self._is_starting = True
        try:
            self._start_line(deque((*waited, *new)), now_us)
        finally:
            self._is_starting = False

    def _start_line(self, line: deque[RunningQueue], now_us: int) -> None:
        starts_left = _STARTS_AT_ONCE
        while line:
            if not starts_left:
                self._waiting.update(dict.fromkeys(line))
                self._wake()
                return
            queue = line.popleft()
            if self._registry.get(queue.name) is not queue:
                continue
            next_us = queue.core.next_start_us(now_us)
            if next_us is None or next_us > now_us:
                self._plan(queue, next_us)
            elif self._slots.may_take(queue, len(self._registry)):
                (number,) = queue.core.start_due(now_us, 1)
                self._start_kept(queue, number)
                starts_left -= 1
                line.append(queue)
            else:
                self._waiting[queue] = None
                self._plan(queue, None)

    def _plan(self, queue: RunningQueue, next_us: int | None) -> None:
        """Plan to look at a queue at `next_us`. None: not until it changes."""
        if next_us == queue.planned_us:
            return
        queue.planned_us = next_us
        if next_us is None:
            return
        if len(self._plans) > 2 * len(self._registry) + _STALE_PLANS:
            self._plans = [
                (other.planned_us, next(self._order), other)
                for other in self._registry
                if other.planned_us is not None
            ]
            heapq.heapify(self._plans)
        else:
            heapq.heappush(self._plans, (next_us, next(self._order), queue))

    # Attempts

    def _start_kept(self, queue: RunningQueue, number: int) -> None:
        try:
            row, content = self._store.task_with_content(number)
        except Refusal as refusal:
            self._put_off(queue, number, refusal)
        else:
            self._start(queue, row, content)

    def _put_off(self, queue: RunningQueue, number: int, refusal: Refusal) -> None:
        """Postpone an unreadable task, so that it does not occupy a slot."""
        now_us = self._clock.now_us()
        queue.core.ended(number)
        queue.core.add(number, now_us + _UNREADABLE_US)
        if self._emit is not None:
            seconds = _UNREADABLE_US // SECOND_US
            text = f"A task of {queue.name} is tried again in {seconds} s. {refusal.message}"
            self._emit(StateFailed(time_us=now_us, status=refusal.code, message=text))

    def _start(
        self, queue: RunningQueue, row: TaskRow, content: Task, *, by_hand: bool = False
    ) -> None:
        task = queue.running.setdefault(row.id, RunningTask(row))
        now_us = self._clock.now_us()
        task.row = row
        task.dispatch_us.append(now_us)
        attempt = Attempt(
            queue,
            task,
            content,
            row.name or self._ids.text(row.id),
            row.dispatches + len(task.dispatch_us),
            now_us,
            self._clock.steady_us(),
            by_hand,
        )
        self._attempts.add(attempt)
        self._slots.take(queue)
        if self._answer is None:
            attempt.runner = asyncio.create_task(self._attempted(attempt))
            return
        result = self._begun(attempt, self._answer)
        if not isinstance(result, Result):
            attempt.runner = asyncio.create_task(self._attempted(attempt, result))
            return
        try:
            self._ended(attempt, result)
        except Exception:
            _LOG.exception("the end of an attempt of %s failed", attempt.task_name)
        finally:
            self._left(attempt)

    async def _attempted(self, attempt: Attempt, answer: Awaitable[Answer] | None = None) -> None:
        deadline = self._clock.call_after(attempt.deadline_us, attempt.give_up)
        try:
            result = await self._sent(attempt, answer)
            self._ended(attempt, result)
        except asyncio.CancelledError:
            if not attempt.timed_out:
                row = attempt.task.row
                outcome: Outcome = "interrupted" if row.id in attempt.queue.core else "deleted"
                self._tell_ended(attempt, _INTERRUPTED, outcome, row)
                raise
            if attempt.runner is not None:
                attempt.runner.uncancel()
            self._ended(attempt, Result(TIMED_OUT, "no response within the dispatch deadline"))
        except Exception:
            _LOG.exception("the end of an attempt of %s failed", attempt.task_name)
        finally:
            deadline.cancel()
            self._left(attempt)

    def _left(self, attempt: Attempt) -> None:
        self._attempts.discard(attempt)
        self._slots.give_back(attempt.queue)
        if self._waiting:
            self._wake()
        self.progress.set()

    async def _sent(self, attempt: Attempt, answer: Awaitable[Answer] | None) -> Result:
        try:
            found = await (self._sender.send(self._request(attempt)) if answer is None else answer)
        except Exception as error:
            return _without_answer(attempt, error)
        return _result(found)

    def _begun(
        self, attempt: Attempt, answer: Callable[[OutgoingRequest], Answer | Awaitable[Answer]]
    ) -> Result | Awaitable[Answer]:
        """Return the result of an attempt if it has one at once, or else what to await."""
        try:
            found = answer(self._request(attempt))
        except Exception as error:
            return _without_answer(attempt, error)
        if isinstance(found, Answer):
            return _result(found)
        return found

    def _request(self, attempt: Attempt) -> OutgoingRequest:
        """Return the request of an attempt, which begins now."""
        attempt.request = outgoing(attempt, self._settings, self._signer)
        self._tell_started(attempt)
        return attempt.request

    def _ended(self, attempt: Attempt, result: Result) -> None:
        queue, task, now_us = attempt.queue, attempt.task, self._clock.now_us()
        before = task.row
        queue.note_executed(now_us)
        task.dispatch_us.remove(attempt.dispatch_us)
        next_us: int | None = None
        outcome: Outcome
        if not queue.core.ended(before.id, by_hand=attempt.by_hand):
            outcome = "deleted"
        elif result.succeeded:
            outcome = "succeeded"
            queue.forget((before,), now_us, self._store.note_ended)
        else:
            next_us = self._next_us(attempt, now_us)
            schedule_us = before.schedule_us if next_us is None else next_us
            row = row_after(attempt, result, now_us, schedule_us)
            if next_us is None:
                outcome = "gave_up"
                queue.forget((row,), now_us, self._store.note_ended)
            else:
                outcome = "will_retry"
                task.row = row
                queue.core.add(row.id, next_us, is_backoff=True)
                self._store.note_failed(row)
                if not task.dispatch_us:
                    queue.running.pop(row.id, None)
        self._throttle(attempt, result, now_us)
        self._tell_ended(attempt, result, outcome, before, next_us)
        if not self._is_starting:
            # A queue with a plan has slots left, so the end changes nothing before it.
            self.touch(queue, next_us)
        self._write_behind.soon()

    def _next_us(self, attempt: Attempt, now_us: int) -> int | None:
        """Return when a task is retried after this failed attempt, or None if it is given up."""
        retry = attempt.retry
        attempts = attempt.task.row.dispatches + 1
        if is_exhausted(retry, attempts, now_us - first_dispatch_us(attempt)):
            return None
        since_us = attempt.dispatch_us if attempt.by_hand else now_us
        return min(since_us + backoff_us(retry, attempts), LAST_US)

    def _throttle(self, attempt: Attempt, result: Result, now_us: int) -> None:
        if not self._settings.throttling:
            return
        throttle = attempt.queue.core.throttle
        if result.succeeded:
            throttle.succeeded()
        # An App Engine target slows its queue only with 503 (HttpRequest in target.proto;
        # https://cloud.google.com/tasks/docs/creating-appengine-handlers).
        is_http = attempt.content.HasField("http_request")
        if result.outcome in (_OVERLOADED if is_http else _OVERLOADED[1:]):
            asked_us = retry_after_us(result.retry_after, now_us)
            if throttle.overloaded(now_us, asked_us) and self._emit is not None:
                pause_s = (throttle.until_us - now_us) / SECOND_US
                self._emit(
                    QueueThrottled(
                        time_us=now_us,
                        queue=attempt.queue.name,
                        task=attempt.task_name,
                        attempt=attempt.number,
                        http_code=result.outcome,
                        message=f"the target answered {result.outcome}: "
                        f"nothing is dispatched for {pause_s:g} s",
                    )
                )

    def _tell_started(self, attempt: Attempt) -> None:
        if self._emit is None:
            return
        queue, row = attempt.queue, attempt.task.row
        self._emit(
            AttemptStarted(
                time_us=self._clock.now_us(),
                queue=queue.name,
                task=attempt.task_name,
                schedule_us=row.schedule_us,
                target_address=attempt.target_address,
                target_type=target_type(attempt.content),
                sampling_ratio=queue.sampling_ratio,
                attempt=attempt.number,
                max_attempts=attempt.max_attempts,
                response_count=row.responses,
                create_us=row.create_us,
                by_hand=attempt.by_hand,
            )
        )

    def _tell_ended(
        self,
        attempt: Attempt,
        result: Result,
        outcome: Outcome,
        row: TaskRow,
        next_us: int | None = None,
    ) -> None:
        """Emit the end of an attempt. `row` is the task's row before the attempt."""
        if self._emit is None:
            return
        queue, clock = attempt.queue, self._clock
        is_interrupted = result.outcome == NO_ATTEMPT
        self._emit(
            AttemptEnded(
                time_us=clock.now_us(),
                queue=queue.name,
                task=attempt.task_name,
                schedule_us=row.schedule_us,
                target_address=attempt.target_address,
                target_type=target_type(attempt.content),
                sampling_ratio=queue.sampling_ratio,
                attempt=attempt.number,
                max_attempts=attempt.max_attempts,
                response_count=row.responses + (result.outcome > 0),
                result=result.outcome,
                duration_us=None if is_interrupted else clock.steady_us() - attempt.began_us,
                next_retry_us=next_us,
                outcome=outcome,
                message=result.message,
                create_us=row.create_us,
                dispatch_us=attempt.dispatch_us,
                ended_attempts=row.dispatches + (not is_interrupted),
                first_dispatch_us=first_dispatch_us(attempt),
                by_hand=attempt.by_hand,
                retry=attempt.retry,
                excerpt=result.excerpt,
                content=(
                    attempt.content.SerializeToString()
                    if outcome in ("succeeded", "gave_up")
                    else b""
                ),
            )
        )


def _result(answer: Answer) -> Result:
    return Result(answer.status, "", answer.retry_after, answer.excerpt)


def _without_answer(attempt: Attempt, error: Exception) -> Result:
    """Return the result of an attempt that this error ended."""
    if isinstance(error, NoAnswerError):
        return Result(UNREACHABLE, str(error))
    if isinstance(error, QueuewrightError):
        return Result(UNREACHABLE, f"the request could not be made: {error}")
    _LOG.error("an attempt of %s failed in the engine itself", attempt.task_name, exc_info=error)
    return Result(UNREACHABLE, f"a bug of the engine: {error!r}")
