"""The shared Pub/Sub scenario with Google's Python client: prints what each step saw, as JSON.

Usage: PUBSUB_EMULATOR_HOST=host:port python pubsub_scenario.py PROJECT
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from google.api_core.exceptions import AlreadyExists, GoogleAPICallError, NotFound
from google.cloud import pubsub_v1
from google.cloud.pubsub_v1.subscriber.exceptions import AcknowledgeError
from google.cloud.pubsub_v1.subscriber.message import Message
from google.cloud.pubsub_v1.types import FlowControl, PublisherOptions

PATIENCE_S = 30


def is_refused(kind: type[GoogleAPICallError], call: Callable[[], object]) -> bool:
    """Return whether a call is refused with this error."""
    try:
        call()
    except kind:
        return True
    return False


def receive(name: str, enough: int, answer: Callable[[Message], bool]) -> list[str]:
    """Collect messages until there are enough; acknowledge those that `answer` allows."""
    data: list[str] = []
    done = threading.Event()

    def received(message: Message) -> None:
        if answer(message):
            message.ack()
        else:
            message.nack()
        data.append(message.data.decode())
        if len(data) == enough:
            done.set()

    with pubsub_v1.SubscriberClient() as subscriber:
        streaming = subscriber.subscribe(name, received, await_callbacks_on_shutdown=True)
        assert done.wait(PATIENCE_S), data
        streaming.cancel()
        streaming.result()
    return data


def acknowledged(subscriber: pubsub_v1.SubscriberClient, name: str) -> list[str]:
    """What becomes of the acknowledgements of two messages, one of which is purged before."""
    outcomes: list[str] = []
    done = threading.Event()

    def received(message: Message) -> None:
        if message.data == b"purged":
            later = datetime.now(UTC) + timedelta(hours=1)
            subscriber.seek(request={"subscription": name, "time": later})
        try:
            outcome = message.ack_with_response().result(PATIENCE_S).name
        except AcknowledgeError as error:
            outcome = error.error_code.name
        outcomes.append(f"{message.data.decode()}: {outcome}")
        if len(outcomes) == 2:
            done.set()

    with pubsub_v1.SubscriberClient() as streamer:
        # One at a time, so that the purge takes only the second one.
        streaming = streamer.subscribe(name, received, flow_control=FlowControl(max_messages=1))
        assert done.wait(PATIENCE_S), outcomes
        streaming.cancel()
        streaming.result()
    return outcomes


def scenario(project: str) -> list[list[Any]]:
    """Run the scenario; return one row per step."""
    topic = f"projects/{project}/topics/reports"
    name = f"projects/{project}/subscriptions/reports"
    publisher = pubsub_v1.PublisherClient(
        publisher_options=PublisherOptions(enable_message_ordering=True)
    )
    subscriber = pubsub_v1.SubscriberClient()
    seen: list[list[Any]] = []

    created = publisher.create_topic(name=topic)
    again = is_refused(AlreadyExists, lambda: publisher.create_topic(name=topic))
    seen.append(["topic", created.name == topic, again])

    subscription = subscriber.create_subscription(
        request={
            "name": name,
            "topic": topic,
            "enable_message_ordering": True,
            "filter": 'attributes.kind != "draft"',
            "retry_policy": {"minimum_backoff": {"seconds": 0}, "maximum_backoff": {"seconds": 1}},
        }
    )
    seen.append(
        ["subscription", subscription.ack_deadline_seconds, subscription.enable_message_ordering]
    )

    for number in range(20):
        publisher.publish(topic, b"free-%02d" % number).result(PATIENCE_S)
    publisher.publish(topic, b"draft", kind="draft").result(PATIENCE_S)
    data = sorted(receive(name, 20, lambda _: True))
    seen.append(["stream", len(data), data[0], data[-1]])

    for number in range(5):
        publisher.publish(topic, b"%d" % number, ordering_key="key")
    failed: list[str] = []

    def fails_once(message: Message) -> bool:
        if message.data != b"2" or failed:
            return True
        failed.append(message.message_id)
        return False

    seen.append(["order", receive(name, 6, fails_once)])

    publisher.publish(topic, b"late").result(PATIENCE_S)
    pulled = subscriber.pull(subscription=name, max_messages=10).received_messages
    seen.append(["pull", len(pulled), pulled[0].message.data.decode()])
    subscriber.acknowledge(subscription=name, ack_ids=[each.ack_id for each in pulled])
    seen.append(["acknowledge", True])

    exact = f"projects/{project}/subscriptions/exact"
    subscriber.create_subscription(
        request={"name": exact, "topic": topic, "enable_exactly_once_delivery": True}
    )
    for text in (b"in time", b"purged"):
        publisher.publish(topic, text).result(PATIENCE_S)
    seen.append(["exactly once", *sorted(acknowledged(subscriber, exact))])

    subscriber.delete_subscription(subscription=name)
    missing = is_refused(NotFound, lambda: subscriber.get_subscription(subscription=name))
    seen.append(["delete", True, missing])
    publisher.stop()
    subscriber.close()
    return seen


if __name__ == "__main__":
    print(json.dumps(scenario(*sys.argv[1:])))
