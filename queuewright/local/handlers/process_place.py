"""The place of a handler that runs here as a process, behind a front door."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Self

from queuewright.blueprint import Blueprint, HandlerPlan
from queuewright.errors import TargetError
from queuewright.local.door.front_door import FrontDoor
from queuewright.local.handlers.code import check_code, code_folders, code_version
from queuewright.local.handlers.command import Command, how_it_runs
from queuewright.local.handlers.context import HandlerContext
from queuewright.local.handlers.door_place import DoorPlace, front_door, limits
from queuewright.local.handlers.handler_process import HandlerProcess, Recipe
from queuewright.local.handlers.outcome import show_outcome
from queuewright.local.handlers.own_apis import PublishingApi, tasks_api
from queuewright.local.handlers.runtime_library import with_runtime
from queuewright.local.handlers.variables import TasksApi, variables
from queuewright.local.handlers.virtual_environments import our_interpreter
from queuewright.local.processes.background import cancel


class ProcessPlace(DoorPlace):
    """The handler runs here, as a process behind a front door."""

    def __init__(
        self,
        context: HandlerContext,
        plan: HandlerPlan,
        command: Command,
        door: FrontDoor,
        tasks: TasksApi | None,
    ) -> None:
        super().__init__(context, plan, door)
        self.tasks = tasks
        """Its own way to Cloud Tasks; None for the stand-in of somebody else's endpoint."""
        self._pubsub = PublishingApi(context, plan)
        self.process = HandlerProcess(
            plan.key,
            door,
            context.groups,
            context.background,
            context.console,
            on_line=partial(context.in_progress.printed, plan.key),
            patience_s=context.patience_s,
            story=self.story,
        )
        self._command = command
        self._starting: asyncio.Task[None] | None = None
        """Its first start, if that was late."""
        self._reloading: asyncio.Task[None] | None = None

    @classmethod
    @asynccontextmanager
    async def open(
        cls, context: HandlerContext, plan: HandlerPlan, command: Command, blueprint: Blueprint
    ) -> AsyncIterator[Self]:
        """Listen for the handler's tasks, which wait until `serve`; stop it when the block ends."""
        async with front_door(context, plan) as door, tasks_api(context, plan) as tasks:
            place = cls(context, plan, command, door, tasks)
            place.admit(blueprint)
            try:
                yield place
            finally:
                await place._stop()

    @property
    def runs(self) -> str:
        """The folder of its code."""
        return self.plan.source or "local.command"

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folder of its code, and what it includes."""
        return code_folders(self._context, self.plan)

    @property
    def has_served(self) -> bool:
        """Whether a process of it has ever served."""
        return self.process.has_served

    async def serve(self, blueprint: Blueprint) -> None:
        """Start its process, or replace the running one.

        Raises:
            TargetError: the new process does not serve. The running one stays.
                A `MissingProgramError` if its program does not exist.
        """
        self._context.warn_of_secrets(self.plan)
        await self._pubsub.open()
        try:
            version = await asyncio.to_thread(code_version, self._context, self.plan)
            await self.process.start(self._recipe(self._command, blueprint))
        except TargetError as error:
            self.story.failed(error)
            raise
        self.story.serves(version)

    async def late(self) -> None:
        """Return when its process takes so long to serve that nothing else should wait for it."""
        await self.process.late.wait()

    def start_later(self, start: asyncio.Task[None]) -> None:
        """Wait for its start in the background, until its files change."""
        self._starting = start
        self._reloading = self._context.background.start(
            self.plan.key, "starting", partial(self._report, start)
        )

    def reload(self, blueprint: Blueprint, reason: str) -> None:
        """Begin to replace its process with one of the files as they are now."""
        for begun in filter(None, (self._starting, self._reloading)):
            begun.cancel()  # the files have changed again before it was done
        self._reloading = self._context.background.start(
            self.plan.key, "reloading", partial(self._reload, blueprint, reason)
        )

    async def change(self, plan: HandlerPlan, command: Command, blueprint: Blueprint) -> None:
        """Follow another plan from now on.

        Raises:
            TargetError: its process does not serve; the place stays as it was.
        """
        if self._starting is not None:
            await cancel(self._starting)
        before = self.plan, self._command
        self._follow(plan, command)
        try:
            await self.serve(blueprint)
        except TargetError:
            self._follow(*before)
            raise

    def _follow(self, plan: HandlerPlan, command: Command) -> None:
        self.plan, self._command = plan, command
        self.door.limit(limits(plan))

    async def _reload(self, blueprint: Blueprint, reason: str) -> None:
        self._context.console.say(self.plan.key, f"{reason}: reloading")
        await self._report(self._serve_again(blueprint))

    async def _serve_again(self, blueprint: Blueprint) -> None:
        # A link out of the project is refused before code runs.
        await asyncio.to_thread(check_code, self._context, self.plan)
        how = how_it_runs(self.plan, self._context.root)
        if isinstance(how, Command):
            self._command = how
        await self.serve(blueprint)

    async def _report(self, start: Awaitable[None]) -> None:
        """Wait for a start, and show its outcome."""
        await show_outcome(
            self._context,
            self.plan.key,
            start,
            has_served=lambda: self.has_served,
            still="still serving the previous version",
            begun="its waiting tasks are dispatched",
        )

    async def _stop(self) -> None:
        await cancel(*filter(None, (self._starting, self._reloading)))
        await self.process.stop()
        await self._pubsub.close()

    def _recipe(self, command: Command, blueprint: Blueprint) -> Recipe:
        plan, context = self.plan, self._context

        async def interpreter() -> Path:
            if command.requirements is None:
                return our_interpreter()
            return await context.virtual_environments.interpreter(
                plan.key, command.requirements, command.needs
            )

        def environment(port: int) -> Mapping[str, str]:
            own = variables(
                plan,
                blueprint,
                port=port,
                tasks=self.tasks,
                pubsub=self._pubsub.address,
                image=command.environment,
                search_path=context.included.search_path(plan.key, command.beside),
                shell=context.shell,
            )
            # An image installs the library itself; any other package has it.
            is_packaged = plan.runtime_name is not None or command.requirements is None
            return with_runtime(own) if plan.keeps_dead_letters and is_packaged else own

        return Recipe(command, interpreter, environment)
