"""How Pub/Sub runs in an environment, and the way of a process to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from queuewright.engine import Clock, Signer
from queuewright.local.console.console import Console


@dataclass(frozen=True)
class PubSubSettings:
    """How Pub/Sub runs in an environment."""

    clock: Clock
    console: Console
    signer: Signer
    """Makes the tokens of delayed tasks."""
    state: Path | None
    """The folder that keeps topics, subscriptions and messages; None keeps nothing."""
    port: int
    """The port for the developer; 0 lets the system choose."""
    verbose: bool
    on_published: Callable[[str, str, int], None]
    """Called with the topic, the id and the time (µs) of each message."""
    allowed_hosts: Collection[str] = ()
    """Names of this machine: see `RequestFilter`."""


class PubSubListener:
    """A listener on which one process of a handler is known as the caller."""

    def __init__(
        self, address: str, polled: asyncio.Event, deliver_nothing_more: Callable[[], None]
    ) -> None:
        self.address = address
        """`host:port`, the value for `PUBSUB_EMULATOR_HOST`."""
        self.polled = polled
        """Set when the process has asked for messages, and was not refused."""
        self.deliver_nothing_more = deliver_nothing_more
        """Call it before the process is stopped, which then gets no task that it does not do."""
