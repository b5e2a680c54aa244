"""Handlers as plain functions, for tests: a sender that never touches the network."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from queuewright.engine.dispatch.sender import Answer
from queuewright.engine.rules.http_request import OutgoingRequest

Handler = Callable[[OutgoingRequest], "int | Answer | Awaitable[int | Answer]"]
"""A function or coroutine that takes a request and returns an HTTP code or an `Answer`. It may
raise `NoAnswerError`, as if the handler could not be reached."""


class InProcessSender:
    """Passes every request to a function of this process.

    ::

        received = []

        def handler(request):
            received.append(request.body)
            return 503 if len(received) == 1 else 200

        engine = Engine(clock=ManualClock(), sender=InProcessSender(handler))

    A slow handler awaits `ManualClock.sleep`.
    """

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def answer(self, request: OutgoingRequest) -> Answer | Awaitable[Answer]:
        """Call the handler; return its answer, or what to await for it."""
        found = self._handler(request)
        if isinstance(found, int):
            return Answer(found)
        return found if isinstance(found, Answer) else _awaited(found)

    async def send(self, request: OutgoingRequest) -> Answer:
        """Return the handler's answer."""
        answer = self.answer(request)
        return answer if isinstance(answer, Answer) else await answer

    async def close(self) -> None:
        """Do nothing."""


async def _awaited(found: Awaitable[int | Answer]) -> Answer:
    answer = await found
    return answer if isinstance(answer, Answer) else Answer(answer)
