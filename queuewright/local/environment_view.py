"""What the dashboard shows of an environment: its handlers, its pull queues, and their lines."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from queuewright.blueprint import Blueprint, PullQueuePlan
from queuewright.cloud_tasks.durations import written_duration
from queuewright.dashboard import HandlerFacts, Health, PulledQueue, PulledTask, Surroundings
from queuewright.local.console.console import ENVIRONMENT, Console
from queuewright.local.handlers.place import HandlerPlace

HeldTasks = Callable[[str, int], Awaitable[tuple[int, int, int | None, tuple[PulledTask, ...]]]]
"""Returns how many tasks a subscription has, how many are leased, when the oldest was added, and
some of them."""

_LINES: Final = 500
"""The lines of each handler that its page shows."""


class EnvironmentView(Surroundings):
    """An environment, as the dashboard sees it.

    Args:
        blueprint: returns what runs.
        console: gets what was done on the dashboard.
        now_us: the engine's time.
    """

    def __init__(
        self, blueprint: Callable[[], Blueprint], console: Console, now_us: Callable[[], int]
    ) -> None:
        self._blueprint = blueprint
        self._console = console
        self._now_us = now_us
        self._lines: dict[str, deque[tuple[int, str]]] = {}
        self.places: Callable[[], Mapping[str, HandlerPlace]] = dict
        self.held: Callable[[], Sequence[str]] = list
        self.held_tasks: HeldTasks | None = None
        """Returns the tasks of a subscription; None while no Pub/Sub runs."""
        self.reached_at: tuple[str, ...] = ()

    @property
    def name(self) -> str:  # type: ignore[override]
        """The environment's name."""
        return self._blueprint().environment

    @property
    def blueprint(self) -> Blueprint:
        """What runs."""
        return self._blueprint()

    @property
    def addresses(self) -> Sequence[str]:
        """Where programs reach it."""
        return self.reached_at

    def handlers(self) -> Sequence[HandlerFacts]:
        """Return the facts of all handlers."""
        held = set(self.held())
        return [_facts(place, held) for place in self.places().values()]

    async def pulled_queues(self, most: int) -> Sequence[PulledQueue]:
        """Return the facts of the pull queues that Pub/Sub runs."""
        plans = self._blueprint().pull_queues.values()
        return [await self._pulled(plan, most) for plan in plans if self.held_tasks is not None]

    async def _pulled(self, plan: PullQueuePlan, most: int) -> PulledQueue:
        assert self.held_tasks is not None, "it is asked only then"
        total, leased, oldest_us, tasks = await self.held_tasks(plan.subscription, most)
        dead: int | None = None
        if plan.dead_letter_subscription is not None:
            dead, _, _, buried = await self.held_tasks(plan.dead_letter_subscription, most)
            tasks = (*tasks, *(replace(each, state="dead") for each in buried))
        lease = written_duration(plan.lease)
        return PulledQueue(plan.key, plan.worker, lease, total, leased, dead, oldest_us, tasks)

    def log_lines(self, handler: str) -> Sequence[tuple[int, str]]:
        """Return the last lines that a handler printed."""
        return tuple(self._lines.get(handler, ()))

    def printed(self, source: str, line: str) -> None:
        """Keep a line that a handler's process printed."""
        lines = self._lines.get(source)
        if lines is None:
            lines = self._lines[source] = deque(maxlen=_LINES)
        lines.append((self._now_us(), line))

    def say(self, text: str) -> None:
        """Tell the console what was done."""
        self._console.say(ENVIRONMENT, f"dashboard: {text}")


def _facts(place: HandlerPlace, held: set[str]) -> HandlerFacts:
    plan, story = place.plan, place.story
    health: Health = "healthy"
    if plan.key in held:
        health = "held"
    elif place.is_elsewhere is not None:
        health = place.is_elsewhere
    elif not place.has_served:
        health = "starting"
    elif story.is_down:
        health = "failing"
    return HandlerFacts(
        key=plan.key,
        noun=plan.noun,
        health=health,
        runs=place.runs,
        address=place.shown_address,
        version=story.version,
        since_us=story.since_us,
        restarts=story.restarts,
        error=story.error,
        error_us=story.error_us,
    )
