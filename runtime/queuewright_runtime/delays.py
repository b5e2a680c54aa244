"""A delayed task of a pull queue: a task of the push queue in front, which publishes it. Pure."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import datetime
from typing import Any

from queuewright_runtime import limits
from queuewright_runtime.addresses import QueueAddress
from queuewright_runtime.durations import timestamp
from queuewright_runtime.errors import EnqueueError
from queuewright_runtime.messages import task_id
from queuewright_runtime.publishing import PUBSUB, NewMessage, publish_request

_TYPED = {"Content-Type": "application/json"}


def delayed_task(
    queue: QueueAddress, message: NewMessage, due: datetime, key: str | None
) -> dict[str, Any]:
    """Return the task in the API's JSON that publishes a message when it is due.

    It has a name: a retry creates no second task. The queue adds an access token, and replaces the
    URL with the same one.

    Args:
        queue: a pull queue with `delays`.
        message: what it will publish.
        due: when.
        key: the same key, the same task; None: each is another.

    Raises:
        ValueError: the queue has no `delays`.
        EnqueueError: the task is too large for Cloud Tasks.
    """
    if queue.delays is None:
        raise ValueError(f"queue `{queue.key}` has no delays")
    identifier = uuid.uuid4().hex if key is None else task_id(key)
    name = f"{queue.delays}/tasks/{identifier}"
    url = f"{PUBSUB}/v1/{queue.name}:publish"
    body = json.dumps(publish_request([message])).encode()
    words = sum(len(header) + len(value) for header, value in _TYPED.items())
    size = len(name) + len(url) + words + len(body)
    if size > limits.MAX_TASK_BYTES:
        raise EnqueueError(
            f"the task for `{queue.key}` has {size:,} bytes as a request to publish it (in "
            f"base64), and the queue for delays takes at most {limits.MAX_TASK_BYTES:,}; put the "
            "data into a bucket, and its name into the task"
        )
    request = {"url": url, "headers": _TYPED, "body": base64.b64encode(body).decode()}
    return {"name": name, "scheduleTime": timestamp(due), "httpRequest": request}
