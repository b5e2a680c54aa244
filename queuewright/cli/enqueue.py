"""`queuewright enqueue`: add one task to a queue, here or on Google Cloud."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from google.cloud import tasks_v2

from queuewright.blueprint import QueuePlan
from queuewright.cli.api import calling
from queuewright.cli.named_queue import find_queue
from queuewright.cli.printing import echo
from queuewright.cli.project import find_target, target_options
from queuewright.cli.pull_queue import REFUSED, find_pull_queue, publish, publish_later
from queuewright.cli.receiver import Receiver, task_url
from queuewright.cli.task_body import header_values, task_body, typed
from queuewright.client import connect
from queuewright.cloud_tasks.durations import parse_us
from queuewright.errors import TargetError


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
    "--delay",
    "--in",
    "delay",
    type=_Duration(),
    metavar="TIME",
    help="Run it after this time, such as `10m`; a pull queue needs `delays: true` for it.",
)
@click.option(
    "--name", metavar="ID", help="The id of the task; another task with the same id is refused."
)
@click.option("--path", help="The path at the handler, if the queue has none.")
@click.option("--url", help="The task's own URL, for a queue without a target of its own.")
@click.option("--header", "headers", multiple=True, metavar="KEY:VALUE", help="May be repeated.")
@click.option(
    "--ordering-key",
    metavar="KEY",
    help="For a pull queue with `ordering`: its tasks with the same key are done in order.",
)
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
    ordering_key: str | None,
    environment: str | None,
    state: Path | None,
) -> None:
    """Add a task to QUEUE. Its body is PAYLOAD, a file, or the queue's example.

    Prints the name of the task; for a pull queue, the id of the message. With a delay, that is the
    name of the task that will publish it.
    """
    given = sum((payload is not None, file is not None, example))
    if given > 1:
        raise click.UsageError("give one of PAYLOAD, --file and --example")
    if url is not None and path is not None:
        raise click.UsageError("give one of --url and --path")
    target = find_target(environment, state)
    pulled = find_pull_queue(target.blueprint(), queue)
    if pulled is not None:
        given_options = {"--name": name, "--path": path, "--url": url}
        for option, value in given_options.items():
            if value is not None:
                problem = f"queue `{pulled.key}` is a pull queue, which `{option}` is not for"
                raise TargetError(problem, hint=REFUSED[option])
        body, content_type = task_body(pulled.key, pulled, payload, file, example=example)
        attributes = {**typed(content_type), **header_values(headers)}
        number = (
            publish(target, pulled, body, attributes, ordering_key)
            if delay is None
            else publish_later(target, pulled, body, attributes, ordering_key, delay)
        )
        who = f"`{pulled.worker}`" if pulled.worker else f"whoever polls `{pulled.queue_id}`"
        echo(f"queued for {who} in {target}", err=True)
        echo(number)
        return
    named = find_queue(target, queue)
    if ordering_key is not None:
        raise TargetError(
            f"queue `{named.key}` is a push queue, which `--ordering-key` is not for",
            hint="Cloud Tasks keeps no order; a pull queue with `ordering: true` does",
        )
    receiver = Receiver.of(named)
    where = task_url(named, receiver, url, path)
    plan = named.settings if isinstance(named.settings, QueuePlan) else None
    body, content_type = task_body(named.key, plan, payload, file, example=example)
    task = _task(
        where,
        body,
        {**typed(content_type), **header_values(headers)},
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


def _task(url: str, body: bytes, headers: dict[str, str], *, is_app_engine: bool) -> tasks_v2.Task:
    if is_app_engine:
        return tasks_v2.Task(
            app_engine_http_request=tasks_v2.AppEngineHttpRequest(
                relative_uri=url, headers=headers, body=body
            )
        )
    return tasks_v2.Task(http_request=tasks_v2.HttpRequest(url=url, headers=headers, body=body))
