"""`queuewright client`: a typed module with a class for each queue."""

from __future__ import annotations

from pathlib import Path

import click

from queuewright.blueprint import blueprint
from queuewright.cli.printing import echo
from queuewright.cli.project import DEFAULT_ENVIRONMENT
from queuewright.client.modules import MODULES, Language, content
from queuewright.errors import TargetError
from queuewright.files import write_whole
from queuewright.spec import find_root, load


@click.command("client")
@click.option(
    "--env",
    "environment",
    metavar="ENV",
    default=DEFAULT_ENVIRONMENT,
    show_default=True,
    help="The environment whose queues it has.",
)
@click.option(
    "--language",
    type=click.Choice(list(MODULES)),
    default="python",
    show_default=True,
    help="The language of the module.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it to this file instead of printing it.",
)
@click.option(
    "--check",
    is_flag=True,
    help="Write nothing; fail if the file is not what it would write. For CI.",
)
def command(environment: str, language: Language, output: Path | None, check: bool) -> None:
    """Write a typed module for producers: one class per queue, with the type of its payload."""
    if check and output is None:
        raise click.UsageError("--check needs --output, the file to check")
    root = find_root()
    module = MODULES[language](content(blueprint(load(environment, root)), root))
    if output is None:
        echo(module, nl=False)
        return
    words = f"queuewright client --env {environment} --language {language} --output {output}"
    try:
        is_same = output.is_file() and output.read_text("utf-8") == module
        if check and not is_same:
            raise TargetError(f"`{output}` is out of date", hint=f"run `{words}`")
        if not is_same:
            write_whole(output, module)
    except (OSError, UnicodeDecodeError) as error:
        raise TargetError(f"`{output}` cannot be written: {error}") from None
    echo(f"{output}: {'up to date' if is_same else 'written'}", err=True)
