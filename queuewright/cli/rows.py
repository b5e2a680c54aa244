"""Prints rows to stdout: as a table, or as one JSON object per line."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from queuewright.cli.printing import echo, echo_json
from queuewright.terminal import printable

Row = dict[str, object]


def show_rows(
    rows: list[Row], table: Callable[[list[Row]], Table], *, as_json: bool, nothing: str
) -> None:
    """Print rows as the table that `table` makes, or as JSON; without rows, `nothing` to stderr."""
    if as_json:
        for row in rows:
            echo_json(row)
    elif rows:
        Console().print(table([_shown(row) for row in rows]))
    else:
        echo(nothing, err=True)


def _shown(row: Row) -> Row:
    """Escape control characters and markup: a name or a message may have come from anywhere."""
    return {
        name: escape(printable(value)) if isinstance(value, str) else value
        for name, value in row.items()
    }
