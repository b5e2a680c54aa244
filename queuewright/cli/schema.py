"""`queuewright schema`: the grammar, for editors and for people."""

from __future__ import annotations

import json

import click


@click.command("schema")
@click.option("--reference", is_flag=True, help="The reference page instead, as Markdown.")
def command(reference: bool) -> None:
    """Print the JSON schema of the environments' files."""
    if reference:
        from queuewright.spec.reference import reference as page

        click.echo(page(), nl=False)
        return
    from queuewright.spec.schema import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
