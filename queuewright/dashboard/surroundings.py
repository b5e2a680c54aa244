"""What the dashboard asks about the environment around the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from queuewright.blueprint import Blueprint

Health = Literal["healthy", "starting", "failing", "held", "elsewhere", "caught"]


@dataclass(frozen=True, slots=True)
class HandlerFacts:
    """A handler at one moment."""

    key: str
    noun: str
    """Its kind, for people."""
    health: Health
    runs: str
    """What answers, in words: a folder, an image or a URL."""
    address: str
    version: str = ""
    """A short name of the code that serves now; "" if it is not ours."""
    since_us: int | None = None
    """When that code began to serve."""
    restarts: int = 0
    """How often a process of it has ended by itself."""
    error: str = ""
    """The last reason why it did not serve."""
    error_us: int | None = None


@dataclass(frozen=True, slots=True)
class PulledTask:
    """A task of a pull queue."""

    id: str
    state: str
    """`waiting`, `leased` or `dead`."""
    attempt: int
    holder: str
    until_us: int
    """When its lease ends, or when it can be leased again."""
    published_us: int
    size: int


@dataclass(frozen=True, slots=True)
class PulledQueue:
    """A pull queue at one moment."""

    key: str
    worker: str | None
    lease: str
    total: int
    """The tasks that are not done, leased ones included."""
    leased: int
    dead: int | None
    """None: it keeps no dead letters."""
    oldest_us: int | None
    """When the oldest task was added."""
    tasks: tuple[PulledTask, ...] = ()


class Surroundings:
    """The environment around the engine. This one knows nothing: the engine runs alone."""

    name = "emulator"
    """The environment's name."""

    @property
    def blueprint(self) -> Blueprint | None:
        """What runs; None without an environment."""
        return None

    @property
    def addresses(self) -> Sequence[str]:
        """Where programs reach it, for people."""
        return ()

    def handlers(self) -> Sequence[HandlerFacts]:
        """Return the facts of all handlers."""
        return ()

    async def pulled_queues(self, most: int) -> Sequence[PulledQueue]:  # noqa: ARG002
        """Return the facts of the pull queues, with at most so many tasks of each."""
        return ()

    def log_lines(self, handler: str) -> Sequence[tuple[int, str]]:  # noqa: ARG002
        """Return the last lines that a handler printed, each with its moment, oldest first."""
        return ()

    def say(self, text: str) -> None:
        """Tell whoever runs the environment what was done on the dashboard."""
