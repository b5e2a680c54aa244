"""`queuewright tasks`: the tasks in a queue, here or on Google Cloud."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import click
from google.api_core import exceptions
from google.cloud import tasks_v2
from google.rpc import code_pb2
from rich.table import Table

from queuewright.blueprint import QueuePlan
from queuewright.cli.api import calling
from queuewright.cli.counted import counted
from queuewright.cli.ended_attempts import ended_attempts
from queuewright.cli.gone_tasks import NO_HISTORY, gone_rows, gone_table
from queuewright.cli.named_queue import NamedQueue, find_queue
from queuewright.cli.printing import echo, echo_json
from queuewright.cli.project import Target, find_target, target_options
from queuewright.cli.pull_queue import find_pull_queue
from queuewright.cli.pull_tasks import pull_rows, pull_table
from queuewright.cli.rows import Row, show_rows
from queuewright.cli.task_lines import task_lines
from queuewright.cli.task_story import story
from queuewright.client import connect
from queuewright.cloud_tasks.durations import rounded_duration
from queuewright.errors import TargetError
from queuewright.history import RemoteHistory, State


class _Tasks(click.Group):
    """`tasks QUEUE` is short for `tasks list QUEUE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words = [word for word in args if not word.startswith("-")]
        if words and words[0] not in self.commands:
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group("tasks", cls=_Tasks)
def command() -> None:
    """The tasks of a queue, here or on Google Cloud: list them, or show, run or delete one.

    `tasks QUEUE` is short for `tasks list QUEUE`.
    """


@command.command("list")
@click.argument("queue")
@click.option("--finished", is_flag=True, help="Those that finished, from the history here.")
@click.option("--failed", is_flag=True, help="Those that were given up or expired.")
@click.option("--deleted", is_flag=True, help="Those that were deleted or purged.")
@click.option("--text", default="", help="Of those: with this in their id, headers or body.")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=50,
    show_default=True,
    help="The most tasks to show; 0: all.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@target_options
def list_tasks(
    queue: str,
    finished: bool,
    failed: bool,
    deleted: bool,
    text: str,
    limit: int,
    as_json: bool,
    environment: str | None,
    state: Path | None,
) -> None:
    """List the tasks of QUEUE, with the time when each is due and its last attempt.

    While an attempt runs here, the one before is shown too; Google Cloud does not tell it. Of a
    pull queue that runs here: who holds which task until when, and the dead letters.
    """
    target = find_target(environment, state)
    blueprint = target.known_blueprint()
    pulled = find_pull_queue(blueprint, queue) if blueprint is not None else None
    states = [
        each
        for is_asked, some in zip((finished, failed, deleted), _ENDS, strict=True)
        for each in some
        if is_asked
    ]
    if text and not states:
        raise click.UsageError("`--text` needs `--finished`, `--failed` or `--deleted`")
    if pulled is not None:
        if states:
            raise TargetError(f"queue `{pulled.key}` is a pull queue, of which no history is kept")
        rows = pull_rows(target, pulled, limit)
        nothing = f"no tasks in `{pulled.key}`, {target}"
        show_rows(rows, pull_table, as_json=as_json, nothing=nothing)
        return
    named = find_queue(target, queue)
    if states:
        rows = gone_rows(target, named, states, text, limit)
        nothing = f"no such tasks of `{named.key}` in the history, {target}"
        show_rows(rows, gone_table, as_json=as_json, nothing=nothing)
        return
    with calling(target, named.name):
        tasks: list[tasks_v2.Task] = []
        for task in connect(target.address).list_tasks(parent=named.name):
            if limit and len(tasks) == limit:
                echo(f"only the first {limit} tasks; `--limit` shows more", err=True)
                break
            tasks.append(task)
    running = [task.name for task in tasks if _is_running(task)]
    ended = ended_attempts(target.address, named.name, running) if target.address else {}
    rows = [_row(task, ended.get(task.name)) for task in tasks]
    rows.sort(key=lambda row: str(row["schedule_time"]))
    nothing = f"no tasks in `{named.key}`, {target}"
    show_rows(rows, _table, as_json=as_json, nothing=nothing)


@command.command("show")
@click.argument("queue")
@click.argument("task")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@target_options
def show(queue: str, task: str, as_json: bool, environment: str | None, state: Path | None) -> None:
    """Show one task: what it sends, and its attempts with what its handler printed.

    Here also a task that is gone, as far as the history has it.
    """
    target = find_target(environment, state)
    named = find_queue(target, queue)
    name = _full_name(named, task)
    found = _get(target, name)
    history = RemoteHistory(target.address).task(name) if target.address is not None else None
    if found is None and (history is None or (history.record is None and not history.attempts)):
        hint = "`queuewright tasks` lists them" if target.address else NO_HISTORY
        raise TargetError(f"`{name}`: there is no such task in {target}", hint=hint)
    if history is None:
        echo(NO_HISTORY if target.address is None else f"{target} has no history", err=True)
    plan = named.settings
    dead = plan.dead_letters if isinstance(plan, QueuePlan) else None
    told = story(name, found, history, allowed=dead.max_attempts if dead is not None else None)
    if as_json:
        echo_json(told)
        return
    for line in task_lines(told):
        echo(line)


@command.command("run")
@click.argument("queue")
@click.argument("task")
@target_options
def run(queue: str, task: str, environment: str | None, state: Path | None) -> None:
    """Start an attempt of a task now, whatever its queue's state and limits are."""
    target = find_target(environment, state)
    named = find_queue(target, queue)
    name = _full_name(named, task)
    with calling(target, name):
        connect(target.address).run_task(name=name)
    echo(f"started in {target}", err=True)
    echo(name)


@command.command("delete")
@click.argument("queue")
@click.argument("tasks", nargs=-1, metavar="[TASK]...")
@click.option("--all", "every", is_flag=True, help="All tasks of the queue.")
@click.option("--yes", is_flag=True, help="With `--all`: do not ask.")
@target_options
def delete(
    queue: str,
    tasks: tuple[str, ...],
    every: bool,
    yes: bool,
    environment: str | None,
    state: Path | None,
) -> None:
    """Delete tasks of QUEUE. An attempt that runs may finish."""
    if bool(tasks) == every:
        raise click.UsageError("give the ids of tasks, or `--all`")
    target = find_target(environment, state)
    named = find_queue(target, queue)
    client = connect(target.address)
    names = [_full_name(named, task) for task in tasks]
    if every:
        with calling(target, named.name):
            names = [task.name for task in client.list_tasks(parent=named.name)]
        if names and not yes:
            what = f"delete {counted(len(names), 'task')} of `{named.key}`"
            if not sys.stdin.isatty():
                raise click.UsageError(f"{what}?\n  hint: agree with `--yes`")
            click.confirm(f"{what}, {target}?", abort=True, err=True)
    deleted, missing = 0, []
    for name in names:
        with calling(target, name):
            try:
                client.delete_task(name=name)
                deleted += 1
            except exceptions.NotFound:
                missing.append(name.rpartition("/")[2])
    echo(f"deleted {counted(deleted, 'task')} of `{named.key}`, {target}", err=True)
    if missing and not every:  # with `--all`, a task may end before it is deleted
        raise TargetError(f"no such task in `{named.key}`: {', '.join(missing)}")


_ENDS: Final[tuple[tuple[State, ...], ...]] = (
    ("finished",),
    ("failed", "expired"),
    ("deleted", "purged"),
)
"""What `--finished`, `--failed` and `--deleted` show."""


def _full_name(named: NamedQueue, task: str) -> str:
    """Return the full name of a task, given by its id or its full name."""
    prefix = f"{named.name}/tasks/"
    if "/" not in task:
        return prefix + task
    if not task.startswith(prefix):
        raise TargetError(f"`{task}` is not a task of `{named.name}`", hint="give its id")
    return task


def _get(target: Target, name: str) -> tasks_v2.Task | None:
    """Return a task with its body; None if it is gone."""
    request = tasks_v2.GetTaskRequest(name=name, response_view=tasks_v2.Task.View.FULL)
    with calling(target, name):
        try:
            return connect(target.address).get_task(request=request)
        except exceptions.NotFound:
            return None


def _is_running(task: tasks_v2.Task) -> bool:
    """Whether an attempt runs: it has been dispatched, and has no result yet."""
    # An attempt that ended without a response has a status, but no `response_time`.
    last = task.last_attempt
    has_ended = last.response_time is not None or last.response_status.code
    return last.dispatch_time is not None and not has_ended


def _row(task: tasks_v2.Task, before: tasks_v2.Attempt | None = None) -> Row:
    """The row of a task; `before` is the attempt before the running one, if it is known."""
    is_running = _is_running(task)
    last = before if is_running else task.last_attempt
    has_ended = last is not None and (last.response_time is not None or last.response_status.code)
    status = last.response_status if last is not None and has_ended else None
    return {
        "id": task.name.rpartition("/")[2],
        "schedule_time": _iso(task.schedule_time),
        "attempts": task.dispatch_count,
        "responses": task.response_count,
        "running": is_running,
        "last_status": code_pb2.Code.Name(status.code) if status else None,
        "last_message": status.message if status else None,
    }


def _iso(time: object) -> str | None:
    # Google's types say Timestamp, but the value is a datetime.
    return time.isoformat() if isinstance(time, datetime) else None


def _table(rows: list[Row]) -> Table:
    table = Table("TASK", "DUE", "ATTEMPTS", "LAST ATTEMPT", box=None, pad_edge=False)
    for row in rows:
        table.add_row(str(row["id"]), _due(row), str(row["attempts"]), _last(row))
    return table


def _due(row: Row) -> str:
    if row["schedule_time"] is None:
        return "now"
    due = datetime.fromisoformat(str(row["schedule_time"]))
    left = due - datetime.now(UTC)
    return f"in {rounded_duration(left)}" if left > timedelta() else "now"


def _last(row: Row) -> str:
    ended = row["last_message"] or row["last_status"]
    if row["running"]:
        return f"running; before: {ended}" if ended else "running"
    return str(ended or "–")
