"""`queuewright enqueue`: add one task to a queue, here or on Google Cloud."""

from __future__ import annotations

import json
import mimetypes
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from google.cloud import tasks_v2

from queuewright.blueprint import AppEngineRoute, Blueprint, HandlerRoute, QueuePlan
from queuewright.cli.api import calling
from queuewright.cli.printing import echo
from queuewright.cli.project import Target, find_target, target_options
from queuewright.client import connect
from queuewright.cloud_tasks.durations import parse_us
from queuewright.errors import TargetError
from queuewright.spec.words import did_you_mean

# A task must have a URL, although the queue's routing always replaces its scheme and host.
# `.invalid` never resolves (RFC 2606), so a queue without routing cannot send it anywhere.
PLACEHOLDER = "https://queue.invalid"
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
    target = find_target(environment, state)
    plan = find_queue(target.blueprint(), queue)
    if path is not None:
        _check_path(plan, path)
    body, content_type = _body(plan, payload, file, example)
    task = _task(plan, body, {**_typed(content_type), **_headers(headers)}, path)
    if delay is not None:
        task.schedule_time = datetime.now(UTC) + delay  # type: ignore[assignment]
    if name is not None:
        task.name = f"{plan.name}/tasks/{name}"
    with calling(target, plan.name):
        created = connect(target.address).create_task(parent=plan.name, task=task)
    echo(_queued(plan, target), err=True)
    echo(created.name)


def find_queue(plan: Blueprint, queue: str) -> QueuePlan:
    """Return a queue by its key in the file, its id or its full name.

    Raises:
        TargetError: the environment has no such queue.
    """
    for candidate in plan.queues.values():
        if queue in (candidate.key, candidate.queue_id, candidate.name):
            return candidate
    for pulled in plan.pull_queues.values():
        if queue in (pulled.key, pulled.queue_id, pulled.topic):
            raise TargetError(
                f"queue `{pulled.key}` is a pull queue, which this command cannot reach yet",
                hint=f"publish to its topic, `{pulled.topic}`",
            )
    hint = did_you_mean(queue.rpartition("/")[2], plan.queues)
    raise TargetError(f"{plan.environment} has no queue `{queue}`", hint=hint)


def _check_path(plan: QueuePlan, path: str) -> None:
    """Refuse a path that is none, or that the queue would replace with its own."""
    if not path.startswith("/"):
        raise TargetError(f"`{path}` is not a path", hint="start it with `/`, such as `/send`")
    own = None if isinstance(plan.route, AppEngineRoute) else plan.route.path
    if own is not None:
        raise TargetError(
            f"queue `{plan.key}` sends every task to `{own}`",
            hint="leave out `--path`, or remove the queue's own path from the file",
        )


def _body(
    plan: QueuePlan, payload: str | None, file: Path | None, example: bool
) -> tuple[bytes, str | None]:
    """A task's body, and its Content-Type if that is clear."""
    if example:
        if plan.example is None:
            raise TargetError(
                f"queue `{plan.key}` has no example",
                hint=f"add `example: …` under `queues.{plan.key}`",
            )
        return json.dumps(plan.example, ensure_ascii=False).encode(), JSON
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


def _task(plan: QueuePlan, body: bytes, headers: dict[str, str], path: str | None) -> tasks_v2.Task:
    if isinstance(plan.route, AppEngineRoute):
        return tasks_v2.Task(
            app_engine_http_request=tasks_v2.AppEngineHttpRequest(
                relative_uri=path or "/", headers=headers, body=body
            )
        )
    return tasks_v2.Task(
        http_request=tasks_v2.HttpRequest(
            url=PLACEHOLDER + (path or plan.path or "/"), headers=headers, body=body
        )
    )


def _queued(plan: QueuePlan, target: Target) -> str:
    where = plan.route.handler if isinstance(plan.route, HandlerRoute) else plan.handler
    return f"queued for `{where}` in {target}"
