"""Checks what `pulumi up` reads: the project's files, a place for its state, secret values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from queuewright.blueprint import Blueprint
from queuewright.doctor.finding import Finding
from queuewright.doctor.machine import Machine
from queuewright.doctor.pulumi_files import (
    PROGRAM,
    PROJECT_FILE,
    full_key,
    pulumi_project,
    stack_config,
)
from queuewright.terminal import shell_word


def project_findings(
    environment: str, plan: Blueprint | None, root: Path, machine: Machine
) -> Iterator[Finding]:
    """The files of the Pulumi program, its state, and the stack's configuration."""
    absent = [name for name in (PROJECT_FILE, PROGRAM) if not (root / name).is_file()]
    if absent:
        names = " and ".join(f"`{name}`" for name in absent)
        fix = f"copy from a new project: queuewright init {shell_word(f'{root.name}-new')}"
        yield Finding("deploy", "missing", "Pulumi program", f"no {names} in `{root}`", fix)
    else:
        yield Finding("deploy", "ok", "Pulumi program", f"`{PROGRAM}`")
    yield _state(root, machine)
    if plan is not None:
        yield from _config(environment, plan, root)


def config_keys(plan: Blueprint) -> dict[str, str]:
    """The configuration keys of handlers' secrets: key → the variable that needs it."""
    keys: dict[str, str] = {}
    for name, handler in plan.handlers.items():
        for variable, secret in handler.secrets.items():
            if secret.config is not None:
                keys.setdefault(secret.config, f"`{variable}` of handler `{name}`")
    return keys


def _state(root: Path, machine: Machine) -> Finding:
    """Whether Pulumi has a place for state: https://www.pulumi.com/docs/iac/concepts/state-and-backends."""
    subject = "Pulumi's state"
    project = pulumi_project(root)
    if project is not None and project.backend is not None:
        return Finding("deploy", "ok", subject, f"in `{project.backend}`, set in `{PROJECT_FILE}`")
    for variable in ("PULUMI_BACKEND_URL", "PULUMI_ACCESS_TOKEN"):
        if machine.environ.get(variable):
            return Finding("deploy", "ok", subject, f"`{variable}` is set")
    folder = machine.environ.get("PULUMI_HOME") or machine.home / ".pulumi"
    try:
        login = json.loads((Path(folder) / "credentials.json").read_text(encoding="utf-8"))
        current = login["current"]
    except (OSError, ValueError, KeyError, TypeError):
        current = None
    if current:
        return Finding("deploy", "ok", subject, f"in `{current}`")
    text = "no login, so Pulumi has no place for it"
    fix = "pulumi login (Pulumi Cloud), or: pulumi login gs://YOUR-BUCKET"
    return Finding("deploy", "missing", subject, text, fix)


def _config(environment: str, plan: Blueprint, root: Path) -> Iterator[Finding]:
    keys = config_keys(plan)
    if not keys:
        return
    project = pulumi_project(root)
    values = stack_config(root, environment)
    for key, purpose in keys.items():
        subject = f"config `{key}`"
        full = full_key(key, project.name if project else root.name)
        fix = f"pulumi config set --stack {shell_word(environment)} --secret {key}"
        if full not in values:
            text = f"not in `Pulumi.{environment}.yaml`; needed for {purpose}"
            yield Finding("deploy", "missing", subject, text, fix)
        elif values[full] is not None:
            text = f"not encrypted in `Pulumi.{environment}.yaml`; used for {purpose}"
            yield Finding("deploy", "advice", subject, text, fix)
        else:
            yield Finding("deploy", "ok", subject, f"set, encrypted; used for {purpose}")
