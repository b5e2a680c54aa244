"""`queuewright check`: what is wrong in an environment's file, all at once."""

from __future__ import annotations

from pathlib import Path

import click

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
    """Say what is wrong in an environment's file and what it extends, all at once."""
    root = Path() if file is not None else find_root()
    spec = load_file(file, root) if file is not None else load(environment, root)
    with_sources_checked(spec, root)
    queues = f"{len(spec.queues)} queue" + ("s" if len(spec.queues) != 1 else "")
    handlers = f"{len(spec.handlers)} handler" + ("s" if len(spec.handlers) != 1 else "")
    click.echo(f"{spec.environment}: {queues}, {handlers}, no problem")
