"""Prints what a command has to say: nothing in it can control the terminal."""

from __future__ import annotations

import click

from queuewright.terminal import json_text, printable


def echo(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print a text, with control characters escaped; `err`: to standard error."""
    click.echo(printable(text, keep_lines=True), err=err, nl=nl)


def echo_json(value: object, indent: int | None = None) -> None:
    """Print a value as JSON."""
    click.echo(json_text(value, indent))
