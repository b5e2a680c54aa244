"""The RPCs on queues."""

from __future__ import annotations

from dataclasses import replace

from google.protobuf.empty_pb2 import Empty

from queuewright.cloud_tasks.limits import MAX_QUEUES_PER_PAGE
from queuewright.engine.dispatch.registry import QueueStats, RunningQueue
from queuewright.engine.events import (
    Origin,
    QueueChange,
    QueueCreated,
    QueueDeleted,
    QueuePaused,
    QueuePurged,
    QueueResumed,
    QueueUpdated,
)
from queuewright.engine.protocol import names, refusals
from queuewright.engine.protocol.messages import (
    CreateQueueRequest,
    DeleteQueueRequest,
    GetQueueRequest,
    ListQueuesRequest,
    ListQueuesResponse,
    PauseQueueRequest,
    PurgeQueueRequest,
    Queue,
    ResumeQueueRequest,
    UpdateQueueRequest,
)
from queuewright.engine.protocol.times import set_timestamp, span_us
from queuewright.engine.rules.filters import queue_filter
from queuewright.engine.rules.masks import sets_the_rate, updated
from queuewright.engine.rules.queue_config import PAUSED, RUNNING, QueueOptions, complete
from queuewright.engine.rules.task_message import complete_routing
from queuewright.engine.service.calls import Caller, Calls
from queuewright.engine.service.pages import page_size
from queuewright.engine.state.rows import QueueRow


class QueueCalls(Calls):
    """The RPCs on queues, and methods for the program that runs the engine."""

    async def list_all_queues(
        self, request: ListQueuesRequest, caller: Caller
    ) -> ListQueuesResponse:
        """Return the names of all queues of all locations. Not part of Google's API."""
        del request
        response = ListQueuesResponse()
        for queue in self._registry:
            self._allow(caller, "cloudtasks.queues.list", names.location_of(queue.name))
            response.queues.add(name=queue.name)
        return response

    async def create_queue(
        self, request: CreateQueueRequest, caller: Caller, options: QueueOptions | None = None
    ) -> Queue:
        """Create a queue. It runs at once."""
        parent = names.check_location(request.parent)
        name = names.check_queue(request.queue.name)
        if names.location_of(name) != parent:
            raise refusals.invalid(
                f"The location name from request ('{parent}') must be the same as the location "
                f"name in the named queue ('{name}')."
            )
        self._allow(caller, "cloudtasks.queues.create", parent)
        if self._registry.get(name) is not None:
            raise refusals.queue_exists()
        return self._created(request.queue, options or QueueOptions(), caller.origin).config

    async def get_queue(self, request: GetQueueRequest, caller: Caller) -> Queue:
        """Return a queue."""
        self._allow(caller, "cloudtasks.queues.get", request.name)
        return self._queue(request.name).config

    async def list_queues(self, request: ListQueuesRequest, caller: Caller) -> ListQueuesResponse:
        """Return a location's queues in lexicographic order, by pages of at most 9,800."""
        parent = names.check_location(request.parent)
        self._allow(caller, "cloudtasks.queues.list", parent)
        size = page_size(request.page_size, MAX_QUEUES_PER_PAGE)
        matches = queue_filter(request.filter)
        query = f"queues {parent} {request.filter}"
        now_us = self._clock.now_us()
        after = self._parts.pages.after(request.page_token, query, now_us)
        response = ListQueuesResponse()
        for name in self._registry.names(parent):
            queue = self._registry.get(name)
            if queue is None or (after is not None and name <= str(after)):
                continue
            if not matches(queue.config):
                continue
            if len(response.queues) == size:
                last = response.queues[-1].name
                response.next_page_token = self._parts.pages.token(query, last, now_us)
                break
            response.queues.append(queue.config)
        return response

    async def update_queue(
        self, request: UpdateQueueRequest, caller: Caller, options: QueueOptions | None = None
    ) -> Queue:
        """Update the fields of a queue named by the mask, or create the queue.

        `options` None leaves the options unchanged, but setting the rate resets the burst.
        """
        name = names.check_queue(request.queue.name)
        self._allow(caller, "cloudtasks.queues.update", name)
        queue = self._registry.get(name)
        paths = list(request.update_mask.paths)
        config = updated(Queue() if queue is None else queue.config, request.queue, paths)
        if queue is None:  # after `updated`, which refuses an invalid mask
            return self._created(request.queue, options or QueueOptions(), caller.origin).config
        if options is None:
            options = queue.row.options
            if sets_the_rate(paths):
                options = replace(options, burst=None)
        self._changed(queue, config, options)
        self._tell(QueueUpdated, queue, caller.origin)
        return queue.config

    async def delete_queue(self, request: DeleteQueueRequest, caller: Caller) -> Empty:
        """Delete a queue and its tasks. The name stays taken for some days."""
        name = names.check_queue(request.name)
        self._allow(caller, "cloudtasks.queues.delete", name)
        queue = self._registry.get(name)
        if queue is None:
            raise refusals.entity_missing()
        until_us = self._clock.now_us() + span_us(self._parts.settings.queue_name_reuse)
        self._store.delete_queue(queue.row, until_us)
        self._registry.remove(queue, until_us)
        self._emptied(queue)
        self._tell(QueueDeleted, queue, caller.origin)
        return Empty()

    async def purge_queue(self, request: PurgeQueueRequest, caller: Caller) -> Queue:
        """Delete all tasks that were created before this call."""
        self._allow(caller, "cloudtasks.queues.purge", request.name)
        queue = self._queue(request.name)
        config = _copy(queue.config)
        set_timestamp(config.purge_time, self._clock.now_us())
        row = replace(queue.row, config=config, purged_id=self._store.last_id)
        self._store.save_queue(row)
        queue.row = row
        self._emptied(queue)
        self._tell(QueuePurged, queue, caller.origin)
        return config

    async def pause_queue(self, request: PauseQueueRequest, caller: Caller) -> Queue:
        """Stop dispatching. Running attempts may finish."""
        self._allow(caller, "cloudtasks.queues.pause", request.name)
        return self._set_state(self._queue(request.name), PAUSED, caller.origin)

    async def resume_queue(self, request: ResumeQueueRequest, caller: Caller) -> Queue:
        """Resume dispatching."""
        self._allow(caller, "cloudtasks.queues.resume", request.name)
        return self._set_state(self._queue(request.name), RUNNING, caller.origin)

    def declare(self, wanted: Queue, options: QueueOptions | None = None) -> None:
        """Create a queue, or update it to match a configuration. Its tasks are kept.

        The name of a deleted queue can be used at once. `state` is applied if it is specified.

        Raises:
            Refusal: INVALID_ARGUMENT; see `queue_config`.
        """
        options = options or QueueOptions()
        name = names.check_queue(wanted.name)
        queue = self._registry.get(name)
        if queue is None:
            self._registry.tombstones.pop(name, None)
            queue = self._created(wanted, options, "program")
        else:
            self._changed(queue, updated(queue.config, wanted, ()), options)
        if wanted.state and wanted.state != queue.config.state:
            self._set_state(queue, wanted.state, "program")

    def stats(self, name: str) -> QueueStats:
        """Return a queue's statistics. A leased task counts as a running one.

        Raises:
            Refusal: NOT_FOUND.
        """
        queue, now_us = self._queue(name), self._clock.now_us()
        stats = queue.stats(now_us)
        if not queue.is_pull:
            return stats
        counts = self._store.pull_tasks.counts(queue.number, queue.row.purged_id, now_us)
        return replace(
            stats,
            tasks_count=counts.tasks,
            oldest_schedule_us=counts.oldest_schedule_us,
            concurrent_dispatches=counts.leased,
            effective_rate=0.0,
        )

    def lifetimes(self, name: str) -> tuple[int, int]:
        """Return the maximum age of a queue's tasks and how long their names stay taken, in µs.

        Raises:
            Refusal: NOT_FOUND.
        """
        queue = self._queue(name)
        return queue.retention_us, queue.name_reuse_us

    def options(self, name: str) -> QueueOptions:
        """Return the options of a queue that v2 does not show.

        Raises:
            Refusal: NOT_FOUND.
        """
        return self._queue(name).row.options

    def _created(self, wanted: Queue, options: QueueOptions, origin: Origin) -> RunningQueue:
        now_us = self._clock.now_us()
        if self._registry.existed_recently(wanted.name, now_us):
            raise refusals.queue_existed_too_recently()
        config = _copy(wanted)
        config.ClearField("purge_time")
        config.state = RUNNING
        self._complete(config, options)
        row = QueueRow(self._store.new_ids(1)[0], config, options=options)
        self._store.save_queue(row)
        queue = RunningQueue(row, now_us, self._parts.settings)
        self._registry.add(queue)
        self._tell(QueueCreated, queue, origin)
        return queue

    def _changed(self, queue: RunningQueue, config: Queue, options: QueueOptions) -> None:
        if options.pull != queue.is_pull:
            old, new = ("pull", "push") if queue.is_pull else ("push", "pull")
            raise refusals.invalid(
                f"The type of a queue cannot change: {queue.name} is a {old} queue, and this asks "
                f"for a {new} queue."
            )
        self._complete(config, options)
        row = replace(queue.row, config=config, options=options)
        self._store.save_queue(row)
        if options != queue.row.options:
            self._parts.dispatcher.sweep()  # its tasks may have become too old
        queue.apply(row, self._clock.now_us())
        self._parts.dispatcher.touch(queue)

    def _complete(self, config: Queue, options: QueueOptions) -> None:
        config.DiscardUnknownFields()
        complete(config, options, self._parts.settings.burst)
        if config.HasField("app_engine_routing_override"):
            complete_routing(config.app_engine_routing_override, config.name)

    def _set_state(self, queue: RunningQueue, state: int, origin: Origin) -> Queue:
        config = _copy(queue.config)
        config.state = state
        row = replace(queue.row, config=config)
        self._store.save_queue(row)
        queue.apply(row, self._clock.now_us())
        self._parts.dispatcher.touch(queue)
        self._tell(QueueResumed if state == RUNNING else QueuePaused, queue, origin)
        return config

    def _tell(self, change: type[QueueChange], queue: RunningQueue, origin: Origin) -> None:
        if self._parts.emit is not None:
            now_us = self._clock.now_us()
            self._parts.emit(change(time_us=now_us, queue=queue.name, origin=origin))

    def _emptied(self, queue: RunningQueue) -> None:
        queue.forget_all()
        self._parts.dispatcher.touch(queue)
        self._parts.dispatcher.sweep()


def _copy(queue: Queue) -> Queue:
    copy = Queue()
    copy.CopyFrom(queue)
    return copy
