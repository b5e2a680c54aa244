"""`queuewright tasks`: the tasks in a queue, here or on Google Cloud."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from google.cloud import tasks_v2
from google.rpc import code_pb2
from rich.table import Table

from queuewright.cli.api import calling
from queuewright.cli.ended_attempts import ended_attempts
from queuewright.cli.named_queue import find_queue
from queuewright.cli.printing import echo
from queuewright.cli.project import find_target, target_options
from queuewright.cli.pull_queue import find_pull_queue
from queuewright.cli.pull_tasks import pull_rows, pull_table
from queuewright.cli.rows import Row, show_rows
from queuewright.client import connect
from queuewright.cloud_tasks.durations import rounded_duration


@click.command("tasks")
@click.argument("queue")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=50,
    show_default=True,
    help="The most tasks to show; 0: all.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@target_options
def command(
    queue: str, limit: int, as_json: bool, environment: str | None, state: Path | None
) -> None:
    """List the tasks of QUEUE, with the time when each is due and its last attempt.

    While an attempt runs here, the one before is shown too; Google Cloud does not tell it. Of a
    pull queue that runs here: who holds which task until when, and the dead letters.
    """
    target = find_target(environment, state)
    pulled = find_pull_queue(target.blueprint(), queue)
    if pulled is not None:
        rows = pull_rows(target, pulled, limit)
        nothing = f"no tasks in `{pulled.key}`, {target}"
        show_rows(rows, pull_table, as_json=as_json, nothing=nothing)
        return
    named = find_queue(target, queue)
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
