"""Adding tasks to a pull queue: publishing to its Pub/Sub topic."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from queuewright_runtime import limits
from queuewright_runtime.addresses import QueueAddress, variable
from queuewright_runtime.apis import coded
from queuewright_runtime.credentials import access_token
from queuewright_runtime.errors import ApiError, EnqueueError
from queuewright_runtime.messages import NewTask, body_of, headers_of
from queuewright_runtime.rest import TIMEOUT_S, Rest

PUBSUB = "https://pubsub.googleapis.com"
EMULATOR_HOST = "PUBSUB_EMULATOR_HOST"
"""The environment variable with the `host:port` of a local Pub/Sub, which speaks gRPC."""

_NO_NAMES = "Pub/Sub gives each message an id of its own, and knows no names"
_NO_URL = "a worker takes its tasks itself, so nothing is sent to a path or URL"


@dataclass(frozen=True)
class NewMessage:
    """A message to publish."""

    data: bytes
    attributes: Mapping[str, str]
    ordering_key: str


class Publisher(Protocol):
    """Publishes messages. Threads may share it."""

    def publish(self, topic: str, messages: Sequence[NewMessage]) -> list[str]:
        """Publish up to 1,000 messages, all or none; return their ids.

        Raises:
            ApiError: none was published, as far as anyone knows.
        """

    def close(self) -> None:
        """Close the connections."""


class RestPublisher:
    """Pub/Sub over REST. A call that is tried again may publish a message twice."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def publish(self, topic: str, messages: Sequence[NewMessage]) -> list[str]:
        """Publish messages; return their ids."""
        body = publish_request(messages)
        answer = self._rest.call("POST", f"{topic}:publish", body, is_idempotent=True)
        return [str(each) for each in answer["messageIds"]]

    def close(self) -> None:
        """Close the connections."""
        self._rest.close()


class GrpcPublisher:
    """A local Pub/Sub over gRPC. Needs the package `google-cloud-pubsub`.

    Args:
        address: `host:port`.
    """

    def __init__(self, address: str) -> None:
        try:
            import grpc
            from google.pubsub_v1 import PublisherClient
            from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
        except ImportError as error:
            raise ImportError(
                f"a local pull queue needs Google's Pub/Sub client ({error}); "
                "write `queuewright-runtime[pull]` into requirements.txt"
            ) from error
        self._channel = grpc.insecure_channel(address)
        self._client = PublisherClient(transport=PublisherGrpcTransport(channel=self._channel))

    def publish(self, topic: str, messages: Sequence[NewMessage]) -> list[str]:
        """Publish messages; return their ids."""
        from google.api_core.exceptions import GoogleAPICallError, RetryError
        from google.pubsub_v1 import PubsubMessage

        made = [
            PubsubMessage(
                data=each.data, attributes=dict(each.attributes), ordering_key=each.ordering_key
            )
            for each in messages
        ]
        try:
            answer = self._client.publish(topic=topic, messages=made, timeout=TIMEOUT_S)
        except RetryError as error:
            raise ApiError("UNAVAILABLE", str(error)) from error
        except GoogleAPICallError as error:
            code = error.grpc_status_code
            raise coded(code.value[0] if code is not None else 2, error.message or "") from error
        return list(answer.message_ids)

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()


def publisher(variables: Mapping[str, str] = os.environ) -> Publisher:
    """Return the local Pub/Sub that the variables name, else Google's.

    Raises:
        ImportError: it is local, and Google's client is not installed.
    """
    if variables.get(EMULATOR_HOST):
        return GrpcPublisher(variables[EMULATOR_HOST])
    return RestPublisher(Rest(f"{PUBSUB}/v1", access_token()))


def new_message(queue: QueueAddress, task: NewTask[Any]) -> NewMessage:
    """Return the message of a new task.

    Raises:
        EnqueueError: Pub/Sub can't do what the task asks for, or would refuse it.
    """
    for option, why in _refused(queue, task):
        raise EnqueueError(f"queue `{queue.key}` is a pull queue, which knows no `{option}`: {why}")
    message = NewMessage(body_of(task), headers_of(task), task.ordering_key or "")
    size = size_of(message)
    if size > limits.MAX_PUBLISH_BYTES:
        raise EnqueueError(
            f"the task for `{queue.key}` has {size:,} bytes: Pub/Sub allows "
            f"{limits.MAX_PUBLISH_BYTES:,}; put the data into a bucket, and its name into the task"
        )
    return message


def is_delayed(task: NewTask[Any]) -> bool:
    """Return whether a task asks for a time."""
    return task.delay is not None or task.at is not None


def publish_request(messages: Iterable[NewMessage]) -> dict[str, Any]:
    """Return the body of a call of `projects.topics.publish` in Pub/Sub's REST API.

    https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/publish
    """
    return {"messages": [_json(message) for message in messages]}


def _refused(queue: QueueAddress, task: NewTask[Any]) -> Iterator[tuple[str, str]]:
    """The options of a task that a pull queue does not know, each with the reason."""
    for option in ("delay", "at"):
        if getattr(task, option) is not None and queue.delays is None:
            yield option, f"Pub/Sub can't deliver later; {_how_to_delay(queue)}"
    if task.key is not None and not is_delayed(task):
        also = "; with a delay, the queue that keeps delayed tasks does" if queue.delays else ""
        yield "key", _NO_NAMES + also
    for option in ("path", "url"):
        if getattr(task, option) is not None:
            yield option, _NO_URL


def _how_to_delay(queue: QueueAddress) -> str:
    if queue.key == queue.name:
        return "give the queue's key in the YAML file instead of its full name"
    return (
        f"add `delays: true` to `queues.{queue.key}.pull`, and a push queue in front keeps the "
        f"task until it is due (its name is in `{variable('QUEUE', queue.key)}_DELAYS`)"
    )


def size_of(message: NewMessage) -> int:
    """Return about how many bytes a message has."""
    words = sum(len(key) + len(value) for key, value in message.attributes.items())
    return len(message.data) + words + len(message.ordering_key)


def batches(messages: Iterable[tuple[int, NewMessage]]) -> Iterable[list[tuple[int, NewMessage]]]:
    """Split numbered messages into batches that Pub/Sub takes, in their order."""
    batch: list[tuple[int, NewMessage]] = []
    size = 0
    for number, message in messages:
        more = size_of(message) + 100
        full = len(batch) == limits.MAX_MESSAGES_PER_PUBLISH
        if batch and (full or size + more > limits.MAX_PUBLISH_BYTES // 2):
            yield batch
            batch, size = [], 0
        batch.append((number, message))
        size += more
    if batch:
        yield batch


def _json(message: NewMessage) -> dict[str, Any]:
    found: dict[str, Any] = {"data": base64.b64encode(message.data).decode()}
    if message.attributes:
        found["attributes"] = dict(message.attributes)
    if message.ordering_key:
        found["orderingKey"] = message.ordering_key
    return found
