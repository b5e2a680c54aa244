"""Where the tasks for a handler go on this machine.

A place exists while it is open. Its address stays the same through reloads and changes.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Literal, Self

from queuewright.blueprint import (
    Blueprint,
    HandlerPlan,
    UrlPlan,
)
from queuewright.local.door.catcher import Catcher
from queuewright.local.handlers.command import Caught, Elsewhere
from queuewright.local.handlers.context import HandlerContext
from queuewright.local.handlers.story import HandlerStory
from queuewright.local.queues.planned import Address


class HandlerPlace(ABC):
    """The place of one handler on this machine."""

    def __init__(self, plan: HandlerPlan, story: HandlerStory) -> None:
        self.plan = plan
        self.story = story

    @property
    def is_elsewhere(self) -> Literal["elsewhere", "caught"] | None:
        """Whether its tasks go elsewhere, or are caught; None if it runs here."""
        return None

    @property
    @abstractmethod
    def address(self) -> Address | None:
        """Where its tasks go; None for a worker, which takes them itself."""

    @property
    def app_engine_url(self) -> str:
        """Where its App Engine tasks go; only the engine may know it."""
        return self.address.url if self.address is not None else ""

    @property
    @abstractmethod
    def runs(self) -> str:
        """What answers there, in words."""

    @property
    def shown_address(self) -> str:
        """Its address, as the table shows it."""
        return self.address.url if self.address is not None else "–"

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders and files that it runs; none if it runs nothing."""
        return ()

    @property
    def has_served(self) -> bool:
        """Whether it has ever served."""
        return True

    async def serve(self, blueprint: Blueprint) -> None:  # noqa: B027 - most serve once open
        """Serve what the plan says.

        Raises:
            TargetError: it does not serve; what served before still does.
        """

    async def late(self) -> None:
        """Return when its start takes so long that nothing else should wait for it."""
        await asyncio.Event().wait()

    def start_later(self, start: asyncio.Task[None]) -> None:
        """Wait for its start in the background; the console shows the outcome."""
        raise NotImplementedError(f"{type(self).__name__} is never late")

    def admit(self, blueprint: Blueprint) -> None:  # noqa: B027 - most let everyone in
        """Let in the callers that a blueprint allows."""

    def reload(self, blueprint: Blueprint, reason: str) -> None:  # noqa: B027
        """Begin to serve its files as they are now; the console shows the outcome."""


class CaughtPlace(HandlerPlace):
    """The handler does not run here: its tasks are caught and shown."""

    def __init__(
        self, context: HandlerContext, plan: HandlerPlan, caught: Caught, catcher: Catcher
    ) -> None:
        super().__init__(plan, context.story())
        self._reason = caught.reason
        self._catcher = catcher

    @classmethod
    @asynccontextmanager
    async def open(
        cls, context: HandlerContext, plan: HandlerPlan, caught: Caught, blueprint: Blueprint
    ) -> AsyncIterator[Self]:
        """Catch the handler's tasks until the block ends."""
        show = partial(context.console.say, plan.key)
        async with Catcher.listen(
            _target(plan, blueprint), on_caught=show, allowed_hosts=context.allowed_hosts
        ) as catcher:
            yield cls(context, plan, caught, catcher)

    @property
    def is_elsewhere(self) -> Literal["caught"]:
        """Its tasks are caught."""
        return "caught"

    @property
    def address(self) -> Address:
        """The catcher."""
        return Address(self._catcher.url, is_its_own=False)

    @property
    def runs(self) -> str:
        """Why it is caught."""
        return f"not here: {self._reason}"

    @property
    def shown_address(self) -> str:
        """That its tasks are caught; a worker's wait."""
        return "–" if self.plan.kind == "worker" else "caught"

    async def change(self, plan: HandlerPlan, caught: Caught, blueprint: Blueprint) -> None:
        """Follow another plan from now on."""
        self.plan = plan
        self._reason = caught.reason
        self._catcher.target = _target(plan, blueprint)


class DirectPlace(HandlerPlace):
    """The stand-in for somebody else's endpoint: tasks go straight to its URL."""

    def __init__(self, context: HandlerContext, plan: HandlerPlan, elsewhere: Elsewhere) -> None:
        super().__init__(plan, context.story())
        self._url = elsewhere.url

    @property
    def is_elsewhere(self) -> Literal["elsewhere"]:
        """Its tasks go to the URL that the user named."""
        return "elsewhere"

    @property
    def address(self) -> Address:
        """The URL that the user named."""
        return Address(self._url, is_its_own=True)

    @property
    def runs(self) -> str:
        """The URL that the user named."""
        return self._url

    async def change(self, plan: HandlerPlan, elsewhere: Elsewhere) -> None:
        """Follow another plan from now on."""
        self.plan = plan
        self._url = elsewhere.url


def _target(plan: HandlerPlan, blueprint: Blueprint) -> str:
    """Scheme and host of a handler that does not run here."""
    if isinstance(plan.target, UrlPlan):
        return "/".join(plan.target.url.split("/", 3)[:3])
    return f"https://{plan.name} in {blueprint.project}"
