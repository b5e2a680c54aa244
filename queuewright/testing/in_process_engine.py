"""The engine of a tested environment, in which tasks are dispatched only while time passes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Self

from queuewright.blueprint import Blueprint, GuardedKind, HandlerPlan, QueuePlan, UrlPlan
from queuewright.cloud_tasks.limits import MAX_TASKS_PER_PAGE
from queuewright.dead_letters import replayed
from queuewright.engine import (
    DEVELOPER,
    PROGRAM,
    Caller,
    Engine,
    ManualClock,
    Sender,
    Settings,
)
from queuewright.engine.protocol import (
    CreateTaskRequest,
    DeleteTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    SetIamPolicyRequest,
    Task,
)
from queuewright.errors import TargetError
from queuewright.local.door.listener import HOST
from queuewright.local.handlers.variables import TasksApi
from queuewright.local.queues.denials import explanation
from queuewright.local.queues.planned import Address, queue_message, queue_policy
from queuewright.testing.attempts import Recorder
from queuewright.testing.tokens import UnsignedTokens

_FULL: Final = 2  # Task.View.FULL
_UNTIL_IT_ANSWERS: Final = timedelta(days=1)
"""The engine's patience: the thread that waits for the engine calls the handler, so time stands
still for as long as a handler takes."""


class InProcessEngine:
    """An engine with the queues of a blueprint. Its methods run on the engine's loop.

    Made by `InProcessEngine.started`.
    """

    def __init__(
        self, blueprint: Blueprint, clock: ManualClock, recorder: Recorder, sender: Sender
    ) -> None:
        self._blueprint = blueprint
        self._clock = clock
        self._recorder = recorder
        self._names = [plan.name for plan in blueprint.queues.values()]
        """The queues that dispatch; those with dead letters are paused."""

        def explain(principal: str, permission: str, resource: str) -> str | None:
            return explanation(blueprint, principal, permission, resource)

        self._engine = Engine(
            clock=clock,
            settings=Settings(
                patience=_UNTIL_IT_ANSWERS,
                stop_grace=timedelta(0),
                explain_denial=explain,
                app_engine_url=lambda service, *_: f"http://{service or 'default'}.app-engine.test",
            ),
            signer=UnsignedTokens(),
            on_event=recorder.note,
            seed=1,
            sender=sender,
        )

    @classmethod
    async def started(
        cls, blueprint: Blueprint, clock: ManualClock, recorder: Recorder, sender: Sender
    ) -> Self:
        """Start an engine, and declare the blueprint's queues."""
        running = cls(blueprint, clock, recorder, sender)
        await running._begin()
        return running

    async def _begin(self) -> None:
        engine, blueprint = self._engine, self._blueprint
        engine.hold_queues(self._names)
        await engine.start()
        addresses = {key: _address(plan) for key, plan in blueprint.handlers.items()}
        queues: list[tuple[QueuePlan | None, GuardedKind]] = []
        for plan in blueprint.queues.values():
            queues += [(plan, "queue"), (plan.dead_queue, "dead_letter_queue")]
        for queue, kind in queues:
            if queue is not None:
                await engine.declare_queue(queue_message(queue, blueprint, addresses))
                policy = queue_policy(blueprint.grants, queue.key, kind)
                request = SetIamPolicyRequest(resource=queue.name, policy=policy)
                await engine.service.set_iam_policy(request, PROGRAM)

    async def create(self, queue: str, task: Task) -> Task:
        """Add a task to a queue, given by its full name.

        Raises:
            Refusal: Cloud Tasks would refuse it.
        """
        request = CreateTaskRequest(parent=queue, task=task)
        return await self._engine.service.create_task(request, DEVELOPER)

    async def task(self, name: str) -> Task:
        """Return a task by its full name.

        Raises:
            Refusal: NOT_FOUND.
        """
        request = GetTaskRequest(name=name, response_view=_FULL)
        return await self._engine.service.get_task(request, DEVELOPER)

    async def tasks(self, queue: str) -> list[Task]:
        """Return the tasks of a queue, given by its full name, the oldest first."""
        found: list[Task] = []
        token = ""
        while True:
            request = ListTasksRequest(
                parent=queue,
                response_view=_FULL,
                page_size=MAX_TASKS_PER_PAGE,
                page_token=token,
            )
            page = await self._engine.service.list_tasks(request, DEVELOPER)
            found.extend(page.tasks)
            token = page.next_page_token
            if not token:
                return found

    async def letters(self, plan: QueuePlan) -> list[Task]:
        """Return the dead letters of a queue, in the order they died.

        Raises:
            TargetError: it keeps none.
        """
        if plan.dead_letters is None:
            raise TargetError(
                f"queue `{plan.key}` keeps no dead letters",
                hint=f"write `dead_letters: true` in `queues.{plan.key}` ({plan.reason.location})",
            )
        return await self.tasks(plan.dead_letters.name)

    async def replay(self, plan: QueuePlan) -> int:
        """Add the dead letters of a queue to it again; return how many there were.

        Raises:
            TargetError: it keeps none.
        """
        letters = await self.letters(plan)
        for letter in letters:
            await self.create(plan.name, replayed(letter, plan.name))
            request = DeleteTaskRequest(name=letter.name)
            await self._engine.service.delete_task(request, DEVELOPER)
        return len(letters)

    async def listen(self, member: str) -> TasksApi:
        """Listen for the calls of a member, such as `serviceAccount:…`."""
        caller = Caller(member)
        grpc_port = await self._engine.serve_grpc(HOST, 0, caller=caller)
        return TasksApi(grpc_port, await self._engine.serve_http(HOST, 0, caller=caller))

    async def advance(self, span: timedelta) -> None:
        """Let time pass; everything that is due on the way happens."""
        self._engine.hold_queues(())
        try:
            await self._engine.advance(span)
        finally:
            self._engine.hold_queues(self._names)

    async def drain(self, until: datetime, most: int) -> bool:
        """Let time pass until no task is left to be dispatched.

        Returns:
            False if there still is one at `until`, or after `most` attempts.
        """
        engine, clock = self._engine, self._clock
        begun = len(self._recorder)
        engine.hold_queues(())
        try:
            await engine.advance(timedelta(0))
            while not engine.is_drained:
                wait = self._to_the_next()
                if wait is None or clock.now() + wait > until:
                    return False
                if len(self._recorder) - begun >= most:
                    return False
                await engine.advance(wait)
            return True
        finally:
            engine.hold_queues(self._names)

    def _to_the_next(self) -> timedelta | None:
        """How long it is until something is due."""
        next_us = self._clock.next_us()
        if next_us is None:
            return None
        return timedelta(microseconds=max(0, next_us - self._clock.now_us()))

    async def stop(self) -> None:
        """Stop the engine."""
        await self._engine.stop()


def _address(handler: HandlerPlan) -> Address:
    """Where a handler's tasks seem to go; in fact they are handed over by their queue."""
    if isinstance(handler.target, UrlPlan):
        return Address(handler.target.url, is_its_own=False)
    return Address(f"https://{handler.name}.handlers.test", is_its_own=False)
