"""A taker: a Pull or a stream that takes messages of a subscription."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from queuewright.pubsub.rules.backlog import Lease
from queuewright.pubsub.rules.flow import NO_LIMITS, FlowLimits


@dataclass(eq=False)
class Poller:
    """A program that takes messages, perhaps on several streams."""

    name: str = ""
    """For people."""
    is_stopping: bool = False
    """It is about to end, so it gets no more messages: it might not look at them, and they would
    stay leased for nothing."""


@dataclass(eq=False)
class Taker:
    """Takes messages, a batch at a time."""

    holder: int
    """Its number among the holders of leases; 0 for a Pull, which has no flow control."""
    lease_us: int
    """How long its leases are."""
    limits: FlowLimits = NO_LIMITS
    poller: Poller = field(default_factory=Poller)
    """The program that it belongs to."""
    max_batch: int = 1000
    """The most messages in a batch."""
    waits: bool = True
    """Whether it waits for messages when there are none."""
    batch: asyncio.Future[list[Lease]] | None = field(default=None, init=False)
    """Its next batch, while it waits for one."""

    def give(self, leases: list[Lease]) -> bool:
        """Hand over a batch; return False if the taker no longer waits for it."""
        if self.batch is None or self.batch.done():
            return False
        self.batch.set_result(leases)
        return True

    def give_nothing(self) -> None:
        """Let its wait end without a message."""
        self.give([])

    def end(self, error: BaseException) -> None:
        """Let its wait end with an error."""
        if self.batch is not None and not self.batch.done():
            self.batch.set_exception(error)
