"""Checks the arguments that say where a component is created."""

from __future__ import annotations

from collections.abc import Mapping

from queuewright.errors import Problem
from queuewright.spec.model import SpecFile
from queuewright.spec.validation import validated

from ..mistakes import Mistakes


def check_place(
    mistakes: Mistakes, project: str, location: str, labels: Mapping[str, str] | None
) -> None:
    """Record the mistakes in a project's id, a region and labels."""
    plain = {"project": project, "location": location, "labels": dict(labels or {})}
    root, at = mistakes.document(plain)
    found = list[Problem]()
    validated(SpecFile, plain, root, at, found)
    mistakes.note(found)
