"""`queuewright schema`: the grammar, for editors and for people."""

from __future__ import annotations

import json

import click


@click.command("schema")
@click.option("--reference", is_flag=True, help="The reference page instead, as Markdown.")
@click.option("--emulator", is_flag=True, help="The schema of `queuewright emulator --config`.")
def command(reference: bool, emulator: bool) -> None:
    """Print the JSON schema of the environments' files."""
    if reference and emulator:
        raise click.UsageError("--reference is of the environments' files alone")
    if reference:
        from queuewright.spec.reference import reference as page

        click.echo(page(), nl=False)
        return
    from queuewright.spec.schema import emulator_schema, json_schema

    click.echo(json.dumps(emulator_schema() if emulator else json_schema(), indent=2))
