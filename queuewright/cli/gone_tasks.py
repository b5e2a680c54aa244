"""The tasks that finished, failed or were deleted, as rows."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.table import Table

from queuewright.cli.named_queue import NamedQueue
from queuewright.cli.project import Target
from queuewright.cli.rows import Row
from queuewright.cli.task_story import STATUS_WORDS, age, moment_text
from queuewright.errors import TargetError
from queuewright.history import RemoteHistory, State, TaskRecord

NO_HISTORY = "Google Cloud forgets a task when it ends; `up` and `emulator` keep a history"


def gone_rows(
    target: Target, named: NamedQueue, states: list[State], text: str, limit: int
) -> list[Row]:
    """Return the tasks of a queue that ended in these states, the latest first.

    Raises:
        TargetError: there is no history.
    """
    if target.address is None:
        raise TargetError(f"{target} has no history", hint=NO_HISTORY)
    found = RemoteHistory(target.address).tasks(named.name, states, text=text, limit=limit or 1_000)
    if found is None:
        raise TargetError(f"{target} has no history", hint="it is another emulator, or an old one")
    return [_row(record) for record in found]


def gone_table(rows: list[Row]) -> Table:
    """Return the table of such rows."""
    now = datetime.now(UTC)
    table = Table("TASK", "ENDED", "STATE", "ATTEMPTS", "LAST ATTEMPT", box=None, pad_edge=False)
    for row in rows:
        table.add_row(
            str(row["id"]),
            age(str(row["ended"]), now) if row["ended"] else "–",
            f"{row['state']}: {row['why']}" if row["why"] else str(row["state"]),
            str(row["attempts"]),
            str(row["last_status"] or "–"),
        )
    return table


def _row(record: TaskRecord) -> Row:
    result = record.last_result
    return {
        "id": record.name.rpartition("/")[2],
        "state": record.state,
        "created": moment_text(record.created_us),
        "ended": moment_text(record.ended_us),
        "attempts": record.attempts,
        "last_status": str(result) if result > 0 else STATUS_WORDS.get(result) or None,
        "why": record.why or None,
        "creator": record.creator or None,
        "parent": record.parent or None,
    }
