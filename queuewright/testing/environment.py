"""An environment in a test's process: its engine, its handlers, and a clock that a test moves."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from queuewright.blueprint import Blueprint, HandlerPlan, QueuePlan, blueprint
from queuewright.cloud_tasks.durations import parse_us, written_duration
from queuewright.cloud_tasks.limits import TASK_RETENTION
from queuewright.engine import ManualClock
from queuewright.engine.protocol import Task as TaskMessage
from queuewright.errors import TargetError
from queuewright.spec import load
from queuewright.testing.attempts import Attempts, Recorder
from queuewright.testing.claims import not_delivered, waiting_lines
from queuewright.testing.dead_letters import DeadTask, dead_task
from queuewright.testing.faults import Fault, FaultKind
from queuewright.testing.handlers.handlers import Handlers, OwnApis, StandIn
from queuewright.testing.in_process_engine import InProcessEngine
from queuewright.testing.loop_thread import HandoverThread
from queuewright.testing.payload import body_of, payload_problem
from queuewright.testing.pull_tasks import PullQueues
from queuewright.testing.tasks import Task, new_task, waiting_task
from queuewright.testing.timeline import offset
from queuewright_runtime.messages import task_id

if TYPE_CHECKING:
    from queuewright_runtime import Task as PulledTask

T = TypeVar("T")


class InProcessEnvironment:
    """An environment whose handlers are called directly, on a clock that only the test moves.

    The fixture `queuewright_env` makes it. Queues and variables are those of `queuewright up`;
    tasks, attempts and time are the engine's. Nothing happens to a task before `advance` or
    `drain`.
    """

    def __init__(self, plan: Blueprint, root: Path, clock: ManualClock) -> None:
        self.blueprint = plan
        """Everything that follows from the environment's file."""
        self._started_at = clock.now()
        self._clock = clock
        self._thread = HandoverThread("queuewright: the engine")
        self._root = root
        self._folder = TemporaryDirectory(prefix="queuewright-")
        self._recorder = Recorder(plan.queues.values())
        self._pull_queues = PullQueues(plan, clock, self._thread)
        self._handlers = Handlers(
            plan,
            root,
            clock,
            self._thread,
            self._recorder,
            self._apis,
            self._find,
            Path(self._folder.name),
        )
        self._engine = self._thread.run(
            InProcessEngine.started(plan, clock, self._recorder, self._handlers)
        )

    @classmethod
    @contextmanager
    def started(
        cls, environment: str, root: Path, *, start: datetime | None = None
    ) -> Iterator[InProcessEnvironment]:
        """Start an environment; when the block ends, stop it.

        Args:
            environment: the name of its file in `stacks/`, without `.yaml`.
            root: the project's folder.
            start: the clock's first moment, aware; default: the start of 2026 in UTC.

        Raises:
            SpecError: the file has mistakes.
        """
        clock = ManualClock() if start is None else ManualClock(start)
        running = cls(blueprint(load(environment, root)), root, clock)
        try:
            yield running
        finally:
            running.stop()

    # Tasks

    def enqueue(
        self,
        queue: str,
        payload: object = None,
        *,
        delay: timedelta | str | float | None = None,
        at: datetime | None = None,
        headers: Mapping[str, str] | None = None,
        key: str | None = None,
        name: str | None = None,
        path: str | None = None,
        ordering_key: str = "",
    ) -> str:
        """Add a task to a queue; return its id.

        Args:
            queue: the queue's key in the file.
            payload: the body: bytes, None for an empty one, or anything that can be JSON.
            delay: due after this time, such as `"10m"`, or a number of seconds.
            at: due at this moment, by the environment's clock; with a time zone.
            headers: its headers; those of a pull queue's task are its attributes.
            key: makes it idempotent as in `queuewright.client`: the id is a hash of it.
            name: its id; another task with the same id is refused.
            path: the path at the handler, if the queue has none.
            ordering_key: for a pull queue with `ordering`.

        Raises:
            Refusal: Cloud Tasks, or Pub/Sub, would refuse the task, with its words. A second task
                with the same `key` or `name` is one.
            TargetError: there is no such queue, or it does not take what was given, by its payload
                schema for example.
        """
        if delay is not None and at is not None:
            raise TypeError("give one of `delay` and `at`")
        if at is not None and at.tzinfo is None:
            raise ValueError(f"`at` has no time zone: {at.isoformat()}; give one, as `env.now` has")
        if key is not None:
            if name is not None:
                raise TypeError("give one of `key` and `name`")
            name = task_id(key)
        pulled = self.blueprint.pull_queues.get(queue)
        if pulled is not None:
            if any(value is not None for value in (delay, at, name, path)):
                raise TargetError(
                    f"queue `{queue}` is a pull queue, whose tasks have no time, name or path",
                    hint="leave out `delay`, `at`, `key`, `name` and `path`",
                )
            body, content_type = body_of(payload)
            self._check_payload(queue, pulled.payload, body)
            typed = {"Content-Type": content_type} if content_type is not None else {}
            attributes = {**typed, **(headers or {})}
            return self._pull_queues.publish(pulled, body, attributes, ordering_key)
        plan = self._push_queue(queue)
        if ordering_key:
            raise TargetError(
                f"queue `{queue}` is a push queue, which keeps no order",
                hint="leave out `ordering_key`",
            )
        time = self.now + _span(delay) if delay is not None else at
        self._check_payload(queue, plan.payload, body_of(payload)[0])
        task = new_task(plan, payload, time=time, headers=headers, name=name, path=path)
        created = self._run(self._engine.create(plan.name, task))
        return created.name.rpartition("/")[2]

    def tasks(self, queue: str) -> list[Task]:
        """Return the tasks that wait in a push queue, the oldest first.

        Raises:
            TargetError: there is no such queue, or it is a pull queue.
        """
        plan = self._push_queue(queue)
        return [waiting_task(queue, each) for each in self._run(self._engine.tasks(plan.name))]

    def attempts(self, queue: str | None = None) -> Attempts:
        """Return the attempts of a queue's tasks, or of all tasks, in the order they began.

        Raises:
            TargetError: there is no such queue, or it is a pull queue.
        """
        if queue is None:
            return Attempts(self._recorder.all(), self._started_at)
        return Attempts(self._recorder.of_queue(self._push_queue(queue).key), self._started_at)

    def dead_letters(self, queue: str) -> list[DeadTask]:
        """Return the dead letters of a push queue, in the order they died.

        Raises:
            TargetError: there is no such queue, it is a pull queue, or it keeps no dead letters.
        """
        found = self._run(self._engine.letters(self._push_queue(queue)))
        return [dead_task(queue, each) for each in found]

    def replay(self, queue: str) -> int:
        """Add the dead letters of a push queue to it again; return how many there were.

        As `queuewright dead-letters replay QUEUE --all` does.

        Raises:
            TargetError: there is no such queue, it is a pull queue, or it keeps no dead letters.
        """
        plan = self._push_queue(queue)
        return self._run(self._engine.replay(plan))

    def pull(self, queue: str, most: int = 1) -> list[PulledTask]:
        """Take tasks from a pull queue, as its worker does; a list that may be shorter, or empty.

        Each is a `queuewright_runtime.Task`: the tests call the worker's function with it. A task
        that is neither done nor given back comes again when its lease has ended.

        Raises:
            TargetError: there is no such queue, or it is a push queue, or google-cloud-pubsub is
                not installed.
        """
        plan = self.blueprint.pull_queues.get(queue)
        if plan is None:
            self._push_queue(queue)  # to refuse an unknown name
            raise TargetError(
                f"queue `{queue}` is a push queue: its handler gets its tasks",
                hint="let time pass: `env.advance(…)` or `env.drain()`",
            )
        return self._pull_queues.pull(plan, plan.subscription, most)

    # Time

    @property
    def now(self) -> datetime:
        """The environment's time, in UTC. Handlers that read the machine's clock see another."""
        return self._clock.now()

    def advance(self, span: timedelta | str) -> None:
        """Let time pass, such as `"1h"`; everything that is due on the way happens.

        Raises:
            TargetError: a handler that gets a task cannot run in this process.
        """
        self._move(self._engine.advance(_span(span)))

    def drain(self, *, within: timedelta | str = TASK_RETENTION, most: int = 1_000) -> None:
        """Let time pass until no task is left to be dispatched.

        Tasks of paused queues and of pull queues stay.

        Args:
            within: the most time to let pass; by default as long as Cloud Tasks keeps a task.
            most: the most attempts.

        Raises:
            AssertionError: there are tasks left after that; it says which, and why.
            TargetError: a handler that gets a task cannot run in this process.
        """
        begun = self.now
        if self._move(self._engine.drain(begun + _span(within), most)):
            return
        raise AssertionError(
            f"tasks are left after {written_duration(self.now - begun)}\n{self.timeline()}\n"
            "hint: let the handler succeed, give the queue a smaller `max_attempts`, or stop "
            "earlier with `env.advance(…)`"
        )

    # Faults

    def fail(
        self,
        handler: str,
        *,
        times: int | None = None,
        during: timedelta | str | None = None,
        status: int = 503,
    ) -> None:
        """Let requests to a handler fail with a status, without calling its code.

        Args:
            handler: its key.
            times: how many requests; default 1, or all of the time that `during` gives.
            during: for how long, from now on.
            status: the HTTP code.
        """
        self._fault(handler, "fail", times, during, status)

    def time_out(
        self, handler: str, *, times: int | None = None, during: timedelta | str | None = None
    ) -> None:
        """Let requests to a handler take longer than its `timeout`, without calling its code.

        A task of `enqueue` has that time as its deadline, and gets no response; one with a longer
        deadline gets a 504 from Cloud Run.
        """
        self._fault(handler, "time_out", times, during)

    def crash(
        self, handler: str, *, times: int | None = None, during: timedelta | str | None = None
    ) -> None:
        """Let the handler's instance end when it gets a request: 503, and its memory is lost."""
        self._fault(handler, "crash", times, during)

    def lose_answer(
        self, handler: str, *, times: int | None = None, during: timedelta | str | None = None
    ) -> None:
        """Let a handler do its work, and lose its answer: 503, so the task is delivered again."""
        self._fault(handler, "lose_answer", times, during)

    def deliver_twice(
        self, handler: str, *, times: int | None = None, during: timedelta | str | None = None
    ) -> None:
        """Let a handler get each request twice: Cloud Tasks delivers at least once.

        Its second answer counts, and `attempts` has one attempt for both.
        """
        self._fault(handler, "repeat", times, during)

    # Handlers

    def replace(self, handler: str, stand_in: StandIn) -> None:
        """Let a function answer instead of a handler's code.

        It gets a `TaskRequest` and returns the HTTP code; None is 200. An exception is 500, except
        for an `AssertionError`, which is the test's.
        """
        self._handlers.replace(self._handler(handler).key, stand_in)

    def serve(self, handler: str, application: str) -> None:
        """Let an application in a handler's folder answer, such as `"main:app"`.

        For handlers whose command does not name it, such as `python main.py`.
        """
        self._handlers.serve(self._handler(handler).key, application)

    def set_variables(self, handler: str, **variables: object) -> None:
        """Give a handler other environment variables; None removes one.

        Its next request starts a new instance.
        """
        texts = {name: None if v is None else str(v) for name, v in variables.items()}
        self._handlers.set_variables(self._handler(handler).key, texts)

    def module(self, handler: str, name: str = "main") -> ModuleType:
        """Return a module of a handler's folder, to look into it or to patch it.

        Two handlers may have modules of the same name, so they are not in `sys.modules`.

        Raises:
            TargetError: it cannot be imported.
        """
        return self._handlers.module(self._handler(handler).key, name)

    # Claims

    def assert_delivered(self, queue: str, *, attempts: int | None = None) -> None:
        """Assert that a queue had tasks, that all of them are done, and how many attempts it took.

        A task that is done after `replay` is done.

        Raises:
            AssertionError: that is not so; it shows the attempts.
        """
        keeps = self._push_queue(queue).dead_letters is not None
        problem = not_delivered(
            queue,
            self.attempts(queue),
            waiting=len(self.tasks(queue)),
            dead=len(self.dead_letters(queue)) if keeps else 0,
            expected=attempts,
        )
        if problem is not None:
            raise AssertionError(f"{problem}\n{self.timeline()}")

    def timeline(self) -> str:
        """Return everything that happened as text: the attempts by queue, and what waits."""
        attempts = self.attempts()
        waiting = [task for key in self.blueprint.queues for task in self.tasks(key)]
        now = f"now: {offset(self.now, attempts.since)}"
        return "\n".join([repr(attempts), *waiting_lines(waiting, attempts), now])

    # Its parts

    def stop(self) -> None:
        """Stop it."""
        with ExitStack() as stack:  # which does the rest, too, if a part fails
            stack.callback(self._folder.cleanup)
            stack.callback(self._thread.close)
            stack.callback(self._handlers.stop)
            stack.callback(self._pull_queues.stop)
            self._thread.run_alone(self._engine.stop())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._thread.run(work)

    def _move(self, work: Coroutine[Any, Any, T]) -> T:
        if self._thread.is_waiting:
            work.close()
            raise RuntimeError("a handler cannot move the time that its own request takes")
        return self._thread.run(work)

    def _fault(
        self,
        handler: str,
        kind: FaultKind,
        times: int | None,
        during: timedelta | str | None,
        status: int = 503,
    ) -> None:
        until_us = None
        if during is not None:
            until_us = self._clock.now_us() + _span(during) // timedelta(microseconds=1)
        elif times is None:
            times = 1
        self._handlers.add_fault(self._handler(handler).key, Fault(kind, times, until_us, status))

    def _check_payload(self, queue: str, schema: str | None, body: bytes) -> None:
        problem = payload_problem(self._root, schema, body)
        if problem is not None:
            raise TargetError(
                f"the payload is not one for queue `{queue}`: {problem}",
                hint=f"its schema is `{schema}`",
            )

    async def _find(self, name: str) -> TaskMessage:
        return await self._engine.task(name)

    def _apis(self, handler: HandlerPlan) -> OwnApis:
        """Listen for the calls of a handler, which is known by its account."""
        if handler.member is None:
            return OwnApis()
        tasks = self._run(self._engine.listen(handler.member))
        return OwnApis(tasks, self._pull_queues.address(handler))

    def _push_queue(self, key: str) -> QueuePlan:
        plan = self.blueprint.queues.get(key)
        if plan is None:
            if key in self.blueprint.pull_queues:
                raise TargetError(
                    f"queue `{key}` is a pull queue: nothing dispatches its tasks",
                    hint=f'take them as its worker does: `env.pull("{key}")`',
                )
            raise _unknown("queue", key, [*self.blueprint.queues, *self.blueprint.pull_queues])
        return plan

    def _handler(self, key: str) -> HandlerPlan:
        plan = self.blueprint.handlers.get(key)
        if plan is None:
            raise _unknown("handler", key, list(self.blueprint.handlers))
        return plan


def _unknown(what: str, key: str, known: list[str]) -> TargetError:
    near = get_close_matches(key, known, 1)
    hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(known) or 'none'}"
    return TargetError(f"there is no {what} `{key}`", hint=hint)


def _span(span: timedelta | str | float) -> timedelta:
    """Return a span of time, which may be a text such as `10m`, or a number of seconds."""
    if isinstance(span, timedelta):
        return span
    if isinstance(span, int | float):
        return timedelta(seconds=span)
    return timedelta(microseconds=parse_us(span))
