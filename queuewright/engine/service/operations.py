"""Keeps the latest operations of batch calls in memory."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from queuewright.engine.protocol.messages import Operation
from queuewright.engine.protocol.times import SECOND_US

LIFETIME_US: Final = 24 * 3_600 * SECOND_US
"""How long the operation of a call with a request id is kept, across restarts; our choice."""

_RECENT_BYTES: Final = 32 * 1024 * 1024


class RecentOperations:
    """The latest operations, as many as fit into 32 MiB."""

    def __init__(self) -> None:
        self._operations: OrderedDict[str, tuple[Operation, int]] = OrderedDict()
        self._bytes = 0

    def get(self, name: str) -> Operation | None:
        """Return the operation of this name."""
        found = self._operations.get(name)
        return found[0] if found else None

    def add(self, operation: Operation) -> None:
        """Keep an operation; drop the oldest ones if there is not enough room."""
        _, replaced = self._operations.pop(operation.name, (None, 0))
        self._bytes -= replaced
        size = operation.ByteSize()
        self._operations[operation.name] = (operation, size)
        self._bytes += size
        while self._bytes > _RECENT_BYTES:
            _, (_, dropped) = self._operations.popitem(last=False)
            self._bytes -= dropped
