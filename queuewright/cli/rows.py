"""Prints rows to stdout: as a table, or as one JSON object per line."""

from __future__ import annotations

import json
from collections.abc import Callable

import click
from rich.console import Console
from rich.table import Table

Row = dict[str, object]


def show_rows(
    rows: list[Row], table: Callable[[list[Row]], Table], *, as_json: bool, nothing: str
) -> None:
    """Print rows as the table that `table` makes, or as JSON; without rows, `nothing` to stderr."""
    if as_json:
        for row in rows:
            click.echo(json.dumps(row))
    elif rows:
        Console().print(table(rows))
    else:
        click.echo(nothing, err=True)
