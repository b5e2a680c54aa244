"""The one loop: it starts what the queues say is due, and tells them what came of it.

It sleeps until the earliest moment at which any queue can start something, or until something
changes; nothing is polled.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Callable
from itertools import count
from typing import Final

from queuewright.engine.clock import Clock
from queuewright.engine.dispatch.attempts import (
    Attempt,
    Result,
    first_dispatch_us,
    outgoing,
    retry_after_us,
    row_after,
)
from queuewright.engine.dispatch.registry import Flight, Registry, RunningQueue
from queuewright.engine.dispatch.sender import NoAnswerError, Sender
from queuewright.engine.dispatch.sweeper import Sweeper
from queuewright.engine.dispatch.write_behind import WriteBehind
from queuewright.engine.events import Event, Kind, Outcome, state_failed
from queuewright.engine.protocol import refusals
from queuewright.engine.protocol.messages import Task
from queuewright.engine.protocol.status import TIMED_OUT, UNREACHABLE, code_name
from queuewright.engine.protocol.times import SECOND_US
from queuewright.engine.rules.http_request import Signer, address, target_type
from queuewright.engine.rules.retry import backoff_us, is_exhausted
from queuewright.engine.service.calls import name_reuse_us
from queuewright.engine.settings import Settings
from queuewright.engine.state.rows import TaskRow, Tombstone
from queuewright.engine.state.store import Store
from queuewright.engine.state.task_ids import TaskIds
from queuewright.errors import QueuewrightError, Refusal

_LOG: Final = logging.getLogger(__name__)

_AFTER_BUG_US: Final = SECOND_US
_UNREADABLE_US: Final = 60 * SECOND_US
_OVERLOADED: Final = (429, 503)


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
        signer: Signer | None,
        emit: Callable[[Event], None] | None,
    ) -> None:
        self._clock = clock
        self._store = store
        self._registry = registry
        self._sender = sender
        self._settings = settings
        self._ids = ids
        self._signer = signer
        self._emit = emit
        self._sweeper = Sweeper(clock, store, registry, settings, ids, emit)
        self._wake = asyncio.Event()
        self._touched: set[RunningQueue] = set()
        self._plans: list[tuple[int, int, RunningQueue]] = []
        self._order = count()
        self._attempts: set[Attempt] = set()
        self._loop: asyncio.Task[None] | None = None
        self._write_behind = WriteBehind(clock, store, emit)
        self.progress = asyncio.Event()
        """Set whenever an attempt has ended."""

    # What calls need (`calls.Dispatch`)

    def touch(self, queue: RunningQueue, due_us: int | None = None) -> None:
        """Look at a queue again soon: something has changed, or falls due at `due_us`."""
        planned_us = queue.planned_us
        if due_us is None or planned_us is None or due_us < planned_us:
            self._touched.add(queue)
            self._wake.set()

    def run_now(self, queue: RunningQueue, row: TaskRow) -> None:
        """Start an attempt of a task by hand."""
        content = self._store.content(row.id)
        queue.core.run(row.id)
        self._start(queue, row, content, by_hand=True)

    def sweep(self) -> None:
        """Clear away what is dead, soon."""
        self._sweeper.sweep()

    def expires(self, when_us: int) -> None:
        """Note that a task's time is over at that moment."""
        self._sweeper.expires(when_us)

    # The loop

    def start(self) -> None:
        """Begin to dispatch."""
        self._touched.update(self._registry)
        self._loop = asyncio.create_task(self._run(), name="queuewright dispatcher")
        self._sweeper.start()

    async def stop(self, grace_s: float) -> None:
        """Start nothing more; let what runs end within the grace and cancel the rest.

        What is cancelled has not happened: it is delivered at the next start.
        """
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.wait([self._loop])
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

    @property
    def is_busy(self) -> bool:
        """Whether the loop has something to do right now."""
        return self._wake.is_set() or self._sweeper.is_busy

    @property
    def in_flight(self) -> int:
        """How many attempts are under way."""
        return len(self._attempts)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                next_us = self._turn()
            except Exception:
                _LOG.exception("dispatching failed in the engine itself")
                self._touched.update(self._registry)
                next_us = self._clock.now_us() + _AFTER_BUG_US
            timer = None if next_us is None else self._clock.call_at(next_us, self._wake.set)
            await self._wake.wait()
            if timer is not None:
                timer.cancel()

    def _turn(self) -> int | None:
        """Start everything that may start; return when there will be more."""
        now_us = self._clock.now_us()
        due = self._touched
        self._touched = set()
        plans = self._plans
        while plans and plans[0][0] <= now_us:
            planned_us, _, queue = heapq.heappop(plans)
            if queue.planned_us == planned_us:
                due.add(queue)
        for queue in sorted(due, key=lambda queue: queue.number):
            queue.planned_us = None
            if self._registry.get(queue.name) is not queue:
                continue
            for number in queue.core.start_due(now_us):
                try:
                    row, content = self._kept(number)
                except Refusal as refusal:
                    self._put_off(queue, number, refusal)
                else:
                    self._start(queue, row, content)
            next_us = queue.core.next_start_us(now_us)
            if next_us is not None:
                queue.planned_us = next_us
                heapq.heappush(plans, (next_us, next(self._order), queue))
        while plans and plans[0][2].planned_us != plans[0][0]:
            heapq.heappop(plans)
        return plans[0][0] if plans else None

    # Attempts

    def _kept(self, number: int) -> tuple[TaskRow, Task]:
        row = self._store.task(number)
        if row is None:
            raise refusals.state_unreadable("a task that waits is not in it")
        return row, self._store.content(number)

    def _put_off(self, queue: RunningQueue, number: int, refusal: Refusal) -> None:
        """Let a task that cannot be read wait, so that it keeps no other from its slot."""
        now_us = self._clock.now_us()
        queue.core.ended(number)
        queue.core.add(number, now_us + _UNREADABLE_US)
        if self._emit is not None:
            seconds = _UNREADABLE_US // SECOND_US
            text = f"A task of {queue.name} is tried again in {seconds} s. {refusal.message}"
            self._emit(state_failed(now_us, refusal.code, text))

    def _start(
        self, queue: RunningQueue, row: TaskRow, content: Task, *, by_hand: bool = False
    ) -> None:
        flight = queue.flights.setdefault(row.id, Flight(row))
        now_us = self._clock.now_us()
        flight.row = row
        flight.dispatch_us.append(now_us)
        attempt = Attempt(
            queue,
            flight,
            content,
            row.name or self._ids.text(row.id),
            row.dispatches + len(flight.dispatch_us),
            now_us,
            by_hand,
        )
        self._attempts.add(attempt)
        attempt.runner = asyncio.create_task(self._attempted(attempt))

    async def _attempted(self, attempt: Attempt) -> None:
        deadline = self._clock.call_at(attempt.deadline_us, attempt.give_up)
        try:
            result = await self._sent(attempt)
            self._ended(attempt, result)
        except asyncio.CancelledError:
            if not attempt.timed_out:
                self._tell("AttemptResponse", attempt, None, "interrupted")
                raise
            if attempt.runner is not None:
                attempt.runner.uncancel()
            self._ended(attempt, Result(TIMED_OUT, "no response within the dispatch deadline"))
        except Exception:
            _LOG.exception("the end of an attempt of %s failed", attempt.task_name)
        finally:
            deadline.cancel()
            self._attempts.discard(attempt)
            self.progress.set()

    async def _sent(self, attempt: Attempt) -> Result:
        try:
            attempt.request = outgoing(attempt, self._settings, self._signer)
            self._tell("AttemptDispatch", attempt)
            answer = await self._sender.send(attempt.request)
        except NoAnswerError as error:
            return Result(UNREACHABLE, str(error))
        except QueuewrightError as error:
            return Result(UNREACHABLE, f"the request could not be made: {error}")
        except Exception as error:
            _LOG.exception("an attempt of %s failed in the engine itself", attempt.task_name)
            return Result(UNREACHABLE, f"a bug of the engine: {error!r}")
        return Result(answer.status, retry_after=answer.retry_after)

    def _ended(self, attempt: Attempt, result: Result) -> None:
        queue, flight, now_us = attempt.queue, attempt.flight, self._clock.now_us()
        before = flight.row
        queue.note_executed(now_us)
        flight.dispatch_us.remove(attempt.dispatch_us)
        next_us: int | None = None
        outcome: Outcome
        if not queue.core.ended(flight.row.id, by_hand=attempt.by_hand):
            outcome = "deleted"
        elif result.succeeded:
            outcome = "succeeded"
            self._done_with(attempt)
        else:
            next_us = self._next_us(attempt, now_us)
            row = row_after(attempt, result, now_us, flight.row.schedule_us)
            if next_us is None:
                outcome = "gave_up"
                flight.row = row
                self._done_with(attempt)
            else:
                outcome = "will_retry"
                flight.row = row = row._replace(schedule_us=next_us)
                queue.core.add(row.id, next_us)
                self._store.note_failed(row)
                if not flight.dispatch_us:
                    queue.flights.pop(row.id, None)
        self._throttle(attempt, result, now_us)
        self._tell("AttemptResponse", attempt, result, outcome, next_us, row=before)
        self.touch(queue)
        self._write_behind.soon()

    def _done_with(self, attempt: Attempt) -> None:
        queue, row = attempt.queue, attempt.flight.row
        queue.core.remove(row.id)
        queue.flights.pop(row.id, None)
        tombstone = None
        if row.name is not None:
            until_us = self._clock.now_us() + name_reuse_us(queue, self._settings)
            tombstone = Tombstone(queue.number, row.name, until_us)
        self._store.note_ended(row.id, tombstone)

    def _next_us(self, attempt: Attempt, now_us: int) -> int | None:
        """When a task is tried again after this attempt failed; None: no more."""
        retry = attempt.retry
        attempts = attempt.flight.row.dispatches + 1
        if is_exhausted(retry, attempts, now_us - first_dispatch_us(attempt)):
            return None
        since_us = attempt.dispatch_us if attempt.by_hand else now_us
        return since_us + backoff_us(retry, attempts)

    def _throttle(self, attempt: Attempt, result: Result, now_us: int) -> None:
        if not self._settings.throttling:
            return
        throttle = attempt.queue.core.throttle
        if result.succeeded:
            throttle.succeeded()
        # Of an App Engine target only 503 slows its queue (HttpRequest in target.proto;
        # https://cloud.google.com/tasks/docs/creating-appengine-handlers).
        is_http = attempt.content.HasField("http_request")
        if result.outcome in (_OVERLOADED if is_http else _OVERLOADED[1:]):
            asked_us = retry_after_us(result.retry_after, now_us)
            if throttle.overloaded(now_us, asked_us):
                pause_s = (throttle.until_us - now_us) / SECOND_US
                self._tell(
                    "QueueThrottled",
                    attempt,
                    result,
                    message=f"the target answered {result.outcome}: "
                    f"nothing is dispatched for {pause_s:g} s",
                )

    def _tell(
        self,
        kind: Kind,
        attempt: Attempt,
        result: Result | None = None,
        outcome: Outcome = "",
        next_us: int | None = None,
        message: str = "",
        row: TaskRow | None = None,
    ) -> None:
        """Tell of an attempt; of one that has ended, `row` is its task's before that."""
        if self._emit is None:
            return
        is_answer = row is not None and result is not None and result.outcome > 0
        row, now_us = row or attempt.flight.row, self._clock.now_us()
        request = attempt.request
        self._emit(
            Event(
                kind=kind,
                time_us=now_us,
                queue=attempt.queue.name,
                task=attempt.task_name,
                schedule_us=row.schedule_us,
                attempt=attempt.number,
                dispatch_count=attempt.number,
                response_count=row.responses + is_answer,
                max_attempts=attempt.retry.max_attempts,
                status="" if result is None else code_name(result.outcome),
                http_code=result.outcome if result and result.outcome > 0 else None,
                duration_us=None if result is None else now_us - attempt.dispatch_us,
                next_retry_us=next_us,
                target_address=request.address
                if request
                else address(attempt.content, attempt.queue.http_target),
                target_type=target_type(attempt.content),
                outcome=outcome,
                message=message or (result.message if result else ""),
                sampling_ratio=attempt.queue.sampling_ratio,
            )
        )
