"""The rows of a pull queue's tasks: who holds which until when, and the dead letters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from rich.table import Table

from queuewright.blueprint import PullQueuePlan
from queuewright.cli.printing import echo
from queuewright.cli.project import Target
from queuewright.cli.pull_queue import holding, without_pubsub
from queuewright.cli.rows import Row
from queuewright.cloud_tasks.durations import rounded_duration
from queuewright.errors import TargetError

DEAD = "dead letter"


def pull_rows(target: Target, plan: PullQueuePlan, limit: int) -> list[Row]:
    """Return a row for each task, oldest first, and for each dead letter after them.

    Args:
        target: where to ask.
        plan: the queue.
        limit: the most tasks, and the most dead letters; 0: all.

    Raises:
        TargetError: nothing there tells.
    """
    most = limit or None
    found = holding(target, plan.subscription, most)
    if found is None:
        raise _unknown(target, plan)
    rows = [_row(each) for each in found.tasks]
    shown, total = len(rows), found.total
    if plan.dead_letter_subscription is not None:
        dead = holding(target, plan.dead_letter_subscription, most)
        if dead is not None:
            rows += [{**_row(each), "state": DEAD} for each in dead.tasks]
            shown, total = len(rows), total + dead.total
    if shown < total:
        echo(f"only the first {shown} of {total:,} tasks; `--limit` shows more", err=True)
    return rows


def _unknown(target: Target, plan: PullQueuePlan) -> TargetError:
    what = f"the tasks of pull queue `{plan.key}` cannot be listed in {target}: "
    if target.address is None:
        return TargetError(
            f"{what}Pub/Sub does not tell them",
            hint="look at some with `gcloud pubsub subscriptions pull "
            f"{plan.subscription} --limit=10`, which holds them until their lease ends; "
            "each look counts as an attempt",
        )
    if target.pubsub_address is None:
        return without_pubsub(plan)
    return TargetError(
        f"{what}the Pub/Sub at {target.pubsub_address} does not answer, is not queuewright's, or "
        f"has no subscription `{plan.subscription}`",
        hint="start the environment with `queuewright up`, or change PUBSUB_EMULATOR_HOST",
    )


def pull_table(rows: list[Row]) -> Table:
    """Return the table of such rows."""
    table = Table("TASK", "STATE", "ATTEMPT", "HELD BY", "UNTIL", box=None, pad_edge=False)
    for row in rows:
        table.add_row(
            str(row["id"]),
            str(row["state"]),
            str(row["attempt"] or "–"),
            str(row["holder"] or "–"),
            _until(row["until"]),
        )
    return table


def _row(task: dict[str, Any]) -> Row:
    is_waiting = task["state"] in ("leased", "waiting")
    return {
        "id": task["id"],
        "state": task["state"],
        "attempt": round(task["attempt"]),
        "holder": task["holder"] or None,
        "until": _iso(task["until_us"]) if is_waiting else None,
        "published": _iso(task["published_us"]),
        "ordering_key": task["ordering_key"] or None,
        "bytes": round(task["bytes"]),
    }


def _iso(moment_us: float) -> str:
    return datetime.fromtimestamp(moment_us / 1_000_000, UTC).isoformat()


def _until(moment: object) -> str:
    if moment is None:
        return "–"
    left = datetime.fromisoformat(str(moment)) - datetime.now(UTC)
    return f"in {rounded_duration(left)}" if left > timedelta() else "now"
