"""All handlers of an environment: opened together, changed with the blueprint, closed together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
)
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Self

from queuewright.blueprint import AppEnginePlan, Blueprint, HandlerPlan
from queuewright.errors import TargetError
from queuewright.local.handlers.command import Caught, Command, Elsewhere, how_it_runs
from queuewright.local.handlers.context import HandlerContext
from queuewright.local.handlers.door_place import ForwardingPlace
from queuewright.local.handlers.outcome import TASKS_WAIT
from queuewright.local.handlers.place import (
    CaughtPlace,
    DirectPlace,
    HandlerPlace,
)
from queuewright.local.handlers.process_place import ProcessPlace
from queuewright.local.handlers.worker_place import WorkerPlace
from queuewright.local.processes.background import cancel
from queuewright.local.queues.planned import Address

HowItRuns = Command | Elsewhere | Caught


class Handlers:
    """The handlers of an environment, each at its place. Made by `Handlers.opened`."""

    def __init__(self, context: HandlerContext) -> None:
        self.places: dict[str, HandlerPlace] = {}
        self._context = context
        self._open: dict[str, AsyncExitStack] = {}
        self._behind: set[str] = set()
        """The handlers that do not follow the blueprint."""

    @classmethod
    @asynccontextmanager
    async def opened(cls, context: HandlerContext, blueprint: Blueprint) -> AsyncIterator[Self]:
        """Give every handler its place; tasks wait until `serve`.

        Raises:
            TargetError: every handler that cannot run here.
        """
        handlers = cls(context)
        wanted = handlers._wanted(blueprint)
        try:
            for key, how in wanted.items():
                await handlers._add(blueprint.handlers[key], how, blueprint)
            yield handlers
        finally:
            failed = await _failures({key: handlers._remove(key) for key in handlers.places})
            _raise_all(list(failed.values()))

    @property
    def addresses(self) -> dict[str, Address]:
        """Where the tasks of each handler go, but for workers."""
        places = {key: place.address for key, place in self.places.items()}
        return {key: address for key, address in places.items() if address is not None}

    @property
    def app_engine_urls(self) -> dict[str, str]:
        """The URL of each App Engine service: one version of it runs here, in one instance."""
        return {
            place.plan.target.service: place.app_engine_url
            for place in self.places.values()
            if isinstance(place.plan.target, AppEnginePlan)
        }

    @property
    def folders(self) -> Mapping[str, Sequence[Path]]:
        """The folders and files of the handlers that run here."""
        places = {key: place.folders for key, place in self.places.items()}
        return {key: folders for key, folders in places.items() if folders}

    async def serve(self, blueprint: Blueprint, *, holds: bool) -> None:
        """Start every handler, all at the same time.

        Args:
            blueprint: the blueprint that they follow.
            holds: one that does not serve waits for an edit, and its tasks with it; one that takes
                long goes on starting in the background.

        Raises:
            TargetError: every handler that does not serve, unless `holds`.
        """
        starts = {
            key: self._done_or_late(place, blueprint) if holds else place.serve(blueprint)
            for key, place in self.places.items()
        }
        failed = await _failures(starts)
        if not holds:
            _raise_all(list(failed.values()))
        for key, error in failed.items():
            self._hold(key, error)

    def reload(self, key: str, blueprint: Blueprint, reason: str) -> None:
        """Begin to serve a handler's files as they are now; the console shows the outcome."""
        if key in self.places:
            self.places[key].reload(blueprint, reason)

    async def change(self, blueprint: Blueprint) -> bool:
        """Follow another blueprint: only handlers that differ are touched.

        Returns:
            Whether every handler follows it. The console names each that does not, and stays as
            it was.
        """
        for key in self.places.keys() - blueprint.handlers.keys():
            await self._remove(key)
            self._context.held.release(key)
            self._context.console.say(key, "removed")
        behind = set()
        for key, plan in blueprint.handlers.items():
            try:
                await self._change(plan, how_it_runs(plan, self._context.root), blueprint)
            except TargetError as error:
                if key in self.places and not self.places[key].has_served:
                    self._hold(key, error)
                else:
                    self._context.console.fail(key, str(error), error.output)
                behind.add(key)
        for place in self.places.values():
            place.admit(blueprint)
        self._behind = behind - set(self._context.held.handlers)
        return not behind

    async def _change(self, plan: HandlerPlan, how: HowItRuns, blueprint: Blueprint) -> None:
        say, place = self._context.console.say, self.places.get(plan.key)
        change = None if place is None else _change(place, plan, how, blueprint)
        if place is None or change is None:
            if place is not None:
                await self._remove(plan.key)
                say(plan.key, "removed")
            self._context.console.introduce(plan.key)
            await self._add(plan, how, blueprint)
            await self.places[plan.key].serve(blueprint)
            self._context.held.release(plan.key)
            say(plan.key, "added")
        elif self._is_behind(plan.key) or not _is_same(place.plan, plan):
            await change()
            self._context.held.release(plan.key)
            say(plan.key, "now runs with its new settings")

    async def _done_or_late(self, place: HandlerPlace, blueprint: Blueprint) -> None:
        """Start a handler; return when it serves, or holds up the others for too long."""
        key = place.plan.key
        start = asyncio.create_task(place.serve(blueprint))
        late = asyncio.create_task(place.late())
        try:
            await asyncio.wait((start, late), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await cancel(start)
            raise
        finally:
            late.cancel()
        if start.done():
            await start
            return
        self._context.held.hold(key)
        self._context.console.say(key, "has not started yet: its tasks wait", "warning")
        place.start_later(start)

    def _is_behind(self, key: str) -> bool:
        return key in self._behind or key in self._context.held

    def _hold(self, key: str, error: TargetError) -> None:
        """Make the tasks wait for a handler that has not started."""
        self._context.held.hold(key)
        self._context.console.fail(key, f"{error}\n{TASKS_WAIT}", error.output)

    async def _add(self, plan: HandlerPlan, how: HowItRuns, blueprint: Blueprint) -> None:
        async with AsyncExitStack() as stack:
            place = await stack.enter_async_context(_place(self._context, plan, how, blueprint))
            self.places[plan.key], self._open[plan.key] = place, stack.pop_all()

    async def _remove(self, key: str) -> None:
        del self.places[key]
        await self._open.pop(key).aclose()

    def _wanted(self, blueprint: Blueprint) -> dict[str, HowItRuns]:
        """How each handler runs."""
        found: dict[str, HowItRuns] = {}
        errors = []
        for key, plan in blueprint.handlers.items():
            try:
                found[key] = how_it_runs(plan, self._context.root)
            except TargetError as error:
                errors.append(error)
        _raise_all(errors)
        return found


def _place(
    context: HandlerContext, plan: HandlerPlan, how: HowItRuns, blueprint: Blueprint
) -> AbstractAsyncContextManager[HandlerPlace]:
    """The place for a handler that runs like this."""
    match how:
        case Command() if plan.kind == "worker":
            return WorkerPlace.open(context, plan, how, blueprint)
        case Command():
            return ProcessPlace.open(context, plan, how, blueprint)
        case Caught():
            return CaughtPlace.open(context, plan, how, blueprint)
        case Elsewhere():
            if plan.kind == "url":
                return nullcontext(DirectPlace(context, plan, how))
            return ForwardingPlace.open(context, plan, how, blueprint)


def _change(
    place: HandlerPlace, plan: HandlerPlan, how: HowItRuns, blueprint: Blueprint
) -> Callable[[], Coroutine[None, None, None]] | None:
    """What makes a place follow another plan; None if the plan needs a place of another kind."""
    if place.plan.kind != plan.kind:
        return None
    match place, how:
        case ProcessPlace(), Command() if place.plan.member == plan.member:
            return partial(place.change, plan, how, blueprint)
        case WorkerPlace(), Command() if place.plan.member == plan.member:
            return partial(place.change, plan, how, blueprint)
        case ForwardingPlace(), Elsewhere():
            return partial(place.change, plan, how, blueprint)
        case DirectPlace(), Elsewhere():
            return partial(place.change, plan, how)
        case CaughtPlace(), Caught():
            return partial(place.change, plan, how, blueprint)
    return None


def _is_same(before: HandlerPlan, after: HandlerPlan) -> bool:
    """Whether two plans differ in nothing but the line of YAML that they come from."""
    return before == replace(after, reason=before.reason)


async def _failures(work: Mapping[str, Coroutine[None, None, None]]) -> dict[str, TargetError]:
    """Do all of it at the same time, to the end; return what failed."""
    results = await asyncio.gather(*work.values(), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, TargetError):
            raise result
    failed = zip(work, results, strict=True)
    return {key: result for key, result in failed if isinstance(result, TargetError)}


def _raise_all(errors: list[TargetError]) -> None:
    if len(errors) == 1:
        raise errors[0]
    if errors:
        output = [line for error in errors for line in error.output]
        raise TargetError("\n".join(map(str, errors)), output=output)
