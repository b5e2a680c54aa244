"""The API as methods: one for each RPC, shared by every protocol and version.

Each takes a raw protobuf request and the caller, returns the raw protobuf response, or raises
`Refusal`. A method answers only when what it did is kept.
"""

from __future__ import annotations

from queuewright.engine.service.batch import BatchCalls
from queuewright.engine.service.calls import DEVELOPER, Caller
from queuewright.engine.service.locations import LocationCalls
from queuewright.engine.service.policies import PolicyCalls
from queuewright.engine.service.queues import QueueCalls

__all__ = ["DEVELOPER", "Caller", "Service"]


class Service(QueueCalls, BatchCalls, PolicyCalls, LocationCalls):
    """Cloud Tasks v2 on one engine; the facades of other versions stand on it."""
