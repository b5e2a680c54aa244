"""`queuewright queues`: the queues of an environment, as they are now."""

from __future__ import annotations

from pathlib import Path

import click
from google.cloud import tasks_v2beta3
from google.protobuf import field_mask_pb2
from rich.table import Table

from queuewright.blueprint import Blueprint, PullQueuePlan
from queuewright.cli.api import calling
from queuewright.cli.printing import echo
from queuewright.cli.project import Target, find_target, target_options
from queuewright.cli.pull_queue import holding
from queuewright.cli.rows import Row, show_rows
from queuewright.client import connect_beta
from queuewright.cloud_tasks.retry import UNLIMITED

# `stats` is returned only if the mask names it; v2 does not have it.
FIELDS = ("name", "type", "state", "rate_limits", "retry_config", "stats")

_NOT_TOLD = (
    "Pub/Sub does not tell the state of a pull queue; how many tasks wait is in Monitoring, as "
    "`pubsub.googleapis.com/subscription/num_undelivered_messages`"
)


@click.command("queues")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@target_options
def command(as_json: bool, environment: str | None, state: Path | None) -> None:
    """List queues, with their settings and how many tasks they hold.

    The running tasks of a pull queue are those that workers have leased.
    """
    target = find_target(environment, state)
    plan = target.blueprint()
    parent = f"projects/{plan.project}/locations/{plan.location}"
    request = tasks_v2beta3.ListQueuesRequest(
        parent=parent, read_mask=field_mask_pb2.FieldMask(paths=FIELDS)
    )
    rows = []
    if plan.queues or not plan.pull_queues or target.address is not None:
        with calling(target, parent):
            rows = [_row(queue) for queue in connect_beta(target.address).list_queues(request)]
    rows = with_dead_letters(rows, plan)
    rows += [_pull_row(target, pulled) for pulled in plan.pull_queues.values()]
    if plan.pull_queues and target.address is None:
        echo(_NOT_TOLD, err=True)
    show_rows(rows, _table, as_json=as_json, nothing=f"no queues in {target}")


def with_dead_letters(rows: list[Row], plan: Blueprint) -> list[Row]:
    """Return the rows, with the dead letters of a queue in its own row. Pure.

    Its attempts are those of the file: it makes some more, in which no code of its handler runs.
    """
    found = {str(row["id"]): row for row in rows}
    for queue in plan.queues.values():
        dead, row = queue.dead_letters, found.get(queue.queue_id)
        if dead is None or row is None or dead.queue_id not in found:
            continue
        row["dead_letters"] = found.pop(dead.queue_id)["tasks"]
        row["max_attempts"] = dead.max_attempts
    return list(found.values())


def _row(queue: tasks_v2beta3.Queue) -> Row:
    return {
        "id": queue.name.rpartition("/")[2],
        "type": "PULL" if queue.type_ == tasks_v2beta3.Queue.Type.PULL else "PUSH",
        "state": queue.state.name,
        "tasks": queue.stats.tasks_count,
        "running": queue.stats.concurrent_dispatches_count,
        "executed_last_minute": queue.stats.executed_last_minute_count,
        "max_dispatches_per_second": queue.rate_limits.max_dispatches_per_second,
        "max_concurrent_dispatches": queue.rate_limits.max_concurrent_dispatches,
        "max_attempts": queue.retry_config.max_attempts,
    }


def _pull_row(target: Target, plan: PullQueuePlan) -> Row:
    """The row of a pull queue of the file; what nobody tells is None."""
    held = holding(target, plan.subscription, 0)
    dead = plan.dead_letter_subscription
    letters = holding(target, dead, 0) if dead is not None else None
    return {
        "id": plan.queue_id,
        "type": "PULL",
        "state": "RUNNING" if held is not None else None,
        "tasks": held.total if held is not None else None,
        "running": held.leased if held is not None else None,
        "max_attempts": plan.dead_letters.max_attempts if plan.dead_letters else UNLIMITED,
        "worker": plan.worker,
        "dead_letters": letters.total if letters is not None else None,
    }


def _table(rows: list[Row]) -> Table:
    has_dead = any(row.get("dead_letters") is not None for row in rows)
    columns = ("QUEUE", "STATE", "TASKS", "RUNNING", "RATE", "AT ONCE", "ATTEMPTS")
    table = Table(*columns, *(["DEAD LETTERS"] if has_dead else []))
    table.box, table.pad_edge = None, False
    for column in table.columns[2:]:
        column.justify = "right"
    for row in rows:
        attempts, is_pull = row["max_attempts"], row["type"] == "PULL"
        table.add_row(
            str(row["id"]),
            "–" if row["state"] is None else str(row["state"]),
            "–" if row["tasks"] is None else str(row["tasks"]),
            "–" if row["running"] is None else str(row["running"]),
            "pull" if is_pull else f"{row['max_dispatches_per_second']:g}/s",
            "–" if is_pull else str(row["max_concurrent_dispatches"]),
            "no limit" if attempts == UNLIMITED else str(attempts),
            *([_dead(row)] if has_dead else []),
        )
    return table


def _dead(row: Row) -> str:
    dead = row.get("dead_letters")
    return "–" if dead is None else str(dead)
