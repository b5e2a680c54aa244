"""Dead letters for people and for programs. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import datetime

from rich.table import Table

from queuewright.cli.rows import Row
from queuewright.cloud_tasks.durations import rounded_duration
from queuewright.dead_letters import REASONS, DeadLetter

SHOWN_ERROR = 100
"""Characters in a table."""


def letter_row(letter: DeadLetter, *, whole: bool) -> Row:
    """Return a letter for programs; `whole` adds its traceback, its request and its body."""
    row: Row = {
        "id": letter.letter_id,
        "task": letter.task,
        "died": letter.died.isoformat(),
        "reason": letter.reason,
        "attempts": letter.attempts,
        "status": letter.status,
        "error": letter.error,
    }
    if whole:
        row |= {
            "scheduled": letter.scheduled.isoformat() if letter.scheduled else None,
            "traceback": letter.traceback or None,
            "method": letter.method,
            "url": letter.url,
            "headers": dict(letter.headers),
            **_body(letter.body),
        }
    return row


def letters_table(rows: list[Row], now: datetime) -> Table:
    """Return the table of such rows."""
    table = Table("TASK", "DIED", "ATTEMPTS", "STATUS", "ERROR", box=None, pad_edge=False)
    for row in rows:
        error = str(row["error"])
        died = datetime.fromisoformat(str(row["died"]))
        table.add_row(
            str(row["task"]),
            f"{rounded_duration(max(now - died, died - died))} ago",
            str(row["attempts"]),
            "–" if row["status"] is None else str(row["status"]),
            error if len(error) <= SHOWN_ERROR else f"{error[:SHOWN_ERROR]}…",
        )
    return table


def letter_lines(letter: DeadLetter) -> Iterator[str]:
    """Everything about a letter, for people."""
    yield f"task      {letter.task}"
    yield f"letter    {letter.name}"
    yield f"died      {letter.died.isoformat()}, {REASONS.get(letter.reason, 'nobody says why')}"
    yield f"attempts  {letter.attempts}"
    if letter.scheduled is not None:
        yield f"due       {letter.scheduled.isoformat()}, the last time"
    if letter.status is not None:
        yield f"status    {letter.status}"
    yield f"error     {letter.error}"
    yield f"request   {letter.method} {letter.url}"
    for name, value in letter.headers.items():
        yield f"          {name}: {value}"
    if letter.traceback:
        yield ""
        yield from letter.traceback.rstrip().splitlines()
    yield ""
    body = _body(letter.body)
    yield str(body.get("body", f"{len(letter.body):,} bytes that are no text"))


def _body(body: bytes) -> Row:
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}
