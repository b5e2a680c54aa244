"""`queuewright check`: every problem in an environment's file at once."""

from __future__ import annotations

from pathlib import Path

import click

from queuewright.blueprint import MANY_ACCOUNTS, blueprint
from queuewright.cli.counted import counted
from queuewright.cli.printing import echo
from queuewright.cli.project import environment_argument
from queuewright.cli.sources import with_sources_checked
from queuewright.cloud_tasks.limits import SERVICE_ACCOUNTS_PER_PROJECT
from queuewright.errors import Problem, SpecError
from queuewright.spec import Spec, find_root, load, load_file, shared_names


@click.command("check")
@environment_argument
@click.option(
    "--file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file to check, instead of an environment of this project.",
)
def command(environment: str, file: Path | None) -> None:
    """Report every problem in an environment's file, and in the files that it extends, at once.

    Another environment of this project with the same names on Google Cloud is one, too.
    """
    root = Path() if file is not None else find_root()
    spec = load_file(file, root) if file is not None else load(environment, root)
    if file is None and (shared := shared_names(spec, root)):
        raise SpecError(shared)
    with_sources_checked(spec, root)
    needed = len(blueprint(spec).accounts)
    if needed > MANY_ACCOUNTS:
        echo(f"warning: {_many_accounts(spec, needed)}", err=True)
    queues, handlers = (
        counted(len(spec.queues) + len(spec.pull_queues), "queue"),
        counted(len(spec.handlers), "handler"),
    )
    echo(f"{spec.environment}: {queues}, {handlers}, no problems")


def _many_accounts(spec: Spec, needed: int) -> Problem:
    """The warning that a project may have no room for the environment's service accounts."""
    message = (
        f"need {needed} service accounts, and `{spec.project}` may have "
        f"{SERVICE_ACCOUNTS_PER_PROJECT} unless its quota was raised"
    )
    hint = "request a higher quota: https://cloud.google.com/iam/quotas"
    return Problem(spec.locate("handlers"), "handlers", message, hint)
