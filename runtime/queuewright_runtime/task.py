"""A task in hand."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Protocol

from queuewright_runtime.errors import PermanentError

logger = logging.getLogger("queuewright_runtime")


class Message(Protocol):
    """A message of Google's Pub/Sub client, as far as a task needs it."""

    message_id: str
    data: bytes
    attributes: Mapping[str, str]
    ordering_key: str
    publish_time: datetime
    delivery_attempt: int | None

    def ack(self) -> object:
        """Delete the message."""

    def nack(self) -> object:
        """Let it be delivered again."""


class Task:
    """A task that this process holds until it is done or given back; its lease is extended.

    As a context manager it is done at the end of the block. An exception in the block is logged
    and the task given back; a `PermanentError` is logged and the task not tried again.
    """

    def __init__(self, queue: str, message: Message) -> None:
        self.queue = queue
        """The queue's name, as given to `pull`."""
        self._message = message
        self._settled = threading.Event()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<Task {self.id} of {self.queue}>"

    @property
    def id(self) -> str:
        """The message's id, which stays the same when the task is tried again."""
        return self._message.message_id

    @property
    def data(self) -> bytes:
        """The body, at most 10 MB."""
        return self._message.data

    @property
    def attributes(self) -> Mapping[str, str]:
        """What the enqueuer said about the body, such as `Content-Type`."""
        return self._message.attributes

    @property
    def ordering_key(self) -> str:
        """The tasks with the same key come in order; empty: in any order."""
        return self._message.ordering_key

    @property
    def created(self) -> datetime:
        """When the task was enqueued, in UTC."""
        return self._message.publish_time

    @property
    def attempt(self) -> int | None:
        """The number of this attempt, from 1; None if the queue has no dead letters.

        Pub/Sub counts attempts only where dead letters need the number:
        https://cloud.google.com/pubsub/docs/dead-letter-topics.
        """
        return self._message.delivery_attempt

    def text(self) -> str:
        """The body as text.

        Raises:
            UnicodeDecodeError: it is not UTF-8.
        """
        return self.data.decode()

    def json(self) -> Any:  # noqa: ANN401 - JSON is anything
        """The body as JSON.

        Raises:
            ValueError: it is not JSON.
        """
        return json.loads(self.data)

    @property
    def is_settled(self) -> bool:
        """Whether it is done or given back."""
        return self._settled.is_set()

    def done(self) -> None:
        """The work is done: the task is deleted. Does nothing if it is settled."""
        self._settle(self._message.ack)

    def give_back(self) -> None:
        """Let it be tried again, after the queue's backoff. Does nothing if it is settled."""
        self._settle(self._message.nack)

    def _settle(self, answer: Callable[[], object]) -> None:
        with self._lock:
            if not self.is_settled:
                answer()
                self._settled.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until it is settled; return whether it is."""
        return self._settled.wait(timeout_s)

    def __enter__(self) -> Task:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if error is None:
            self.done()
            return False
        if isinstance(error, PermanentError):
            logger.error("%s failed and is not tried again: %s", self, error, exc_info=error)
            self.done()
            return True
        self.give_back()
        if isinstance(error, Exception):
            logger.error("%s failed and is given back: %s", self, error, exc_info=error)
            return True
        return False
