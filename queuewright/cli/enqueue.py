"""`queuewright enqueue`: add one task to a queue, here or on Google Cloud."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from google.api_core import exceptions
from google.cloud import tasks_v2

from queuewright.blueprint import QueuePlan
from queuewright.cli.api import calling
from queuewright.cli.duration_option import DURATION
from queuewright.cli.named_queue import find_queue
from queuewright.cli.printing import echo
from queuewright.cli.project import Target, find_target, target_options
from queuewright.cli.pull_queue import REFUSED, find_pull_queue, publish, publish_later
from queuewright.cli.receiver import Receiver, task_url
from queuewright.cli.task_body import (
    check_payload,
    header_values,
    merged,
    refuse_reserved,
    task_body,
    typed,
)
from queuewright.client import EnqueueError, NewTask, connect, task_id
from queuewright.errors import TargetError
from queuewright_runtime.messages import schedule_time


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
    type=DURATION,
    metavar="TIME",
    help="Run it after this time, such as `10m`; a pull queue needs `delays: true` for it.",
)
@click.option(
    "--name", metavar="ID", help="The id of the task; another task with the same id is refused."
)
@click.option(
    "--key",
    metavar="TEXT",
    help="The same key, the same task: if there is one already, that is fine. As `key=` of the "
    "client; for a pull queue only with a delay.",
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
    key: str | None,
    path: str | None,
    url: str | None,
    headers: tuple[str, ...],
    ordering_key: str | None,
    environment: str | None,
    state: Path | None,
) -> None:
    """Add a task to QUEUE. Its body is PAYLOAD, a file, or the queue's example.

    `-` as PAYLOAD is standard input.

    Prints the name of the task; for a pull queue, the id of the message. With a delay, that is the
    name of the task that will publish it.
    """
    given = sum((payload is not None, file is not None, example))
    if given > 1:
        raise click.UsageError("give one of PAYLOAD, --file and --example")
    if name is not None and key is not None:
        raise click.UsageError("give one of --name and --key")
    if key == "":
        raise click.UsageError("--key is empty: every task with it would be the same task")
    if url is not None and path is not None:
        raise click.UsageError("give one of --url and --path")
    target = find_target(environment, state)
    pulled = find_pull_queue(target.blueprint(), queue)
    if pulled is not None:
        given_options = {"--name": name, "--path": path, "--url": url}
        if delay is None:
            given_options["--key"] = key
        for option, value in given_options.items():
            if value is not None:
                problem = f"queue `{pulled.key}` is a pull queue, which `{option}` is not for"
                raise TargetError(problem, hint=REFUSED[option])
        body, content_type = task_body(pulled.key, pulled, payload, file, example=example)
        check_payload(target.project, pulled.key, pulled.payload, body)
        attributes = {**typed(content_type), **header_values(headers)}
        if delay is None:
            number = publish(target, pulled, body, attributes, ordering_key)
        else:
            made = publish_later(target, pulled, body, attributes, ordering_key, delay, key)
            if made.existed:
                _say_it_exists(key, target)
                echo(made.name)
                return
            number = made.name
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
    check_payload(target.project, named.key, plan.payload if plan is not None else None, body)
    given_headers = header_values(headers)
    refuse_reserved(given_headers)
    task = _task(
        where,
        body,
        merged(typed(content_type), given_headers),
        is_app_engine=receiver is not None and receiver.is_app_engine,
    )
    due = _schedule_time(delay)
    if due is not None:
        task.schedule_time = due  # type: ignore[assignment]
    if plan is not None and plan.dispatch_deadline is not None:
        task.dispatch_deadline = plan.dispatch_deadline  # type: ignore[assignment]
    if key is not None:
        name = task_id(key)
    if name is not None:
        task.name = f"{named.name}/tasks/{name}"
    with calling(target, named.name):
        try:
            created = connect(target.address).create_task(parent=named.name, task=task).name
        except exceptions.AlreadyExists:
            if key is None:
                raise
            _say_it_exists(key, target)
            echo(task.name)
            return
    echo(f"queued for `{receiver.words if receiver else where}` in {target}", err=True)
    echo(created)


def _say_it_exists(key: str | None, target: Target) -> None:
    echo(f"there is or was a task with the key `{key}` in {target}", err=True)


def _schedule_time(delay: timedelta | None) -> datetime | None:
    """The time of a task that waits, by the rules of the client."""
    try:
        return schedule_time(NewTask(delay=delay), datetime.now(UTC))
    except EnqueueError as error:
        raise TargetError(str(error), hint="give a shorter time with `--in`") from None


def _task(url: str, body: bytes, headers: dict[str, str], *, is_app_engine: bool) -> tasks_v2.Task:
    if is_app_engine:
        return tasks_v2.Task(
            app_engine_http_request=tasks_v2.AppEngineHttpRequest(
                relative_uri=url, headers=headers, body=body
            )
        )
    return tasks_v2.Task(http_request=tasks_v2.HttpRequest(url=url, headers=headers, body=body))
