"""Reads a project's Pulumi files: its name, its backend, and the configuration of a stack."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from queuewright.errors import SpecError
from queuewright.spec.document import Node, read
from queuewright.spec.files import text_of

PROJECT_FILE = "Pulumi.yaml"
PROGRAM = "__main__.py"


@dataclass(frozen=True)
class PulumiProject:
    """The parts of `Pulumi.yaml` that matter here."""

    name: str
    backend: str | None
    """The URL of the place for its state, if the file names one."""


def pulumi_project(root: Path) -> PulumiProject | None:
    """The project of a folder; None without a `Pulumi.yaml` that has a name.

    https://www.pulumi.com/docs/iac/concepts/projects/project-file
    """
    node = _node(root / PROJECT_FILE)
    name = node.at(("name",)) if node else None
    if node is None or name is None:
        return None
    backend = node.at(("backend", "url"))
    return PulumiProject(str(name.value), str(backend.value) if backend else None)


def stack_config(root: Path, stack: str) -> dict[str, str | None]:
    """The configuration in `Pulumi.STACK.yaml`: full key → value, or None if encrypted.

    The file is in the project's folder, or in the folder that `stackConfigDir` names:
    https://www.pulumi.com/docs/iac/concepts/projects/stack-settings-file
    """
    project = _node(root / PROJECT_FILE)
    folder = project.at(("stackConfigDir",)) if project else None
    node = _node(root / (str(folder.value) if folder else "") / f"Pulumi.{stack}.yaml")
    entries = node.entries("config") if node else ()
    return {key: _value(value) for key, value in entries}


def full_key(key: str, project: str) -> str:
    """A key with its namespace, which is the project's name by default.

    >>> full_key("smtpPassword", "acme"), full_key("gcp:project", "acme")
    ('acme:smtpPassword', 'gcp:project')
    """
    return key if ":" in key else f"{project}:{key}"


def _value(node: Node) -> str | None:
    if node.at(("secure",)) is not None:
        return None
    return node.text if node.text is not None else str(node.plain())


def _node(file: Path) -> Node | None:
    """The content of a file; None if it cannot be read. Pulumi reports that better."""
    try:
        node, _ = read(text_of(file, file.name), file.name)
    except SpecError:
        return None
    return node
