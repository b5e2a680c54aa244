"""From a photo to a mail: both handlers, with Google's client and the engine between them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from flask.testing import FlaskClient
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from werkzeug.serving import make_server

from queuewright.engine import Engine, Event, ManualClock

LOCATION = "projects/acme-dev/locations/europe-west1"
Photo = Any


@contextmanager
def serving(client: FlaskClient) -> Iterator[int]:
    server = make_server("127.0.0.1", 0, client.application, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def queue(name: str, port: int, path: str) -> Any:
    """A queue that routes its tasks, as in the blueprint."""
    override = {"host": "127.0.0.1", "port": port, "path_override": {"path": path}}
    return tasks_v2.Queue.pb(
        tasks_v2.Queue(
            name=f"{LOCATION}/queues/{name}",
            http_target={"uri_override": {"scheme": "HTTP", **override}},
        )
    )


def written(folder: str) -> list[Path]:
    return list((Path("out") / folder).iterdir())


async def test_a_photo_leads_to_a_thumbnail_and_one_mail(
    thumbnails: FlaskClient,
    mailer: FlaskClient,
    photo: Photo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Even if the thumbnail's task runs a second time, because the mail's task has a name."""
    monkeypatch.setenv("QUEUE_EMAILS", f"{LOCATION}/queues/emails")
    monkeypatch.setenv("MAIL_TO", "ada@example.com")
    answers: list[Event] = []
    engine = Engine(
        clock=ManualClock(),
        on_event=lambda event: answers.append(event) if event.kind == "AttemptResponse" else None,
    )
    await engine.start()
    address = f"127.0.0.1:{await engine.serve_grpc(port=0)}"
    monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", address)
    with (
        serving(thumbnails) as first,
        serving(mailer) as second,
        grpc.insecure_channel(address) as channel,
    ):
        client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
        await engine.declare_queue(queue("thumbnails", first, "/"))
        await engine.declare_queue(queue("emails", second, "/send"))
        request = tasks_v2.HttpRequest(url="https://queue.invalid/", body=photo())
        name = f"{LOCATION}/queues/thumbnails/tasks/holiday"
        task = tasks_v2.Task(name=name, http_request=request)
        await asyncio.to_thread(
            client.create_task, parent=f"{LOCATION}/queues/thumbnails", task=task
        )
        await engine.drain()
        again = await asyncio.to_thread(
            thumbnails.post, "/", data=photo(), headers={"X-CloudTasks-TaskName": "holiday"}
        )
        await engine.drain()
    await engine.stop()
    assert again.status_code == 200
    (thumbnail,), (mail,) = written("thumbnails"), written("mail")
    assert thumbnail.name.encode() in mail.read_bytes()
    assert [event.http_code for event in answers] == [200, 200]
