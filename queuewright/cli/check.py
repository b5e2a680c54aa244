"""`queuewright check`: every problem in an environment's file at once."""

from __future__ import annotations

from pathlib import Path

import click

from queuewright.cli.counted import counted
from queuewright.cli.project import environment_argument, find_root
from queuewright.cli.sources import with_sources_checked
from queuewright.spec import load, load_file


@click.command("check")
@environment_argument
@click.option(
    "--file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file to check, instead of an environment of this project.",
)
def command(environment: str, file: Path | None) -> None:
    """Report every problem in an environment's file, and in the files that it extends, at once."""
    root = Path() if file is not None else find_root()
    spec = load_file(file, root) if file is not None else load(environment, root)
    with_sources_checked(spec, root)
    queues, handlers = counted(len(spec.queues), "queue"), counted(len(spec.handlers), "handler")
    click.echo(f"{spec.environment}: {queues}, {handlers}, no problems")
