"""Enqueues the mail that carries a thumbnail, with Google's own client for Cloud Tasks."""

from __future__ import annotations

import base64
import json
import os
from functools import cache

import grpc
from google.api_core.exceptions import AlreadyExists
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from picture import Thumbnail

# The queue itself says where its tasks go and with which token (its `http_target`), so a producer
# needs to know neither. A task must have a URL all the same; this one plainly leads nowhere:
# `.invalid` is reserved for that (RFC 2606).
URL = "https://routed-by-the-queue.invalid/"


def enqueue(queue: str, name: str, *, to: str, thumbnail: Thumbnail, filename: str) -> bool:
    """Create the task that mails the thumbnail; return whether it is new.

    Args:
        queue: the full name, `projects/…/locations/…/queues/…`.
        name: the task's id, the same whenever it is the same mail: Cloud Tasks refuses a name that
            exists or existed lately, and so nobody gets the mail twice.
        to: the recipient's address.
        thumbnail: what to attach.
        filename: what to call it.

    Raises:
        google.api_core.exceptions.GoogleAPICallError: Cloud Tasks refused or did not answer.
    """
    body = {
        "to": to,
        "subject": "A thumbnail of your picture",
        "template": "thumbnail",
        "values": {
            "name": filename,
            "width": thumbnail.original[0],
            "height": thumbnail.original[1],
        },
        "attachments": [
            {
                "name": filename,
                "type": "image/jpeg",
                "base64": base64.b64encode(thumbnail.jpeg).decode(),
            }
        ],
    }
    task = tasks_v2.Task(
        name=f"{queue}/tasks/{name}",
        http_request=tasks_v2.HttpRequest(
            http_method=tasks_v2.HttpMethod.POST,
            url=URL,
            headers={"Content-Type": "application/json"},
            body=json.dumps(body).encode(),
        ),
    )
    try:
        _client(os.environ.get("CLOUD_TASKS_EMULATOR_HOST")).create_task(
            parent=queue, task=task, timeout=20
        )
    except AlreadyExists:
        return False
    return True


@cache
def _client(emulator: str | None) -> tasks_v2.CloudTasksClient:
    """The client, one for the process: for Cloud Tasks, or for `host:port` on this machine."""
    if not emulator:
        return tasks_v2.CloudTasksClient()
    channel = grpc.insecure_channel(emulator)
    return tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
