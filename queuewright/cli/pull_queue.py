"""A pull queue that a command names: publishes to it, and asks who holds what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from google.api_core import exceptions
from google.cloud import tasks_v2

from queuewright.blueprint import Blueprint, PullQueuePlan
from queuewright.cli.api import calling
from queuewright.cli.project import Target
from queuewright.client import EnqueueError, NewTask, connect, connect_publisher
from queuewright.errors import TargetError
from queuewright_runtime.addresses import QueueAddress
from queuewright_runtime.delays import delayed_task
from queuewright_runtime.messages import schedule_time
from queuewright_runtime.publishing import NewMessage

_NO_URL = "a worker takes its tasks itself, so nothing is sent to a path or URL"
REFUSED: Mapping[str, str] = {
    "--name": "Pub/Sub gives each message an id of its own, and knows no names",
    "--key": "Pub/Sub gives each message an id of its own, and knows no names; with `--delay`, the "
    "queue that keeps delayed tasks does",
    "--path": _NO_URL,
    "--url": _NO_URL,
}
"""Why an option of `enqueue` has no meaning for a pull queue."""


@dataclass(frozen=True)
class Delayed:
    """A task that waits until it is published."""

    name: str
    """Its full name."""
    existed: bool
    """Whether there is or was one with the same key."""


@dataclass(frozen=True)
class Holding:
    """The tasks of a subscription: how many there are, how many are leased, and some of them."""

    total: int
    leased: int
    tasks: list[dict[str, Any]]


def find_pull_queue(blueprint: Blueprint, queue: str) -> PullQueuePlan | None:
    """Return a pull queue by its key in the file, its id, its topic or its subscription."""
    for plan in blueprint.pull_queues.values():
        if queue in (plan.key, plan.queue_id, plan.topic, plan.subscription):
            return plan
    return None


def publish(
    target: Target, plan: PullQueuePlan, body: bytes, attributes: Mapping[str, str], key: str | None
) -> str:
    """Add a task to a pull queue; return its id.

    Raises:
        TargetError: it is refused, or nothing answers.
    """
    _check_order(plan, key)
    client = connect_publisher(_address(target, plan))
    from google.pubsub_v1 import PubsubMessage

    message = PubsubMessage(data=body, attributes=attributes, ordering_key=key or "")
    with calling(target, plan.topic):
        response = client.publish(topic=plan.topic, messages=[message])
    return str(response.message_ids[0])


def publish_later(
    target: Target,
    plan: PullQueuePlan,
    body: bytes,
    attributes: Mapping[str, str],
    ordering_key: str | None,
    delay: timedelta,
    key: str | None,
) -> Delayed:
    """Add a task to a pull queue after a delay, as the client does.

    Args:
        target: where.
        plan: the queue.
        body: the task's body.
        attributes: the attributes of its message.
        ordering_key: for a queue with `ordering`.
        delay: at most 30 days.
        key: the same key, the same task.

    Raises:
        TargetError: the queue has no delays, the task is too large or waits too long, it is
            refused, or nothing answers.
    """
    _check_order(plan, ordering_key)
    if plan.delays is None:
        raise TargetError(
            f"queue `{plan.key}` is a pull queue, and Pub/Sub cannot deliver later",
            hint=f"add `delays: true` to `queues.{plan.key}.pull` ({plan.reason.location}): "
            "a push queue in front then keeps the task until it is due",
        )
    address = QueueAddress(plan.key, plan.topic, delays=plan.delays.name)
    message = NewMessage(body, attributes, ordering_key or "")
    now = datetime.now(UTC)
    try:
        due = schedule_time(NewTask(delay=delay), now) or now
        made = delayed_task(address, message, due, key)
    except EnqueueError as error:
        raise TargetError(str(error)) from None
    task = tasks_v2.Task.from_json(json.dumps(made))
    with calling(target, plan.delays.name):
        try:
            connect(target.address).create_task(parent=plan.delays.name, task=task)
        except exceptions.AlreadyExists:
            return Delayed(task.name, existed=True)
    return Delayed(task.name, existed=False)


def _check_order(plan: PullQueuePlan, key: str | None) -> None:
    if key is not None and not plan.ordering:
        raise TargetError(
            f"queue `{plan.key}` does not keep an order",
            hint=f"set `ordering: true` in `queues.{plan.key}.pull`, or leave out `--ordering-key`",
        )


def without_pubsub(plan: PullQueuePlan) -> TargetError:
    """The error of a pull queue on this machine when Pub/Sub does not run here."""
    return TargetError(
        f"queue `{plan.key}` is a pull queue, and no Pub/Sub runs beside this engine",
        hint="start it with `queuewright up`, or set PUBSUB_EMULATOR_HOST",
    )


def holding(target: Target, subscription: str, limit: int | None) -> Holding | None:
    """Return the tasks of a subscription, oldest first; None if they cannot be known.

    Google's API tells none of it, and neither does another emulator.

    Args:
        target: where to ask.
        subscription: its full name.
        limit: the most tasks to return; None for all.
    """
    if target.pubsub_address is None:
        return None
    import grpc
    from google.protobuf.json_format import MessageToDict
    from google.protobuf.struct_pb2 import Struct

    from queuewright.pubsub import HELD_MESSAGES

    request = Struct()
    request.update({"subscription": subscription, **({} if limit is None else {"limit": limit})})
    with grpc.insecure_channel(target.pubsub_address) as channel:
        ask = channel.unary_unary(
            f"/{HELD_MESSAGES}/List",
            request_serializer=Struct.SerializeToString,
            response_deserializer=Struct.FromString,
        )
        try:
            answer = MessageToDict(ask(request))
        except grpc.RpcError:
            return None
    tasks = [{**each, "until_us": round(each["until_us"])} for each in answer["messages"]]
    return Holding(round(answer["total"]), round(answer["leased"]), tasks)


def _address(target: Target, plan: PullQueuePlan) -> str | None:
    if target.address is not None and target.pubsub_address is None:
        raise without_pubsub(plan)
    return target.pubsub_address
