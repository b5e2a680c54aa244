"""`queuewright enqueue`: add one task to a queue, here or on Google Cloud."""

from __future__ import annotations

import json
import mimetypes
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from google.cloud import tasks_v2

from queuewright.blueprint import QueuePlan
from queuewright.cli.api import calling
from queuewright.cli.named_queue import NamedQueue, find_queue
from queuewright.cli.printing import echo
from queuewright.cli.project import find_target, target_options
from queuewright.cli.receiver import Receiver, task_url
from queuewright.client import connect
from queuewright.cloud_tasks.durations import parse_us
from queuewright.errors import TargetError

JSON = "application/json"


class _Duration(click.ParamType[timedelta]):
    """A duration such as `10m`, as in the environments' files."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        try:
            return timedelta(microseconds=parse_us(str(value)))
        except (ValueError, OverflowError):
            self.fail(f"`{value}` is not a duration such as `90s`, `10m` or `1h30m`", param, ctx)


@click.command("enqueue")
@click.argument("queue")
@click.argument("payload", required=False)
@click.option(
    "--file",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="A file with the task's body; `-` is standard input.",
)
@click.option("--example", is_flag=True, help="Use the queue's `example` as the body.")
@click.option(
    "--in", "delay", type=_Duration(), metavar="TIME", help="Run it after this time, such as `10m`."
)
@click.option(
    "--name", metavar="ID", help="The id of the task; another task with the same id is refused."
)
@click.option("--path", help="The path at the handler, if the queue has none.")
@click.option("--url", help="The task's own URL, for a queue without a target of its own.")
@click.option("--header", "headers", multiple=True, metavar="KEY:VALUE", help="May be repeated.")
@target_options
def command(
    queue: str,
    payload: str | None,
    file: Path | None,
    example: bool,
    delay: timedelta | None,
    name: str | None,
    path: str | None,
    url: str | None,
    headers: tuple[str, ...],
    environment: str | None,
    state: Path | None,
) -> None:
    """Add a task to QUEUE. Its body is PAYLOAD, a file, or the queue's example.

    Prints the name of the task.
    """
    given = sum((payload is not None, file is not None, example))
    if given > 1:
        raise click.UsageError("give one of PAYLOAD, --file and --example")
    if url is not None and path is not None:
        raise click.UsageError("give one of --url and --path")
    target = find_target(environment, state)
    named = find_queue(target, queue)
    receiver = Receiver.of(named)
    where = task_url(named, receiver, url, path)
    body, content_type = _body(named, payload, file, example)
    task = _task(
        where,
        body,
        {**_typed(content_type), **_headers(headers)},
        is_app_engine=receiver is not None and receiver.is_app_engine,
    )
    if delay is not None:
        task.schedule_time = datetime.now(UTC) + delay  # type: ignore[assignment]
    if name is not None:
        task.name = f"{named.name}/tasks/{name}"
    with calling(target, named.name):
        created = connect(target.address).create_task(parent=named.name, task=task)
    echo(f"queued for `{receiver.words if receiver else where}` in {target}", err=True)
    echo(created.name)


def _body(
    named: NamedQueue, payload: str | None, file: Path | None, example: bool
) -> tuple[bytes, str | None]:
    """A task's body, and its Content-Type if that is clear."""
    if example:
        settings = named.settings
        if not isinstance(settings, QueuePlan):
            raise TargetError(
                f"queue `{named.key}` has no example: it is not in the file",
                hint="give the body as PAYLOAD or with `--file`",
            )
        if settings.example is None:
            raise TargetError(
                f"queue `{named.key}` has no example",
                hint=f"add `example: …` under `queues.{named.key}`",
            )
        return json.dumps(settings.example, ensure_ascii=False).encode(), JSON
    if file is not None:
        return _content(file), mimetypes.guess_type(file.name)[0]
    if payload is None:
        return b"", None
    try:
        json.loads(payload)
    except ValueError:
        return payload.encode(), "text/plain; charset=utf-8"
    return payload.encode(), JSON


def _content(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise TargetError(f"`{file}` cannot be read: {reason}") from None


def _typed(content_type: str | None) -> dict[str, str]:
    return {"Content-Type": content_type} if content_type else {}


def _headers(given: tuple[str, ...]) -> dict[str, str]:
    headers = {}
    for header in given:
        key, colon, value = header.partition(":")
        if not colon or not key.strip():
            raise click.BadParameter(f"`{header}` is not `KEY:VALUE`", param_hint="--header")
        headers[key.strip()] = value.strip()
    return headers


def _task(url: str, body: bytes, headers: dict[str, str], *, is_app_engine: bool) -> tasks_v2.Task:
    if is_app_engine:
        return tasks_v2.Task(
            app_engine_http_request=tasks_v2.AppEngineHttpRequest(
                relative_uri=url, headers=headers, body=body
            )
        )
    return tasks_v2.Task(http_request=tasks_v2.HttpRequest(url=url, headers=headers, body=body))
