"""Prints rows to stdout: as a table, or as one JSON object per line."""

from __future__ import annotations

import sys
from collections.abc import Callable

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from queuewright.cli.printing import echo, echo_json
from queuewright.terminal import printable

Row = dict[str, object]

WIDEST = 1_000_000
"""Characters of a line that is not for a terminal."""


def show_rows(
    rows: list[Row], table: Callable[[list[Row]], Table], *, as_json: bool, nothing: str
) -> None:
    """Print rows as the table that `table` makes, or as JSON; without rows, `nothing` to stderr."""
    if as_json:
        for row in rows:
            echo_json(row)
    elif rows:
        # A terminal wraps long cells; a program that reads the rows wants each on one line.
        is_read_by_people = sys.stdout is not None and sys.stdout.isatty()
        console = Console(width=None if is_read_by_people else WIDEST)
        console.print(table([_shown(row) for row in rows]))
    else:
        echo(nothing, err=True)


def _shown(row: Row) -> Row:
    """Escape control characters and markup: a name or a message may have come from anywhere."""
    return {
        name: escape(printable(value)) if isinstance(value, str) else value
        for name, value in row.items()
    }
