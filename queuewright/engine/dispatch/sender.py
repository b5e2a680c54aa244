"""How the engine hands a request to its handler, and what it gets back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from queuewright.engine.rules.http_request import OutgoingRequest


@dataclass(frozen=True, slots=True)
class Answer:
    """A handler's answer. Its body means nothing to Cloud Tasks."""

    status: int
    retry_after: str | None = None


class NoAnswerError(Exception):
    """No answer came: no address, no connection, or a broken one. Its text says why."""


class Sender(Protocol):
    """Takes a request to its handler. A fake one makes tests of an engine fast."""

    async def send(self, request: OutgoingRequest) -> Answer:
        """Return the answer.

        Raises:
            NoAnswerError: there is none.
        """
        ...

    async def close(self) -> None:
        """Close what is open."""
        ...
