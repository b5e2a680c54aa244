"""Places behind a front door, and the one that forwards to a handler that already runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Literal, Self

from queuewright.blueprint import (
    AppEnginePlan,
    Blueprint,
    HandlerPlan,
)
from queuewright.local.door.access import Access, callers
from queuewright.local.door.backend import Backend
from queuewright.local.door.front_door import FrontDoor, Limits
from queuewright.local.handlers.command import Elsewhere
from queuewright.local.handlers.context import HandlerContext
from queuewright.local.handlers.place import HandlerPlace
from queuewright.local.queues.planned import Address

# App Engine's defaults: 10 requests at once per instance, and 10 minutes for a request:
# https://cloud.google.com/appengine/docs/standard/reference/app-yaml#automatic_scaling,
# https://cloud.google.com/appengine/docs/standard/how-requests-are-handled.
APP_ENGINE_CONCURRENCY, APP_ENGINE_TIMEOUT_S = 10, 600.0


class DoorPlace(HandlerPlace):
    """A place behind a front door."""

    def __init__(self, context: HandlerContext, plan: HandlerPlan, door: FrontDoor) -> None:
        super().__init__(plan, context.story())
        self.door = door
        self._context = context

    @property
    def address(self) -> Address:
        """The front door."""
        return Address(self.door.url, is_its_own=self.plan.kind == "url")

    @property
    def app_engine_url(self) -> str:
        """The front door's URL for the engine."""
        return self.door.engine_url

    def admit(self, blueprint: Blueprint) -> None:
        """Let in the callers that a blueprint allows."""
        if self.plan.runtime is not None:
            name = self.plan.key
            self.door.access = Access(
                name, self.door.url, callers(blueprint, name), self._context.signer
            )


class ForwardingPlace(DoorPlace):
    """The handler already runs at `local.url`, behind a front door of ours."""

    def __init__(
        self, context: HandlerContext, plan: HandlerPlan, door: FrontDoor, elsewhere: Elsewhere
    ) -> None:
        super().__init__(context, plan, door)
        self._url = elsewhere.url

    @classmethod
    @asynccontextmanager
    async def open(
        cls, context: HandlerContext, plan: HandlerPlan, elsewhere: Elsewhere, blueprint: Blueprint
    ) -> AsyncIterator[Self]:
        """Forward the handler's tasks until the block ends."""
        async with front_door(context, plan) as door:
            place = cls(context, plan, door, elsewhere)
            place.admit(blueprint)
            yield place

    @property
    def is_elsewhere(self) -> Literal["elsewhere"]:
        """It already runs at that URL."""
        return "elsewhere"

    @property
    def runs(self) -> str:
        """The URL that it forwards to."""
        return self._url

    async def serve(self, blueprint: Blueprint) -> None:  # noqa: ARG002
        """Forward requests from now on."""
        await self.door.open(Backend(self._url, comes_back=False))

    async def change(self, plan: HandlerPlan, elsewhere: Elsewhere, blueprint: Blueprint) -> None:
        """Follow another plan from now on."""
        self.plan = plan
        self._url = elsewhere.url
        self.door.limit(limits(plan))
        await self.serve(blueprint)


@asynccontextmanager
async def front_door(context: HandlerContext, plan: HandlerPlan) -> AsyncIterator[FrontDoor]:
    """Open the front door of a handler; the console shows the requests that it refuses."""

    def warn(reason: str) -> None:
        context.console.say(plan.key, reason, "warning")

    async with FrontDoor.listen(
        plan.key,
        limits(plan),
        now_us=context.engine.clock.now_us,
        on_refused=warn,
        allowed_hosts=context.allowed_hosts,
        in_progress=partial(context.in_progress.request, plan.key),
    ) as door:
        yield door


def limits(plan: HandlerPlan) -> Limits:
    """Return how many requests a handler's instances take at once, and for how long."""
    target, runtime = plan.target, plan.runtime
    if runtime is not None:
        return Limits(runtime.instances.max * runtime.concurrency, runtime.timeout.total_seconds())
    if isinstance(target, AppEnginePlan):
        return Limits(target.instances.max * APP_ENGINE_CONCURRENCY, APP_ENGINE_TIMEOUT_S)
    return Limits(1000, APP_ENGINE_TIMEOUT_S)
