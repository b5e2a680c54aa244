"""The handlers of a tested environment: who answers a request, and with which faults."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Final, TypeVar

from queuewright.blueprint import Blueprint, HandlerPlan
from queuewright.cloud_tasks.headers import APP_ENGINE_PREFIX, CLOUD_TASKS_PREFIX
from queuewright.engine import Answer, ManualClock, NoAnswerError, OutgoingRequest
from queuewright.engine.protocol import Task as TaskMessage
from queuewright.errors import TargetError
from queuewright.local.handlers.included import IncludedCode
from queuewright.local.handlers.runtime_library import with_runtime
from queuewright.local.handlers.variables import TasksApi, variables
from queuewright.testing.attempts import Recorder
from queuewright.testing.dead_letters import dead_task
from queuewright.testing.faults import Fault, Faults
from queuewright.testing.handler_time import HandlerTime
from queuewright.testing.handlers.application import (
    Application,
    application,
    named_application,
    unserved,
)
from queuewright.testing.handlers.instance import Instance
from queuewright.testing.loop_thread import GivenUpError, HandoverThread
from queuewright.testing.reply import Reply
from queuewright.testing.tasks import TaskRequest, task_request

T = TypeVar("T")

StandIn = Callable[[TaskRequest], int | None]
"""Takes the place of a handler's code. Returns the HTTP code; None is 200."""

_PORT: Final = 8080
"""What a container is told to listen on; nothing listens here."""
_NO_TIMEOUT: Final = timedelta(minutes=10)
"""How long a request may take at a handler whose `timeout` the blueprint does not know. The
dispatch deadline of a task ends it, at the latest."""


@dataclass(frozen=True)
class OwnApis:
    """The ports on which one handler is known as the caller."""

    tasks: TasksApi | None = None
    pubsub: str | None = None
    """`host:port`."""


@dataclass
class _Handler:
    plan: HandlerPlan
    faults: Faults = field(default_factory=Faults)
    changed: dict[str, str | None] = field(default_factory=dict)
    """Variables that the test has set; None: removed."""
    stand_in: StandIn | None = None
    application: Application | None = None
    """What the test has named instead of the plan's command."""
    instance: Instance | None = None


class Handlers:
    """The handlers. The engine's sender: every request goes through `answer`.

    Args:
        blueprint: what is tested.
        root: the project's folder.
        clock: the engine's.
        thread: the engine's; the waiting thread calls the handlers.
        recorder: records the attempts.
        apis: opens a handler's own way to Cloud Tasks and Pub/Sub.
        find: returns a task by its full name.
        folder: a folder for links to what handlers include.
    """

    def __init__(
        self,
        blueprint: Blueprint,
        root: Path,
        clock: ManualClock,
        thread: HandoverThread,
        recorder: Recorder,
        apis: Callable[[HandlerPlan], OwnApis],
        find: Callable[[str], Awaitable[TaskMessage]],
        folder: Path,
    ) -> None:
        self._blueprint = blueprint
        self._root = root
        self._clock = clock
        self._time = HandlerTime(clock)
        self._thread = thread
        self._recorder = recorder
        self._apis = apis
        self._find = find
        self._included = IncludedCode(folder)
        self._known_apis: dict[str, OwnApis] = {}
        self._queues = {plan.queue_id: plan for plan in blueprint.queues.values()}
        self._handlers = {key: _Handler(plan) for key, plan in blueprint.handlers.items()}

    # For tests

    def add_fault(self, key: str, fault: Fault) -> None:
        """Let a fault happen to the next requests of a handler."""
        self._handlers[key].faults.add(fault)

    def replace(self, key: str, stand_in: StandIn) -> None:
        """Let a function answer instead of a handler's code."""
        self._handlers[key].stand_in = stand_in

    def serve(self, key: str, text: str) -> None:
        """Let the application that `text` names answer, whatever the handler's command is.

        Raises:
            TargetError: the text names none, or the handler has no folder.
        """
        handler = self._handlers[key]
        handler.application = named_application(handler.plan, self._root, text)
        self.restart(key)

    def set_variables(self, key: str, changed: Mapping[str, str | None]) -> None:
        """Give a new instance of a handler other variables; None removes one."""
        self._handlers[key].changed.update(changed)
        self.restart(key)

    def restart(self, key: str) -> None:
        """End a handler's instance; the next request starts a new one."""
        handler = self._handlers[key]
        instance, handler.instance = handler.instance, None
        if instance is not None:
            instance.close()

    def module(self, key: str, name: str) -> ModuleType:
        """Return a module of a handler, as its instance has imported it.

        Raises:
            TargetError: it cannot be imported.
        """
        handler = self._handlers[key]
        if handler.instance is None and not self._is_served(handler):
            # Its code can still be tested, function by function.
            handler.instance = self._started(handler, unserved(handler.plan, self._root))
        return self._instance(handler).module(name)

    def stop(self) -> None:
        """End all instances."""
        for key in self._handlers:
            self.restart(key)

    # For the engine

    def answer(self, request: OutgoingRequest) -> Answer | Awaitable[Answer]:
        """Return the answer to a request, or what to await for it."""
        delivery = self._delivery(request)
        self._recorder.asked(delivery.queue, delivery.task, delivery.number, request)
        fault = delivery.handler.faults.take(self._clock.now_us())
        if fault is None:
            return self._called(delivery)
        match fault.kind:
            case "fail":
                return self._spoilt(
                    delivery, fault.status, f"the test lets it fail: {fault.status}"
                )
            case "crash":
                return self._crashed(delivery)
            case "time_out":
                return self._timed_out(delivery)
            case "lose_answer":
                return self._lost(delivery)
            case "repeat":
                return self._repeated(delivery)

    async def send(self, request: OutgoingRequest) -> Answer:
        """Return the answer to a request."""
        answer = self.answer(request)
        return answer if isinstance(answer, Answer) else await answer

    async def close(self) -> None:
        """Do nothing: there are no connections."""

    def _delivery(self, request: OutgoingRequest) -> _Delivery:
        """Return whose request it is, from the headers that every attempt has."""
        facts = {
            name.removeprefix(prefix): value
            for prefix in (CLOUD_TASKS_PREFIX, APP_ENGINE_PREFIX)
            for name, value in request.headers
            if name.startswith(prefix)
        }
        plan = self._queues[facts["QueueName"]]
        number = int(facts["TaskRetryCount"]) + 1
        handler = self._handlers[plan.handler]
        return _Delivery(handler, plan.key, facts["TaskName"], number, request)

    async def _called(self, delivery: _Delivery) -> Answer:
        reply = await self._handled(delivery)
        return Answer(reply.status, reply.retry_after)

    async def _handled(self, delivery: _Delivery) -> Reply:
        """Return the handler's reply, recorded with what became of the task."""
        reply = await self._handed(partial(self._reply, delivery))
        attempt = delivery.queue, delivery.task, delivery.number
        self._recorder.answered(*attempt, reply)
        for name in self._recorder.new_letters():
            letter = dead_task(delivery.queue, await self._find(name))
            if letter.id == delivery.task:
                self._recorder.buried(*attempt, letter)
        return reply

    def _spoilt(self, delivery: _Delivery, status: int, reason: str) -> Answer:
        self._recorder.failed(delivery.queue, delivery.task, delivery.number, reason)
        return Answer(status)

    async def _crashed(self, delivery: _Delivery) -> Answer:
        # Cloud Run answers 503 for an instance that ends during a request:
        # https://cloud.google.com/run/docs/troubleshooting#503.
        await self._handed(partial(self.restart, delivery.handler.plan.key))
        return self._spoilt(delivery, 503, "the test lets its instance crash")

    async def _timed_out(self, delivery: _Delivery) -> Answer:
        runtime = delivery.handler.plan.runtime
        timeout = runtime.timeout if runtime is not None else _NO_TIMEOUT
        reason = "the test lets it take longer than its timeout"
        self._recorder.failed(delivery.queue, delivery.task, delivery.number, reason)
        await self._clock.sleep(timeout)
        return Answer(504)

    async def _lost(self, delivery: _Delivery) -> Answer:
        reply = await self._handled(delivery)
        return self._spoilt(delivery, 503, f"the test loses its answer, {reply.status}")

    async def _repeated(self, delivery: _Delivery) -> Answer:
        await self._handled(delivery)
        return await self._called(delivery)

    async def _handed(self, function: Callable[[], T]) -> T:
        """Have a function called by the thread that waits, where its exceptions are raised.

        Raises:
            NoAnswerError: it raised an exception.
        """
        try:
            return await self._thread.hand_over(function)
        except GivenUpError as error:
            raise NoAnswerError(str(error)) from error

    def _reply(self, delivery: _Delivery) -> Reply:
        """Let the handler answer. Runs in the thread that waits."""
        handler = delivery.handler
        if handler.stand_in is None:
            if handler.instance is not None and not handler.instance.is_served:
                self.restart(handler.plan.key)
            request = self._time.seen_by_handler(delivery.request)
            try:
                return self._instance(handler).call(request)
            except SystemExit as error:  # as for `crash`: the instance ends during the request
                self.restart(handler.plan.key)
                return Reply(503, error=error)
        asked = task_request(delivery.request, delivery.queue, delivery.task, delivery.number)
        try:
            status = handler.stand_in(asked)
        except AssertionError:
            raise  # a claim of the test
        except Exception as error:
            return Reply(500, error=error)
        if status is not None and not isinstance(status, int):
            key = handler.plan.key
            raise TypeError(f"the stand-in of `{key}` returned {status!r}; return an HTTP code")
        return Reply(200 if status is None else status)

    def _is_served(self, handler: _Handler) -> bool:
        try:
            self._application(handler)
        except TargetError:
            return False
        return True

    def _application(self, handler: _Handler) -> Application:
        return handler.application or application(handler.plan, self._root)

    def _instance(self, handler: _Handler) -> Instance:
        if handler.instance is None:
            handler.instance = self._started(handler, self._application(handler))
        return handler.instance

    def _started(self, handler: _Handler, wanted: Application) -> Instance:
        plan = handler.plan
        apis = self._known_apis.get(plan.key)
        if apis is None:
            apis = self._known_apis[plan.key] = self._apis(plan)
        included = self._included.search_path(plan.key, wanted.beside)
        found = variables(
            plan,
            self._blueprint,
            port=_PORT,
            tasks=apis.tasks,
            pubsub=apis.pubsub,
            image=wanted.environment,
            shell=os.environ,
            search_path=included,
        )
        if plan.keeps_dead_letters:
            found = with_runtime(found)
        changed = {**found, **handler.changed}
        kept = {name: value for name, value in changed.items() if value is not None}
        return Instance(plan.key, wanted, kept, included)


@dataclass(frozen=True)
class _Delivery:
    """A request, and the attempt that it belongs to."""

    handler: _Handler
    queue: str
    """The queue's key."""
    task: str
    number: int
    request: OutgoingRequest
