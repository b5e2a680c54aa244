"""Asks before handlers on this machine act with the user's own Google credentials."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from queuewright.cli.printing import echo
from queuewright.cli.project import DEFAULT_ENVIRONMENT

WELL_KNOWN = "application_default_credentials.json"
# https://cloud.google.com/docs/authentication/application-default-credentials#personal


def ask_to_act(environment: str, project: str, *, yes: bool) -> None:
    """Return if handlers may act with the credentials of this machine on `project`.

    They may for `dev`, which is made for it; without credentials, they can't.

    Args:
        environment: the environment that is about to start.
        project: its project on Google Cloud.
        yes: the user has agreed with `--yes`.

    Raises:
        click.UsageError: nobody agreed, and there is no terminal to ask on.
        click.Abort: the user said no.
    """
    found = credentials(os.environ)
    if environment == DEFAULT_ENVIRONMENT or yes or found is None:
        return
    text = (
        f"the handlers of `{environment}` would act on the real project `{project}` "
        f"with your own Google credentials, from {found}"
    )
    if not sys.stdin.isatty():
        raise click.UsageError(f"{text}\n  hint: agree with `--yes`")
    echo(f"warning: {text}", err=True)
    click.confirm("start them?", abort=True, err=True)


def credentials(shell: Mapping[str, str]) -> str | None:
    """Return where Google's libraries find credentials for a handler, or None."""
    if shell.get("GOOGLE_APPLICATION_CREDENTIALS"):
        return "$GOOGLE_APPLICATION_CREDENTIALS"
    settings = shell.get("CLOUDSDK_CONFIG")
    home = Path(shell.get("HOME") or Path.home())
    file = (Path(settings) if settings else home / ".config" / "gcloud") / WELL_KNOWN
    return f"`{file}`" if file.is_file() else None
