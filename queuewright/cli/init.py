"""`queuewright init`: creates a small, complete project from the templates in `starter`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from string import Template

import click

from queuewright.cli.installed import requirement
from queuewright.cli.printing import echo
from queuewright.errors import TargetError
from queuewright.spec.fields import LOCATION_ID, PROJECT_ID
from queuewright.spec.schema import json_schema
from queuewright.terminal import shell_word

STARTER = "starter"
SUFFIX = ".template"
"""Keeps a template from being used as the file it becomes: a test, a module, a `.gitignore`."""

SCHEMA = PurePosixPath("spec.schema.json")
PROJECT, LOCATION = "my-project", "europe-west1"
SHOWN = 3
"""How many of the files that are in the way are named."""


def _matching(pattern: str, what: str) -> Callable[[click.Context, click.Parameter, str], str]:
    """Return a check that an option is `what`, according to Google's pattern."""

    def check(context: click.Context, option: click.Parameter, value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise click.BadParameter(f"`{value}` is not {what}", context, option)
        return value

    return check


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER")
@click.option(
    "--project",
    callback=_matching(PROJECT_ID, "a Google Cloud project id, such as `acme-prod`"),
    metavar="ID",
    default=PROJECT,
    show_default=True,
    help="The Google Cloud project of its environments.",
)
@click.option(
    "--location",
    callback=_matching(LOCATION_ID, "a Google Cloud region, such as `europe-west1`"),
    metavar="REGION",
    default=LOCATION,
    show_default=True,
    help="The region of its queues and handlers.",
)
def command(folder: Path, project: str, location: str) -> None:
    """Create a project in FOLDER: two environments, a queue, its handler, and tests.

    Asks no questions and overwrites no files. Other files in FOLDER stay as they are.
    """
    name = re.sub(r"[^\w.-]+", "-", folder.resolve().name, flags=re.ASCII).strip("-")
    values = {"name": name or "tasks", "project": project, "location": location}
    values["queuewright"] = requirement("deploy")
    starter = {path: Template(text).substitute(values) for path, text in _templates().items()}
    _write(folder, starter | {SCHEMA: f"{json.dumps(json_schema(), indent=2)}\n"})
    echo(f"created a project in `{folder}`; next:")
    if folder.resolve() != Path.cwd():
        echo(f"  cd {shell_word(str(folder))}")
    echo("  queuewright up                               # runs it here")
    echo("  queuewright enqueue greetings --example      # in a second terminal: a task")
    echo("README.md explains the tests and how to deploy to Google Cloud")
    if project == PROJECT:
        echo(f"before you deploy, replace `{PROJECT}` in stacks/*.yaml with your project")


def _templates() -> dict[PurePosixPath, str]:
    """The text of each template, by the path of the file that it becomes."""
    return dict(_below(files("queuewright") / STARTER, PurePosixPath()))


def _below(folder: Traversable, path: PurePosixPath) -> list[tuple[PurePosixPath, str]]:
    found: list[tuple[PurePosixPath, str]] = []
    for each in sorted(folder.iterdir(), key=lambda each: each.name):
        if each.is_dir():
            found += _below(each, path / each.name)
        elif each.name.endswith(SUFFIX):
            name = each.name.removesuffix(SUFFIX)
            found.append((path / name, each.read_text(encoding="utf-8")))
    return found


def _write(folder: Path, texts: dict[PurePosixPath, str]) -> None:
    """Write all files, or none.

    Raises:
        TargetError: a file exists already, or cannot be written.
    """
    try:
        there = sorted(f"`{path}`" for path in texts if (folder / path).exists())
    except OSError as error:
        raise TargetError(f"`{folder}` cannot be used: {error.strerror}") from error
    if there:
        more = f" and {len(there) - SHOWN} more" if len(there) > SHOWN else ""
        raise TargetError(
            f"`{folder}` already has {', '.join(there[:SHOWN])}{more}",
            hint="choose another folder, or move these files",
        )
    written: list[Path] = []
    try:
        for path, text in texts.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8") as opened:
                written.append(file)
                opened.write(text)
    except OSError as error:
        for file in written:
            file.unlink(missing_ok=True)
        raise TargetError(
            f"`{error.filename or folder}` cannot be written: {error.strerror}",
            hint="choose another folder, or free some space",
        ) from error
