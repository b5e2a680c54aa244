"""What the dashboard shows of an environment: its handlers, its pull queues, and their lines."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from queuewright.blueprint import Blueprint
from queuewright.dashboard import HandlerFacts, Health, Surroundings
from queuewright.local.console.console import ENVIRONMENT, Console
from queuewright.local.handlers.place import HandlerPlace

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
