"""The calls on queues that v2beta2 and v2beta3 share, on the service of v2."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from queuewright.engine.api.beta3_queue import masked
from queuewright.engine.api.conversion import converted
from queuewright.engine.protocol import messages
from queuewright.engine.protocol.messages import Queue
from queuewright.engine.rules.queue_config import QueueOptions
from queuewright.engine.service.service import Caller, Service

BetaRequest = Any
"""A request of a beta version; its class comes from a library without types."""

BetaMessage = Any
"""An answer of a beta version."""


@dataclass(frozen=True)
class QueueConversions:
    """How a beta version's queues become those of v2, and the other way."""

    queue_of: Callable[[BetaMessage], Queue]
    options_of: Callable[[BetaMessage], QueueOptions]
    """The options that v2 queues do not have."""
    filter_of: Callable[[str], str]
    """Returns a filter of ListQueues in the words of v2."""
    shown: Callable[..., BetaMessage]
    """Takes a v2 queue, `task_ttl_us` and `tombstone_ttl_us`."""
    list_response: Callable[..., BetaMessage]
    """The class of ListQueues' answer."""


class BetaQueues:
    """The RPCs whose messages differ from v2, but in the same way in each beta version."""

    def __init__(self, service: Service, conversions: QueueConversions) -> None:
        self._service = service
        self._conversions = conversions

    async def create_queue(self, request: BetaRequest, caller: Caller) -> BetaMessage:
        """Create a queue with its options."""
        options = self._conversions.options_of(request.queue)
        queue = self._conversions.queue_of(request.queue)
        create = messages.CreateQueueRequest(parent=request.parent, queue=queue)
        return self._shown(await self._service.create_queue(create, caller, options))

    async def get_queue(self, request: BetaRequest, caller: Caller) -> BetaMessage:
        """Return a queue, or only the fields named by `read_mask`."""
        get = messages.GetQueueRequest(name=request.name)
        return self._shown(await self._service.get_queue(get, caller), request.read_mask)

    async def list_queues(self, request: BetaRequest, caller: Caller) -> BetaMessage:
        """Return a location's queues, or only their fields named by `read_mask`."""
        list_ = converted(request, messages.ListQueuesRequest)
        list_.filter = self._conversions.filter_of(request.filter)
        answer = await self._service.list_queues(list_, caller)
        shown = self._conversions.list_response(next_page_token=answer.next_page_token)
        shown.queues.extend(self._shown(queue, request.read_mask) for queue in answer.queues)
        return shown

    async def delete_queue(self, request: BetaRequest, caller: Caller) -> Message:
        """Delete a queue and its tasks, leased ones too."""
        delete = converted(request, messages.DeleteQueueRequest)
        return await self._service.delete_queue(delete, caller)

    async def purge_queue(self, request: BetaRequest, caller: Caller) -> BetaMessage:
        """Delete all tasks that were created before this call, leased ones too."""
        purge = converted(request, messages.PurgeQueueRequest)
        return self._shown(await self._service.purge_queue(purge, caller))

    async def pause_queue(self, request: BetaRequest, caller: Caller) -> BetaMessage:
        """Stop dispatching and leasing. Attempts and leases may finish."""
        pause = converted(request, messages.PauseQueueRequest)
        return self._shown(await self._service.pause_queue(pause, caller))

    async def resume_queue(self, request: BetaRequest, caller: Caller) -> BetaMessage:
        """Resume dispatching and leasing."""
        resume = converted(request, messages.ResumeQueueRequest)
        return self._shown(await self._service.resume_queue(resume, caller))

    async def delete_task(self, request: BetaRequest, caller: Caller) -> Message:
        """Delete a task, also a leased one."""
        delete = converted(request, messages.DeleteTaskRequest)
        return await self._service.delete_task(delete, caller)

    def _shown(self, queue: Queue, mask: FieldMask | None = None) -> BetaMessage:
        task_ttl_us, tombstone_ttl_us = self._service.lifetimes(queue.name)
        shown = self._conversions.shown(
            queue, task_ttl_us=task_ttl_us, tombstone_ttl_us=tombstone_ttl_us
        )
        if mask is None:
            return shown
        return masked(shown, self._service.stats(queue.name), mask)
