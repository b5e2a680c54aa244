"""Adds the task that mails a thumbnail, with Google's client for Cloud Tasks."""

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

# The queue sets the URL and the token of its tasks (its `http_target`), so a producer needs to know
# neither. But every task must have some URL. This one goes nowhere: `.invalid` is reserved for that
# (RFC 2606).
URL = "https://routed-by-the-queue.invalid/"


def enqueue(queue: str, name: str, *, to: str, thumbnail: Thumbnail, filename: str) -> bool:
    """Create the task that mails the thumbnail; return whether it is new.

    Args:
        queue: the queue's full name, `projects/…/locations/…/queues/…`.
        name: the task's id, the same for the same mail: Cloud Tasks rejects a name that exists or
            existed recently, so nobody gets the mail twice.
        to: the recipient's address.
        thumbnail: the attachment.
        filename: the attachment's file name.

    Raises:
        google.api_core.exceptions.GoogleAPICallError: Cloud Tasks rejected the call or did not
            respond.
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
    """The process's client, for Google Cloud or for the emulator at `host:port`."""
    if not emulator:
        return tasks_v2.CloudTasksClient()
    channel = grpc.insecure_channel(emulator)
    return tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
