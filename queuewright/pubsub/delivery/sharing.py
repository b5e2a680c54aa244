"""Shares the messages that are ready among the takers that wait for some.

Each message goes to the taker that holds the fewest, so that workers share the load.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Final

from queuewright.pubsub.delivery.taker import Taker
from queuewright.pubsub.rules.backlog import Backlog, Lease

MAX_BATCH_BYTES: Final = 4 * 1024 * 1024 - 128 * 1024
"""A client against an emulator receives responses up to 4 MiB, gRPC's default."""

_BYTES_AROUND: Final = 128
"""More than a message's ack id, delivery attempt and lengths take in a response."""


def shared(
    backlog: Backlog, takers: Sequence[Taker], now_us: int
) -> list[tuple[Taker, list[Lease]]]:
    """Lease what is ready, and return each taker's batch, which may be empty.

    A batch fits in one response; a message that is larger goes alone.
    """
    batches: list[tuple[Taker, list[Lease]]] = [(each, []) for each in takers]
    sizes = [0] * len(batches)
    # By what a taker holds, then by turn: those that came first have waited longest.
    queue = [
        (backlog.outstanding(each.holder).messages if each.holder else 0, turn)
        for turn, each in enumerate(takers)
        if not each.poller.is_stopping
    ]
    heapq.heapify(queue)
    while queue and (message := backlog.peek()) is not None:
        count, turn = queue[0]
        taker, batch = batches[turn]
        is_full = len(batch) >= taker.max_batch
        if taker.holder and not taker.limits.has_room(backlog.outstanding(taker.holder)):
            is_full = True
        size = message.size + _BYTES_AROUND
        if is_full or (batch and sizes[turn] + size > MAX_BATCH_BYTES):
            heapq.heappop(queue)
            continue
        batch.append(backlog.lease(now_us + taker.lease_us, taker.holder))
        sizes[turn] += size
        heapq.heapreplace(queue, (count + 1, turn))
    return batches
