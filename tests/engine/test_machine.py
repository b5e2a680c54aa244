"""A machine that calls everything, lets time pass, crashes the engine, and believes nothing.

The model knows what was acknowledged and what each handler answered, and computes by itself when
a task may come again. Every request that arrives is held against it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    invariant,
    precondition,
    rule,
)

from queuewright.engine import (
    DEVELOPER,
    InProcessSender,
    NoAnswerError,
    OutgoingRequest,
)
from queuewright.engine.protocol import messages as m
from queuewright.errors import Refusal
from tests.engine.engine_machine import EngineMachine, run_machine
from tests.engine.stage import LOCATION, URL

S = 1_000_000
DEADLINE_US = 600 * S
QUEUES = [f"{LOCATION}/queues/{name}" for name in "abc"]
TASK_IDS = ["", "", "", "one", "two"]  # "" is a new one each time
NO_ANSWER = 0


@dataclass
class ModelQueue:
    rate: float
    slots: int
    max_attempts: int
    min_backoff_s: int
    paused: bool = False
    running: int = 0
    starts: list[int] = field(default_factory=list)

    @property
    def burst(self) -> int:
        return max(10, -int(-self.rate // 5))

    def backoff_us(self, failures: int) -> int:
        """Two doublings, then the same again each time, an hour at most."""
        steps = [1, 2, 4, 8, 12, 16, 20, 24, 28, 32]
        factor = steps[failures - 1] if failures <= len(steps) else 4 * (failures - 2)
        return min(self.min_backoff_s * S * factor, 3_600 * S)


@dataclass(eq=False)
class ModelTask:
    name: str
    queue: str
    home: ModelQueue
    due_us: int
    failures: int = 0


class ServiceMachine(EngineMachine):
    """The service against its model."""

    def __init__(self) -> None:
        super().__init__()
        self.queues: dict[str, ModelQueue] = {}
        self.tasks: dict[str, ModelTask] = {}
        self.taken: dict[str, int] = {}
        self.by_hand: dict[str, int] = {}
        self.is_crashing = False
        self.answers = [200]
        self.takes_s = 0
        self.count = 0
        self.sender = InProcessSender(self.received)
        self.problems: list[str] = []
        self.start()

    # The engine

    def start(self) -> None:
        super().start()
        self.service = self.engine.service

    def settle(self) -> None:
        self.run(self.engine.advance("0s"))

    def call(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """The answer, or the refusal's code."""
        try:
            return self.run(coroutine)
        except Refusal as refusal:
            return refusal.code

    # What arrives

    async def received(self, request: OutgoingRequest) -> int:
        name = request.body.decode()
        now = self.clock.now_us()
        task = self.tasks.get(name)
        if task is None:
            self.problems.append(f"{name} came though it is gone")
            return 200
        queue = task.home
        called_us = self.by_hand.pop(name, None)
        if called_us is None:
            self.check_start(task, queue, now)
        self.count += 1
        answer, takes_s = self.answers[self.count % len(self.answers)], self.takes_s
        try:
            if takes_s:
                await self.clock.sleep(f"{takes_s}s")
        except asyncio.CancelledError:
            if not self.is_crashing:
                if self.clock.now_us() != now + DEADLINE_US:
                    self.problems.append(f"{name} was cancelled before its deadline")
                self.ended(task, NO_ANSWER, now, called_us)
            raise
        if now + takes_s * S > now + DEADLINE_US:
            self.problems.append(f"{name} ran past its deadline")
        self.ended(task, answer, self.clock.now_us(), called_us)
        if answer == NO_ANSWER:
            raise NoAnswerError("nobody there")
        return answer

    def check_start(self, task: ModelTask, queue: ModelQueue, now: int) -> None:
        if now < task.due_us:
            self.problems.append(f"{task.name} came {task.due_us - now} us early")
        if queue.paused:
            self.problems.append(f"{task.name} came though its queue is paused")
        queue.running += 1
        if queue.running > queue.slots:
            self.problems.append(f"{queue.running} run in {task.queue}, which has {queue.slots}")
        queue.starts.append(now)
        rate = Fraction(str(queue.rate))
        for index, begin in enumerate(queue.starts):
            allowed = queue.burst + rate * Fraction(now - begin, S)
            if len(queue.starts) - index > allowed:
                self.problems.append(f"{task.queue} is over its rate")

    def ended(self, task: ModelTask, answer: int, now: int, called_us: int | None) -> None:
        queue = task.home
        if called_us is None:
            queue.running -= 1
        if self.tasks.get(task.name) is not task:
            return
        if answer == 200:
            self.gone(task)
            return
        task.failures += 1
        if task.failures >= queue.max_attempts:
            self.gone(task)
        else:
            since_us = now if called_us is None else called_us
            task.due_us = since_us + queue.backoff_us(task.failures)

    def gone(self, task: ModelTask) -> None:
        del self.tasks[task.name]
        self.taken[task.name] = self.clock.now_us() + 86_400 * S

    def names(self, queue: str) -> list[str]:
        return sorted(name for name, task in self.tasks.items() if task.queue == queue)

    # Calls on queues

    @staticmethod
    def config(name: str, queue: ModelQueue) -> m.Queue:
        config = m.Queue(
            name=name,
            rate_limits=m.RateLimits(
                max_dispatches_per_second=queue.rate, max_concurrent_dispatches=queue.slots
            ),
            retry_config=m.RetryConfig(max_attempts=queue.max_attempts, max_doublings=2),
        )
        config.retry_config.min_backoff.seconds = queue.min_backoff_s
        return config

    queue_models = st.builds(
        ModelQueue,
        rate=st.sampled_from([0.5, 3.0, 100.0]),
        slots=st.integers(1, 3),
        max_attempts=st.integers(1, 5),
        min_backoff_s=st.integers(1, 30),
    )

    @rule(name=st.sampled_from(QUEUES), model=queue_models)
    def create_queue(self, name: str, model: ModelQueue) -> None:
        request = m.CreateQueueRequest(parent=LOCATION, queue=self.config(name, model))
        answer = self.call(self.service.create_queue(request, DEVELOPER))
        if name in self.queues:
            assert answer == "ALREADY_EXISTS"
        elif self.taken.get(name, 0) > self.clock.now_us():
            assert answer == "FAILED_PRECONDITION"
        else:
            assert answer.name == name
            self.queues[name] = model

    @precondition(lambda self: self.queues)
    @rule(data=st.data(), model=queue_models)
    def update_queue(self, data: st.DataObject, model: ModelQueue) -> None:
        name = data.draw(st.sampled_from(sorted(self.queues)))
        queue = self.queues[name]
        for changed in ("rate", "slots", "max_attempts", "min_backoff_s"):
            setattr(queue, changed, getattr(model, changed))
        queue.starts = []
        request = m.UpdateQueueRequest(queue=self.config(name, queue))
        assert self.call(self.service.update_queue(request, DEVELOPER)).state == 1 + queue.paused
        self.settle()

    @precondition(lambda self: self.queues)
    @rule(data=st.data(), paused=st.booleans())
    def pause_or_resume(self, data: st.DataObject, paused: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.queues)))
        self.queues[name].paused = paused
        if paused:
            self.run(self.service.pause_queue(m.PauseQueueRequest(name=name), DEVELOPER))
        else:
            self.run(self.service.resume_queue(m.ResumeQueueRequest(name=name), DEVELOPER))
        self.settle()

    @precondition(lambda self: self.queues)
    @rule(data=st.data())
    def purge_queue(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.queues)))
        self.run(self.service.purge_queue(m.PurgeQueueRequest(name=name), DEVELOPER))
        for task in self.names(name):
            self.gone(self.tasks[task])
        self.settle()

    @precondition(lambda self: self.queues)
    @rule(data=st.data())
    def delete_queue(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.queues)))
        self.run(self.service.delete_queue(m.DeleteQueueRequest(name=name), DEVELOPER))
        for task in self.names(name):
            del self.tasks[task]
        self.taken = {old: until for old, until in self.taken.items() if not old.startswith(name)}
        self.taken[name] = self.clock.now_us() + 3 * 86_400 * S
        del self.queues[name]
        self.settle()

    @rule()
    def reset_names(self) -> None:
        self.engine.reset_names()
        self.taken.clear()

    # Calls on tasks

    @precondition(lambda self: self.queues)
    @rule(
        data=st.data(),
        task_id=st.sampled_from(TASK_IDS),
        delay_s=st.sampled_from([0, 0, 1, 5, 600]),
        batch=st.integers(1, 4),
    )
    def create_tasks(self, data: st.DataObject, task_id: str, delay_s: int, batch: int) -> None:
        queue = data.draw(st.sampled_from(sorted(self.queues)))
        for _ in range(batch):
            self.create_task(queue, task_id, delay_s)
        self.settle()

    def create_task(self, queue: str, task_id: str, delay_s: int) -> None:
        now = self.clock.now_us()
        self.count += 1
        name = f"{queue}/tasks/{task_id or f'u{self.count}'}"
        request = m.HttpRequest(url=URL, body=name.encode())
        task = m.Task(name=name, http_request=request)
        if delay_s:
            task.schedule_time.FromMicroseconds(now + delay_s * S)
        answer = self.call(
            self.service.create_task(m.CreateTaskRequest(parent=queue, task=task), DEVELOPER)
        )
        if name in self.tasks or self.taken.get(name, 0) > now:
            assert answer == "ALREADY_EXISTS"
        else:
            due_us = now + delay_s * S
            assert answer.schedule_time.ToMicroseconds() == due_us
            self.tasks[name] = ModelTask(name, queue, self.queues[queue], due_us)

    @precondition(lambda self: self.tasks)
    @rule(data=st.data())
    def delete_task(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.tasks)))
        self.run(self.service.delete_task(m.DeleteTaskRequest(name=name), DEVELOPER))
        self.gone(self.tasks[name])
        self.settle()

    @precondition(lambda self: self.tasks)
    @rule(data=st.data())
    def run_task(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.tasks)))
        before = self.tasks[name].failures
        self.by_hand[name] = self.clock.now_us()
        shown = self.run(self.service.run_task(m.RunTaskRequest(name=name), DEVELOPER))
        assert shown.dispatch_count > before
        self.settle()
        assert name not in self.by_hand, "it was started"

    # Time, handlers, crashes

    @rule(span=st.sampled_from(["1ms", "500ms", "1s", "3s", "30s", "11m", "2h", "25h"]))
    def pass_time(self, span: str) -> None:
        self.run(self.engine.advance(span))

    @rule(
        answers=st.lists(st.sampled_from([200, 200, 500, 404, 302, NO_ANSWER]), min_size=1),
        takes_s=st.sampled_from([0, 0, 2, 100, 700]),
    )
    def behave(self, answers: list[int], takes_s: int) -> None:
        self.answers, self.takes_s = answers, takes_s

    @rule()
    def write_results(self) -> None:
        self.engine._dispatcher._write_behind.now()

    @rule(is_written=st.booleans())
    def crash(self, is_written: bool) -> None:
        store = self.engine._store
        if is_written:
            store.catch_up()
        unsure = set(store._failed) | set(store._ended)
        older = [
            (f"{queue.name}/tasks/{row.name}", queue.name, row)
            for queue in self.engine._registry
            for number in unsure
            if (row := self.as_written(number)) is not None and row.queue == queue.number
            if row.id > queue.row.purged_id
        ]
        self.is_crashing = True
        self.run(self.killed())
        self.is_crashing = False
        for name, queue_name, row in older:
            # What attempts came to in the last milliseconds is as if it had not been.
            home = self.queues[queue_name]
            self.tasks[name] = ModelTask(name, queue_name, home, row.schedule_us, row.dispatches)
            self.taken.pop(name, None)
        for queue in self.queues.values():
            queue.running, queue.starts = 0, []
        self.start()

    def as_written(self, number: int) -> Any:
        """A task's row as it is in the file."""
        store = self.engine._store
        noted = store._failed, store._ended
        store._failed, store._ended = {}, {}
        try:
            return store.task(number)
        finally:
            store._failed, store._ended = noted

    # What always holds

    @invariant()
    def nothing_went_wrong(self) -> None:
        assert not self.problems, self.problems

    @invariant()
    def nothing_is_lost_and_nothing_stays(self) -> None:
        for queue in self.queues:
            request = m.ListTasksRequest(parent=queue)
            response = self.run(self.service.list_tasks(request, DEVELOPER))
            assert sorted(task.name for task in response.tasks) == self.names(queue)

    def teardown(self) -> None:
        try:
            self.answers, self.takes_s = [200], 0
            for name, queue in self.queues.items():
                queue.paused = False
                request = m.ResumeQueueRequest(name=name)
                self.run(self.service.resume_queue(request, DEVELOPER))
            self.run(self.engine.drain())
            self.run(self.engine.advance("1h"))
            assert self.tasks == {}
            self.nothing_went_wrong()
            assert self.engine._dispatcher.in_flight == 0
        finally:
            self.end()


@pytest.mark.parametrize(
    "examples", [pytest.param(40, id="short"), pytest.param(250, id="long", marks=pytest.mark.slow)]
)
def test_no_sequence_of_calls_and_crashes_breaks_a_promise(examples: int) -> None:
    run_machine(ServiceMachine, examples)
