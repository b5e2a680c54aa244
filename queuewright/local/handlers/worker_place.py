"""The place of a worker that runs here: processes that poll pull queues."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Self

from queuewright.blueprint import Blueprint, HandlerPlan, WorkerPlan
from queuewright.errors import TargetError
from queuewright.local.handlers.code import check_code, code_folders, code_version
from queuewright.local.handlers.command import Command, how_it_runs
from queuewright.local.handlers.context import HandlerContext
from queuewright.local.handlers.outcome import show_outcome
from queuewright.local.handlers.own_apis import tasks_api
from queuewright.local.handlers.place import HandlerPlace
from queuewright.local.handlers.runtime_library import with_runtime
from queuewright.local.handlers.variables import TasksApi, variables
from queuewright.local.handlers.virtual_environments import our_interpreter
from queuewright.local.handlers.worker_processes import WorkerProcesses, WorkerRecipe
from queuewright.local.processes.background import cancel


class WorkerPlace(HandlerPlace):
    """The worker runs here, in one or more processes. Nothing is sent to it."""

    def __init__(
        self,
        context: HandlerContext,
        plan: HandlerPlan,
        command: Command,
        tasks: TasksApi | None,
    ) -> None:
        super().__init__(plan, context.story())
        self.tasks = tasks
        """Its own way to Cloud Tasks."""
        self.processes = WorkerProcesses(
            plan.key, context.groups, context.background, context.console, story=self.story
        )
        self._context = context
        self._command = command
        self._reloading: asyncio.Task[None] | None = None
        self._queues: list[str] = []

    @classmethod
    @asynccontextmanager
    async def open(
        cls, context: HandlerContext, plan: HandlerPlan, command: Command, blueprint: Blueprint
    ) -> AsyncIterator[Self]:
        """Make its place; it starts with `serve`, and is stopped when the block ends."""
        async with tasks_api(context, plan) as tasks:
            place = cls(context, plan, command, tasks)
            place.admit(blueprint)
            try:
                yield place
            finally:
                await place._stop()

    @property
    def address(self) -> None:
        """Nothing is sent to a worker."""
        return None

    @property
    def runs(self) -> str:
        """The folder of its code."""
        return self.plan.source or "local.command"

    @property
    def shown_address(self) -> str:
        """What it polls."""
        return f"polls {', '.join(self._queues)}" if self._queues else "polls nothing"

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folder of its code, and what it includes."""
        return code_folders(self._context, self.plan)

    @property
    def has_served(self) -> bool:
        """Whether its processes have ever begun."""
        return self.processes.has_begun

    def admit(self, blueprint: Blueprint) -> None:
        """Know the queues that it polls."""
        queues = blueprint.pull_queues.values()
        self._queues = [each.queue_id for each in queues if each.worker == self.plan.key]

    async def serve(self, blueprint: Blueprint) -> None:
        """Start its processes, or replace the running ones.

        Raises:
            TargetError: a new process failed. The running ones stay.
                A `MissingProgramError` if its program does not exist.
        """
        self._context.warn_of_secrets(self.plan)
        try:
            version = await asyncio.to_thread(code_version, self._context, self.plan)
            await self.processes.start(self._recipe(self._command, blueprint))
        except TargetError as error:
            self.story.failed(error)
            raise
        self.story.serves(version)

    def reload(self, blueprint: Blueprint, reason: str) -> None:
        """Begin to replace its processes with those of the files as they are now."""
        if self._reloading is not None:
            self._reloading.cancel()  # the files have changed again before it was done
        self._reloading = self._context.background.start(
            self.plan.key, "reloading", partial(self._reload, blueprint, reason)
        )

    async def change(self, plan: HandlerPlan, command: Command, blueprint: Blueprint) -> None:
        """Follow another plan from now on.

        Raises:
            TargetError: a new process failed; the place stays as it was.
        """
        before = self.plan, self._command
        self.plan, self._command = plan, command
        try:
            await self.serve(blueprint)
        except TargetError:
            self.plan, self._command = before
            raise

    async def _reload(self, blueprint: Blueprint, reason: str) -> None:
        self._context.console.say(self.plan.key, f"{reason}: reloading")
        await show_outcome(
            self._context,
            self.plan.key,
            self._serve_again(blueprint),
            has_served=lambda: self.has_served,
            still="still running the previous version",
            begun="it takes its waiting tasks",
        )

    async def _serve_again(self, blueprint: Blueprint) -> None:
        # A link out of the project is refused before code runs.
        await asyncio.to_thread(check_code, self._context, self.plan)
        how = how_it_runs(self.plan, self._context.root)
        if isinstance(how, Command):
            self._command = how
        await self.serve(blueprint)

    async def _stop(self) -> None:
        await cancel(*filter(None, (self._reloading,)))
        await self.processes.stop()

    def _recipe(self, command: Command, blueprint: Blueprint) -> WorkerRecipe:
        plan, context = self.plan, self._context

        async def interpreter() -> Path:
            if command.requirements is None:
                return our_interpreter()
            return await context.virtual_environments.interpreter(
                plan.key, command.requirements, command.needs
            )

        def environment(pubsub: str | None) -> Mapping[str, str]:
            own = variables(
                plan,
                blueprint,
                port=None,
                tasks=self.tasks,
                pubsub=pubsub,
                image=command.environment,
                search_path=context.included.search_path(plan.key, command.beside),
                shell=context.shell,
            )
            return with_runtime(own) if command.requirements is None else own

        return WorkerRecipe(
            command,
            plan.target.instances.min if isinstance(plan.target, WorkerPlan) else 1,
            interpreter,
            lambda name: context.pull_queues.listener(name, plan.member),
            environment,
        )
