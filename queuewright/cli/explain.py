"""`queuewright explain`: what an environment's file leads to, and why."""

from __future__ import annotations

import click

from queuewright.blueprint import blueprint
from queuewright.blueprint.explain import explain_data, explain_text
from queuewright.cli.printing import echo, echo_json
from queuewright.cli.project import environment_argument
from queuewright.spec import find_root, load


@click.command("explain")
@environment_argument
@click.option(
    "--identity",
    metavar="NAME",
    help="Show what one account may do, and which line allows it. NAME is a handler, a queue, "
    "or an email address.",
)
@click.option("--queue", metavar="QUEUE", help="Show one queue only.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(environment: str, identity: str | None, queue: str | None, as_json: bool) -> None:
    """Show what an environment's file leads to: names, routes, accounts, grants."""
    plan = blueprint(load(environment, find_root()))
    if as_json:
        data = explain_data(plan, identity=identity, queue=queue)
        echo_json(data, indent=2)
    else:
        echo(explain_text(plan, identity=identity, queue=queue), nl=False)
