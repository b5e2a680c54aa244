"""The interface through which the engine sends a request to a handler."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from queuewright.engine.rules.excerpt import NO_EXCERPT, Excerpt
from queuewright.engine.rules.http_request import OutgoingRequest


@dataclass(frozen=True, slots=True)
class Answer:
    """A handler's answer. Cloud Tasks ignores its body, of which people may see the beginning."""

    status: int
    retry_after: str | None = None
    excerpt: Excerpt = field(default=NO_EXCERPT, compare=False)


class NoAnswerError(Exception):
    """There was no answer: no address, no connection, or a broken one. The text is the reason."""


class Sender(Protocol):
    """Sends requests to handlers. A fake sender makes tests fast."""

    async def send(self, request: OutgoingRequest) -> Answer:
        """Send a request and return the answer.

        Raises:
            NoAnswerError: there is none.
        """
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


@runtime_checkable
class InstantSender(Sender, Protocol):
    """A sender that may have the answer without waiting; such an attempt needs no asyncio task."""

    def answer(self, request: OutgoingRequest) -> Answer | Awaitable[Answer]:
        """Return the answer, or what to await for it.

        Raises:
            NoAnswerError: there is none.
        """
        ...
