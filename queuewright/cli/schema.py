"""`queuewright schema`: the grammar of the files, for editors and for people."""

from __future__ import annotations

import json

import click


@click.command("schema")
@click.option("--reference", is_flag=True, help="Print the reference page, as Markdown.")
@click.option(
    "--emulator",
    is_flag=True,
    help="Print the schema of the file for `queuewright emulator --config`.",
)
def command(reference: bool, emulator: bool) -> None:
    """Print the JSON schema of the environments' files."""
    if reference and emulator:
        raise click.UsageError("--reference works for the environments' files only")
    if reference:
        from queuewright.spec.reference import reference as page

        click.echo(page(), nl=False)
        return
    from queuewright.spec.schema import emulator_schema, json_schema

    click.echo(json.dumps(emulator_schema() if emulator else json_schema(), indent=2))
