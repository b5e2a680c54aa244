"""The service behind every protocol and version: one method for each RPC.

A method takes a raw protobuf request and the caller. It returns the raw protobuf response or raises
`Refusal`. Changes are in the state file before a method returns.
"""

from __future__ import annotations

from queuewright.engine.service.batch import BatchCalls
from queuewright.engine.service.bulk import BulkCalls
from queuewright.engine.service.calls import DEVELOPER, Caller
from queuewright.engine.service.leases import LeaseCalls
from queuewright.engine.service.locations import LocationCalls
from queuewright.engine.service.policies import PolicyCalls
from queuewright.engine.service.queues import QueueCalls

__all__ = ["DEVELOPER", "Caller", "Service"]


class Service(QueueCalls, BatchCalls, LeaseCalls, PolicyCalls, LocationCalls, BulkCalls):
    """Cloud Tasks v2, the leases of v2beta2, and what a dashboard asks for.

    All versions of the API are built on it.
    """
