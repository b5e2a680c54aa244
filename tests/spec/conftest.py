"""A project folder for writing environments."""

from __future__ import annotations

from pathlib import Path

import pytest

from queuewright.errors import SpecError
from queuewright.spec import Spec, load
from queuewright.spec.load import STACKS


class Project:
    """A folder with environments, and the problems in them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / STACKS).mkdir()

    def write(self, name: str, text: str | bytes) -> Path:
        """Write a file, its folders included."""
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return file

    def stack(self, name: str, text: str | bytes) -> Path:
        """Write `stacks/NAME`."""
        return self.write(f"{STACKS}/{name}", text)

    def load(self, environment: str = "dev") -> Spec:
        """The spec of an environment."""
        return load(environment, self.root)

    def said(self, environment: str = "dev") -> str:
        """The problems that `queuewright check ENVIRONMENT` prints."""
        try:
            self.load(environment)
        except SpecError as error:
            return str(error)
        return ""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project."""
    return Project(tmp_path)
