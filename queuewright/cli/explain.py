"""`queuewright explain`: everything that follows from an environment's file, and why."""

from __future__ import annotations

import json

import click

from queuewright.blueprint import blueprint
from queuewright.blueprint.explain import explain_data, explain_text
from queuewright.cli.project import environment_argument, find_root
from queuewright.spec import load


@click.command("explain")
@environment_argument
@click.option(
    "--identity",
    metavar="NAME",
    help="What one identity may do, and why: a handler, a queue, or an e-mail address.",
)
@click.option("--queue", metavar="QUEUE", help="One queue only.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(environment: str, identity: str | None, queue: str | None, as_json: bool) -> None:
    """Show what follows from an environment's file: names, routes, accounts, grants."""
    plan = blueprint(load(environment, find_root()))
    if as_json:
        data = explain_data(plan, identity=identity, queue=queue)
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
    else:
        click.echo(explain_text(plan, identity=identity, queue=queue), nl=False)
