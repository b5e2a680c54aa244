"""Projects that are deployed on the real engine."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.components.projects import everything, this_project
from tests.pulumi_double.engine import Deployment, deployment
from tests.pulumi_double.fixtures import Deploy, deploy

__all__ = ["deploy"]

Start = Callable[[Path, str], Deployment]


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A copy of the project that ships."""
    return this_project(tmp_path / "project")


@pytest.fixture(scope="session")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the project that has one of everything, its state and its cloud, deployed."""
    folder = tmp_path_factory.mktemp("settled")
    project = everything(folder / "project")
    with deployment(project, folder, stack="all") as running:
        running.configure("smtp_token", "s3cret-token", secret=True)
        running.up()
    return folder


@pytest.fixture
def whole(settled: Path, tmp_path: Path) -> Path:
    """A copy of that project, which a test may edit."""
    shutil.copytree(settled, tmp_path / "settled")
    return tmp_path / "settled" / "project"


@pytest.fixture
def deployed(whole: Path) -> Iterator[Deployment]:
    """The stack of that copy, deployed and unchanged since."""
    with deployment(whole, whole.parent, stack="all") as running:
        yield running


@pytest.fixture
def start(deploy: Deploy) -> Start:
    """`start(project, "dev")`: a new stack of a project."""

    def started(project: Path, stack: str) -> Deployment:
        return deploy(project, stack_name=stack)

    return started
