"""Pub/Sub beside the engine: its port, its state, and the topics and subscriptions to create.

Importing it needs google-cloud-pubsub, like `queuewright.pubsub`.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from queuewright.engine import host_port
from queuewright.errors import Refusal, TargetError
from queuewright.local.processes.ports import listen
from queuewright.local.pull_queues.options import PubSubOptions
from queuewright.origins import own_address
from queuewright.pubsub import PubSub
from queuewright.pubsub.protocol import (
    GetSubscriptionRequest,
    GetTopicRequest,
    Subscription,
    Topic,
)

_TOPIC_HINT = "such as `--topic projects/my-project/topics/reports`"
_SUBSCRIPTION_HINT = "such as `--subscription projects/my-project/subscriptions/reports:reports`"

_parts = re.compile(r"((projects/[^/]*)/subscriptions/([^/:]*))(?::(.*))?", re.DOTALL).fullmatch


@asynccontextmanager
async def running_pubsub(
    options: PubSubOptions, host: str, state: Path | None
) -> AsyncIterator[str]:
    """Run Pub/Sub until the block ends; yield its `host:port`.

    Args:
        options: the port, and what must exist.
        host: the address to listen on.
        state: the folder that keeps messages; None keeps nothing.

    Raises:
        TargetError: the port or the state is taken, or a name is malformed.
    """
    async with PubSub(state=state) as server:
        await _declare(server, options)
        port = await listen(server.serve_grpc, host, options.port, "--pubsub-port")
        yield host_port(own_address(host), port)


async def _declare(server: PubSub, options: PubSubOptions) -> None:
    """Create the topics and subscriptions that are missing; leave the others as they are."""
    wanted = [_subscription(text) for text in options.subscriptions]
    topics = dict.fromkeys(options.topics, "--topic")
    for text, asked in zip(options.subscriptions, wanted, strict=True):
        topics.setdefault(asked.topic, f"--subscription `{text}`: topic")
    # Checked before anything is created, so that a wrong name changes nothing.
    missing = [name for name, what in topics.items() if not await _has_topic(server, name, what)]
    new = [asked for asked in wanted if not await _has_subscription(server, asked)]
    for name in missing:
        await server.publisher.create_topic(Topic(name=name))
    for name, topic in {asked.name: asked.topic for asked in new}.items():
        await server.subscriber.create_subscription(Subscription(name=name, topic=topic))


def _subscription(text: str) -> Subscription:
    """Return the name and the topic in `NAME[:TOPIC]`.

    The topic is an id in the same project or a full name; left out, it has the subscription's id.
    """
    match = _parts(text)
    if match is None:
        raise TargetError(
            f"--subscription `{text}`: not the full name of a subscription",
            hint=_SUBSCRIPTION_HINT,
        )
    name, project, own_id, topic = match.groups()
    topic = own_id if topic is None else topic
    return Subscription(name=name, topic=topic if "/" in topic else f"{project}/topics/{topic}")


async def _has_topic(server: PubSub, name: str, what: str) -> bool:
    try:
        await server.publisher.get_topic(GetTopicRequest(topic=name))
    except Refusal as refusal:
        if refusal.code != "NOT_FOUND":
            hint = _TOPIC_HINT if what == "--topic" else _SUBSCRIPTION_HINT
            raise TargetError(f"{what} `{name}`: {refusal.message}", hint=hint) from None
        return False
    return True


async def _has_subscription(server: PubSub, asked: Subscription) -> bool:
    request = GetSubscriptionRequest(subscription=asked.name)
    try:
        found = await server.subscriber.get_subscription(request)
    except Refusal as refusal:
        if refusal.code != "NOT_FOUND":
            problem = f"--subscription `{asked.name}`: {refusal.message}"
            raise TargetError(problem, hint=_SUBSCRIPTION_HINT) from None
        return False
    if found.topic != asked.topic:
        raise TargetError(
            f"--subscription `{asked.name}`: it exists, and its topic is `{found.topic}`, "
            f"not `{asked.topic}`",
            hint="delete it first, or start with another state folder or `--memory`",
        )
    return True
