"""Prints what a command has to say: nothing in it can control the terminal."""

from __future__ import annotations

from collections.abc import Collection

import click

from queuewright.terminal import json_text, with_output


def echo(text: str, *, err: bool = False, nl: bool = True, output: Collection[str] = ()) -> None:
    """Print a text, with control characters escaped.

    Args:
        text: the text.
        err: print to standard error.
        nl: end with a new line.
        output: the lines of the text that a handler printed; a terminal shows their colours.
    """
    click.echo(with_output(text, output), err=err, nl=nl)


def echo_json(value: object, indent: int | None = None) -> None:
    """Print a value as JSON."""
    click.echo(json_text(value, indent))
