"""A pull queue that a command names: publishes to it, and asks who holds what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from queuewright.blueprint import Blueprint, PullQueuePlan
from queuewright.cli.api import calling
from queuewright.cli.project import Target
from queuewright.client import connect_publisher
from queuewright.errors import TargetError

_NO_URL = "a worker takes its tasks itself, so nothing is sent to a path or URL"
REFUSED: Mapping[str, str] = {
    "--in": "Pub/Sub cannot deliver later; use a push queue whose handler enqueues it here",
    "--name": "Pub/Sub gives each message an id of its own, and knows no names",
    "--key": "Pub/Sub gives each message an id of its own, and knows no names",
    "--path": _NO_URL,
    "--url": _NO_URL,
}
"""Why an option of `enqueue` has no meaning for a pull queue."""


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
    if key is not None and not plan.ordering:
        raise TargetError(
            f"queue `{plan.key}` does not keep an order",
            hint=f"set `ordering: true` in `queues.{plan.key}.pull`, or leave out `--ordering-key`",
        )
    client = connect_publisher(_address(target, plan))
    from google.pubsub_v1 import PubsubMessage

    message = PubsubMessage(data=body, attributes=attributes, ordering_key=key or "")
    with calling(target, plan.topic):
        response = client.publish(topic=plan.topic, messages=[message])
    return str(response.message_ids[0])


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
