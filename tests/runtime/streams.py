"""A stream of messages that a test sends, with the promises of Google's client."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any


@dataclass
class SentMessage:
    """A message that notes how it was answered."""

    message_id: str
    data: bytes = b"{}"
    attributes: dict[str, str] = field(default_factory=dict)
    ordering_key: str = ""
    publish_time: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    delivery_attempt: int | None = None
    answers: list[str] = field(default_factory=list)

    def ack(self) -> None:
        self.answers.append("ack")

    def nack(self) -> None:
        self.answers.append("nack")


class Stream:
    """Delivers messages from threads; a cancelled one ends when running deliveries have ended."""

    def __init__(self, *messages: SentMessage) -> None:
        self.messages = messages
        self.opened: tuple[str, int, timedelta] | None = None
        self.future: Future[Any] = Future()
        self.is_cancelled = threading.Event()

    def subscribe(
        self,
        subscription: str,
        deliver: Callable[[Any], None],
        concurrency: int,
        longest_lease: timedelta,
    ) -> Future[Any]:
        self.opened = (subscription, concurrency, longest_lease)
        threads = ThreadPoolExecutor(concurrency)
        deliveries = [threads.submit(deliver, message) for message in self.messages]

        def cancel() -> bool:
            for each in deliveries:
                each.cancel()
            self.is_cancelled.set()
            return True

        def end() -> None:
            self.is_cancelled.wait()
            threads.shutdown()
            if not self.future.done():
                self.future.set_result(True)

        self.future.cancel = cancel  # type: ignore[method-assign]
        threading.Thread(target=end, daemon=True).start()
        return self.future
