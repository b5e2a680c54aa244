"""`queuewright tasks`: what waits in a queue, here or on Google Cloud."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
from google.cloud import tasks_v2
from google.rpc import code_pb2
from rich.table import Table

from queuewright.cli.api import calling
from queuewright.cli.enqueue import find_queue
from queuewright.cli.project import find_target, target_options
from queuewright.cli.rows import Row, show_rows
from queuewright.client import connect


@click.command("tasks")
@click.argument("queue")
@click.option("--limit", default=50, show_default=True, help="Tasks shown at most; 0 is all.")
@click.option("--json", "as_json", is_flag=True, help="For programs: one object a line.")
@target_options
def command(
    queue: str, limit: int, as_json: bool, environment: str | None, state: Path | None
) -> None:
    """List the tasks of QUEUE: when each is due, and how its last attempt went."""
    target = find_target(environment, state)
    plan = find_queue(target.blueprint(), queue)
    with calling(target, plan.name):
        tasks: list[tasks_v2.Task] = []
        for task in connect(target.address).list_tasks(parent=plan.name):
            if limit and len(tasks) == limit:
                click.echo(f"the first {limit}; more with --limit", err=True)
                break
            tasks.append(task)
    rows = sorted(map(_row, tasks), key=lambda row: str(row["schedule_time"]))
    nothing = f"no task in `{plan.key}`, {target}"
    show_rows(rows, _table, as_json=as_json, nothing=nothing)


def _row(task: tasks_v2.Task) -> Row:
    last = task.last_attempt
    answered = last is not None and last.response_time is not None
    status = last.response_status if answered else None
    return {
        "id": task.name.rpartition("/")[2],
        "schedule_time": _written(task.schedule_time),
        "attempts": task.dispatch_count,
        "responses": task.response_count,
        "last_status": code_pb2.Code.Name(status.code) if status else None,
        "last_message": status.message if status else None,
    }


def _written(time: object) -> str | None:
    # Google's types say Timestamp; what comes is a datetime.
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
    left = (due - datetime.now(UTC)).total_seconds()
    if left <= 0:
        return "now"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if left >= size:
            return f"in {left / size:.1f} {unit}"
    return f"in {left:.1f} s"


def _last(row: Row) -> str:
    return str(row["last_message"] or row["last_status"] or "–")
