"""The pull queues of a tested environment: Pub/Sub in this process, without a socket."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from queuewright.blueprint import Blueprint, HandlerPlan, PullQueuePlan
from queuewright.engine import ManualClock, host_port
from queuewright.local.door.listener import HOST
from queuewright.local.pull_queues.denials import denial
from queuewright.packages import runtime_folder
from queuewright.testing.loop_thread import HandoverThread

if TYPE_CHECKING:
    from queuewright.pubsub import PubSub
    from queuewright_runtime import Task as PulledTask


class PullQueues:
    """Pub/Sub with an environment's pull queues; it starts when it is needed first.

    Importing this needs no extra package; the first call needs google-cloud-pubsub.
    """

    def __init__(self, blueprint: Blueprint, clock: ManualClock, thread: HandoverThread) -> None:
        self._blueprint = blueprint
        self._clock = clock
        self._thread = thread
        self._server: PubSub | None = None

    def publish(
        self, plan: PullQueuePlan, body: bytes, attributes: Mapping[str, str], ordering_key: str
    ) -> str:
        """Add a task; return its id.

        Raises:
            Refusal: Pub/Sub would refuse it.
            TargetError: google-cloud-pubsub is not installed.
        """
        from queuewright.pubsub.protocol import PublishRequest, PubsubMessage

        server = self._started()
        message = PubsubMessage(data=body, attributes=attributes, ordering_key=ordering_key)
        request = PublishRequest(topic=plan.topic, messages=[message])
        return self._thread.run(server.publisher.publish(request)).message_ids[0]

    def pull(self, plan: PullQueuePlan, subscription: str, most: int) -> list[PulledTask]:
        """Lease the tasks that are due, at most so many.

        Raises:
            TargetError: google-cloud-pubsub is not installed.
        """
        from queuewright.pubsub.protocol import PullRequest

        server, task_class = self._started(), _task_class()
        request = PullRequest(subscription=subscription, max_messages=most, return_immediately=True)
        found = self._thread.run(server.subscriber.pull(request)).received_messages
        tasks = []
        for each in found:
            message = _Message(
                message_id=each.message.message_id,
                data=each.message.data,
                attributes=dict(each.message.attributes),
                ordering_key=each.message.ordering_key,
                publish_time=each.message.publish_time.ToDatetime(tzinfo=UTC),
                delivery_attempt=each.delivery_attempt or None,
                queues=self,
                subscription=subscription,
                ack_id=each.ack_id,
            )
            tasks.append(task_class(plan.key, message))
        return tasks

    def answer(self, subscription: str, ack_id: str, *, is_done: bool) -> None:
        """Delete a leased task, or let it be delivered again."""
        from queuewright.pubsub.protocol import AcknowledgeRequest, ModifyAckDeadlineRequest

        subscriber = self._started().subscriber
        if is_done:
            done = AcknowledgeRequest(subscription=subscription, ack_ids=[ack_id])
            self._thread.run(subscriber.acknowledge(done))
        else:
            back = ModifyAckDeadlineRequest(
                subscription=subscription, ack_ids=[ack_id], ack_deadline_seconds=0
            )
            self._thread.run(subscriber.modify_ack_deadline(back))

    def address(self, handler: HandlerPlan) -> str | None:
        """Listen for a handler's calls; return the `host:port`, or None without pull queues."""
        if not self._blueprint.pull_queues or handler.member is None:
            return None
        from queuewright.pubsub import Client

        client = Client(handler.key, handler.member)
        serving = self._started().serve_grpc(HOST, 0, client=client)
        return host_port(HOST, self._thread.run(serving))

    def stop(self) -> None:
        """Stop Pub/Sub, if it runs."""
        if self._server is not None:
            self._thread.run(self._server.stop())

    def _started(self) -> PubSub:
        if self._server is None:
            self._server = self._thread.run(self._start())
        return self._server

    async def _start(self) -> PubSub:
        from queuewright.local.pull_queues.planned import subscriptions, topics
        from queuewright.pubsub import PubSub

        def decide(principal: str, permission: str, resource: str) -> str | None:
            return denial(self._blueprint, principal, permission, resource)

        server = PubSub(clock=self._clock, denial=decide)
        await server.start()
        for plan in self._blueprint.pull_queues.values():
            for topic in topics(plan, self._blueprint.labels):
                await server.publisher.create_topic(topic)
            for subscription in subscriptions(plan, self._blueprint.labels):
                await server.subscriber.create_subscription(subscription)
        await asyncio.sleep(0)
        return server


@dataclass
class _Message:
    """A leased message, as the library of workers wants it."""

    message_id: str
    data: bytes
    attributes: Mapping[str, str]
    ordering_key: str
    publish_time: datetime
    delivery_attempt: int | None
    queues: PullQueues
    subscription: str
    ack_id: str

    def ack(self) -> None:
        self.queues.answer(self.subscription, self.ack_id, is_done=True)

    def nack(self) -> None:
        self.queues.answer(self.subscription, self.ack_id, is_done=False)


def _task_class() -> type[PulledTask]:
    """Return the library's class of tasks: workers' functions take it."""
    path = sys.path[:]
    sys.path.append(str(runtime_folder()))
    try:
        return importlib.import_module("queuewright_runtime").Task  # type: ignore[no-any-return]
    finally:
        sys.path[:] = path
