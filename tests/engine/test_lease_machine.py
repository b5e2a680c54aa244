"""A machine of workers that lease, finish, renew, give back, forget and crash, and its model.

The model knows which tasks exist, and computes by itself which tasks a call must return, in which
order, and which proofs are worth something. Live leases are also kept apart from it, so that no
task ever has two.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
)

from queuewright.engine import DEVELOPER
from queuewright.engine.api.beta2 import Beta2
from queuewright.engine.protocol import messages_lease as m
from queuewright.errors import Refusal
from tests.engine.engine_machine import EngineMachine, run_machine
from tests.engine.stage import LOCATION

S = 1_000_000
DAY_S = 86_400
TTL_S = 10 * DAY_S
QUEUES = [f"{LOCATION}/queues/{name}" for name in "ab"]
TAGS = ["", "x", "y"]
EVERYTHING = (
    "leased",
    "leased again",
    "renewed",
    "cancelled",
    "acknowledged",
    "given up",
    "crashes",
)
SPANS_S = [1, 5, 5, 60, 60, 3_600, 7 * DAY_S]


@dataclass
class ModelQueue:
    max_attempts: int
    """0: no limit."""
    paused: bool = False


@dataclass(eq=False)
class ModelTask:
    name: str
    queue: str
    tag: str
    due_us: int
    created_us: int
    number: int
    attempts: int = 0
    old_proofs: list[int] = field(default_factory=list)

    def is_held(self, now_us: int) -> bool:
        return self.attempts > 0 and self.due_us > now_us


class LeaseMachine(EngineMachine):
    """The lease API against its model."""

    seen: ClassVar[Counter[str]] = Counter()
    """How often what happened, in all examples."""

    def __init__(self) -> None:
        super().__init__()
        self.queues: dict[str, ModelQueue] = {}
        self.tasks: dict[str, ModelTask] = {}
        self.taken: dict[str, int] = {}
        self.live: dict[str, int] = {}
        """Until when the latest lease of a task lives that nobody has ended."""
        self.numbers = count()
        self.start()

    def start(self) -> None:
        super().start()
        self.api = Beta2(self.engine.service)

    def call(self, method: Any, request: Any) -> Any:
        """The answer, or the refusal's code."""
        try:
            return self.run(method(request, DEVELOPER))
        except Refusal as refusal:
            return refusal.code

    @property
    def now(self) -> int:
        return self.clock.now_us()

    def gone(self, task: ModelTask) -> None:
        del self.tasks[task.name]
        self.live.pop(task.name, None)
        self.taken[task.name] = self.now + 3_600 * S

    def expire(self) -> None:
        """Drop what is too old. Its name is taken from the moment it expired."""
        for task in list(self.tasks.values()):
            if self.now - task.created_us >= TTL_S * S:
                self.gone(task)
                self.taken[task.name] = task.created_us + (TTL_S + 3_600) * S

    def of(self, queue: str) -> list[ModelTask]:
        return [task for task in self.tasks.values() if task.queue == queue]

    # Queues

    @initialize(max_attempts=st.sampled_from([0, 1, 3]))
    def create_first_queue(self, max_attempts: int) -> None:
        self.create_queue(QUEUES[0], max_attempts)

    @rule(name=st.sampled_from(QUEUES), max_attempts=st.sampled_from([0, 1, 3]))
    def create_queue(self, name: str, max_attempts: int) -> None:
        queue = m.Queue(name=name, pull_target=m.PullTarget())
        queue.task_ttl.seconds = TTL_S
        if max_attempts:
            queue.retry_config.max_attempts = max_attempts
        request = m.CreateQueueRequest(parent=LOCATION, queue=queue)
        answer = self.call(self.api.create_queue, request)
        if name in self.queues:
            assert answer == "ALREADY_EXISTS"
        elif self.taken.get(name, 0) > self.now:
            assert answer == "FAILED_PRECONDITION"
        else:
            assert answer.HasField("pull_target")
            self.queues[name] = ModelQueue(max_attempts)

    @precondition(lambda self: self.queues)
    @rule(data=st.data(), paused=st.sampled_from([False, False, True]))
    def pause_or_resume(self, data: st.DataObject, paused: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.queues)))
        if paused:
            self.call(self.api.pause_queue, m.PauseQueueRequest(name=name))
        else:
            self.call(self.api.resume_queue, m.ResumeQueueRequest(name=name))
        self.queues[name].paused = paused

    @rule(data=st.data(), what=st.sampled_from(["purge", "delete", "task", "days", "crash"]))
    def disturb(self, data: st.DataObject, what: str) -> None:
        """What happens rarely, or too little would be leased."""
        queue = data.draw(st.sampled_from([*sorted(self.queues), ""]))
        if what == "days":
            self.pass_time(data.draw(st.sampled_from(["1h", "1d", "8d"])))
        elif what == "crash":
            self.crash()
        elif what == "task" and self.tasks:
            task = self.tasks[data.draw(st.sampled_from(sorted(self.tasks)))]
            self.call(self.api.delete_task, m.DeleteTaskRequest(name=task.name))
            self.gone(task)
        elif what == "purge" and queue:
            self.purge_queue(queue)
        elif what == "delete" and queue and len(self.queues) > 1:
            self.delete_queue(queue)

    def purge_queue(self, name: str) -> None:
        self.call(self.api.purge_queue, m.PurgeQueueRequest(name=name))
        for task in self.of(name):
            self.gone(task)
        self.run(self.engine.advance("0s"))

    def delete_queue(self, name: str) -> None:
        self.call(self.api.delete_queue, m.DeleteQueueRequest(name=name))
        for task in self.of(name):
            self.gone(task)
        self.taken = {old: until for old, until in self.taken.items() if not old.startswith(name)}
        self.taken[name] = self.now + 3 * DAY_S * S
        del self.queues[name]
        self.run(self.engine.advance("0s"))

    # Tasks

    @precondition(lambda self: self.queues)
    @rule(
        data=st.data(),
        task_id=st.sampled_from(["", "", "", "one", "two"]),
        tag=st.sampled_from(TAGS),
        delay_us=st.sampled_from([0, 0, 0, 1, 5 * S, 600 * S]),
        batch=st.integers(1, 4),
    )
    def create_tasks(
        self, data: st.DataObject, task_id: str, tag: str, delay_us: int, batch: int
    ) -> None:
        queue = data.draw(st.sampled_from(sorted(self.queues)))
        for _ in range(batch):
            number = next(self.numbers)
            name = f"{queue}/tasks/{task_id or f'u{number}'}"
            message = m.PullMessage(payload=name.encode(), tag=tag)
            task = m.Task(name=name, pull_message=message)
            task.schedule_time.FromMicroseconds(self.now + delay_us)
            answer = self.call(self.api.create_task, m.CreateTaskRequest(parent=queue, task=task))
            if name in self.tasks or self.taken.get(name, 0) > self.now:
                assert answer == "ALREADY_EXISTS"
            else:
                assert answer.schedule_time.ToMicroseconds() == self.now + delay_us
                due_us = self.now + delay_us
                self.tasks[name] = ModelTask(name, queue, tag, due_us, self.now, number)

    # Leases

    def expected(self, queue: str, most: int, wanted: str | None) -> list[ModelTask]:
        """The tasks that a call must return; what is spent before them is gone afterwards.

        `wanted` is a tag, "*" for the oldest tag, None for all tasks.
        """
        limit = self.queues[queue].max_attempts
        found: list[ModelTask] = []
        due = [task for task in self.of(queue) if task.due_us <= self.now]
        for task in sorted(due, key=lambda task: (task.due_us, task.number)):
            if wanted not in (None, "*", task.tag):
                continue
            if limit and task.attempts >= limit:
                self.gone(task)
                self.seen["given up"] += 1
                continue
            if wanted == "*":
                wanted = task.tag
            found.append(task)
            if len(found) == most:
                break
        return found

    @precondition(lambda self: self.tasks)
    @rule(
        data=st.data(),
        most=st.sampled_from([1, 2, 5, 1000]),
        span_s=st.sampled_from(SPANS_S),
        wanted=st.sampled_from([None, None, "*", *TAGS]),
    )
    def lease(self, data: st.DataObject, most: int, span_s: int, wanted: str | None) -> None:
        """A worker takes tasks, and a second one after some time, whatever became of the first."""
        self.leased(data, most, span_s, wanted)
        for _ in range(data.draw(st.integers(0, 3))):
            if self.tasks:
                what = data.draw(st.sampled_from(["acknowledge", "renew", "cancel"]))
                self.do(data, what, span_s)
        self.pass_time(f"{data.draw(st.sampled_from(SPANS_S[:5]))}s")
        self.leased(data, most, span_s, wanted)

    def leased(self, data: st.DataObject, most: int, span_s: int, wanted: str | None) -> None:
        self.pass_time("100ms")  # ten calls a second are allowed
        queues = [*sorted(self.queues), *sorted({task.queue for task in self.tasks.values()})]
        queue = data.draw(st.sampled_from(queues))
        request = m.LeaseTasksRequest(parent=queue, max_tasks=most, response_view=2)
        request.lease_duration.seconds = span_s
        if wanted is not None:
            request.filter = "tag_function=oldest_tag()" if wanted == "*" else f"tag={wanted}"
        answer = self.call(self.engine.service.lease_tasks, request)
        if self.queues[queue].paused:
            assert answer == "FAILED_PRECONDITION"
            return
        expected = self.expected(queue, most, wanted)
        assert [task.name for task in answer.tasks] == [task.name for task in expected]
        until_us = self.now + span_s * S
        for task, shown in zip(expected, answer.tasks, strict=True):
            assert self.live.get(task.name, 0) <= self.now, "it has another holder"
            self.seen["leased again" if task.attempts else "leased"] += 1
            self.live[task.name] = until_us
            if task.attempts:
                task.old_proofs.append(task.due_us)
            task.attempts += 1
            task.due_us = until_us
            assert shown.schedule_time.ToMicroseconds() == until_us
            assert shown.status.attempt_dispatch_count == task.attempts
            assert shown.pull_message.payload == task.name.encode()

    def with_proof(self, data: st.DataObject, request: Any) -> tuple[ModelTask, bool]:
        """Name a task and a proof; the proof is the current one or an old one."""
        held = sorted(name for name, task in self.tasks.items() if task.is_held(self.now))
        task = self.tasks[data.draw(st.sampled_from([*held, *sorted(self.tasks)]))]
        wrong = [task.due_us + 1, *task.old_proofs[-2:]]
        proof_us = data.draw(st.sampled_from([*[task.due_us] * 4, *wrong]))
        request.name = task.name
        request.schedule_time.FromMicroseconds(proof_us)
        return task, proof_us == task.due_us and task.is_held(self.now)

    @precondition(lambda self: self.tasks)
    @rule(
        data=st.data(),
        what=st.sampled_from(["acknowledge", "renew", "cancel"]),
        span_s=st.sampled_from(SPANS_S),
    )
    def finish(self, data: st.DataObject, what: str, span_s: int) -> None:
        self.do(data, what, span_s)

    def do(self, data: st.DataObject, what: str, span_s: int) -> None:
        if what == "acknowledge":
            self.acknowledge(data)
        elif what == "renew":
            self.renew(data, span_s)
        else:
            self.cancel(data)

    def acknowledge(self, data: st.DataObject) -> None:
        request = m.AcknowledgeTaskRequest()
        task, is_proven = self.with_proof(data, request)
        answer = self.call(self.engine.service.acknowledge_task, request)
        if is_proven:
            self.seen["acknowledged"] += 1
            self.gone(task)
            assert self.call(self.engine.service.acknowledge_task, request) == "NOT_FOUND"
        else:
            assert answer == "FAILED_PRECONDITION"

    def renew(self, data: st.DataObject, span_s: int) -> None:
        request = m.RenewLeaseRequest()
        request.lease_duration.seconds = span_s
        task, is_proven = self.with_proof(data, request)
        answer = self.call(self.engine.service.renew_lease, request)
        if not is_proven:
            assert answer == "FAILED_PRECONDITION"
            return
        self.seen["renewed"] += 1
        until_us = self.now + span_s * S
        assert answer.schedule_time.ToMicroseconds() == until_us
        assert answer.status.attempt_dispatch_count == task.attempts
        task.old_proofs.append(task.due_us)
        task.due_us = self.live[task.name] = until_us

    def cancel(self, data: st.DataObject) -> None:
        request = m.CancelLeaseRequest()
        task, is_proven = self.with_proof(data, request)
        answer = self.call(self.engine.service.cancel_lease, request)
        if not is_proven:
            assert answer == "FAILED_PRECONDITION"
            return
        assert answer.schedule_time.ToMicroseconds() == self.now
        self.seen["cancelled"] += 1
        task.old_proofs.append(task.due_us)
        task.due_us = self.now
        del self.live[task.name]

    # Time and crashes

    @rule(span=st.sampled_from(["1ms", "1s", "5s", "59s", "60s"]))
    def pass_time(self, span: str) -> None:
        self.run(self.engine.advance(span))
        self.expire()

    def crash(self) -> None:
        self.seen["crashes"] += 1
        self.run(self.killed())
        self.start()

    # What always holds

    @invariant()
    def nothing_is_lost_and_nothing_stays(self) -> None:
        self.seen["steps"] += 1
        for queue in self.queues:
            page = self.call(self.api.list_tasks, m.ListTasksRequest(parent=queue))
            shown = sorted(
                (task.name, task.schedule_time.ToMicroseconds(), task.status.attempt_dispatch_count)
                for task in page.tasks
            )
            assert shown == sorted(
                (task.name, task.due_us, task.attempts) for task in self.of(queue)
            )

    @invariant()
    def the_statistics_are_right(self) -> None:
        for queue in self.queues:
            stats = self.engine.service.stats(queue)
            tasks = self.of(queue)
            assert stats.tasks_count == len(tasks)
            assert stats.concurrent_dispatches == sum(task.is_held(self.now) for task in tasks)

    def teardown(self) -> None:
        try:
            self.run(self.engine.advance("11d"))
            for queue in self.queues:
                page = self.call(self.api.list_tasks, m.ListTasksRequest(parent=queue))
                assert not page.tasks
        finally:
            self.end()


@pytest.mark.parametrize(
    ("examples", "steps"),
    [
        pytest.param(20, 0, id="short"),
        pytest.param(400, 10_000, id="long", marks=pytest.mark.slow),
    ],
)
def test_no_sequence_of_leases_and_crashes_breaks_a_promise(examples: int, steps: int) -> None:
    """The long variant takes 10,000 steps, and everything happens in it."""
    LeaseMachine.seen.clear()
    run_machine(LeaseMachine, examples)
    if steps:
        seen = LeaseMachine.seen
        assert seen["steps"] >= steps
        rare = {what: seen[what] for what in EVERYTHING if seen[what] < 50}
        assert not rare, (rare, seen)
