"""The graphs that several tests ask; each program is run once."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from pulumi_gcp import storage

from queuewright.blueprint import Blueprint, blueprint
from queuewright.spec import load
from queuewright.testing import Graph, capture
from tests.components.projects import everything, this_project

collect_ignore = ["everything"]

with warnings.catch_warnings():
    # It warns of a misspelt function of its own when it is first used.
    warnings.simplefilter("ignore", DeprecationWarning)
    assert storage.Bucket

GraphOf = Callable[[str], Graph]


@pytest.fixture(scope="session")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By stack, the folder of the project that it is a stack of."""
    shipped = this_project(tmp_path_factory.mktemp("project"))
    whole = everything(tmp_path_factory.mktemp("everything"))
    return {"dev": shipped, "staging": shipped, "prod": shipped, "all": whole}


@pytest.fixture(scope="session")
def graph_of(projects: dict[str, Path]) -> GraphOf:
    """`graph_of("prod")`: what `pulumi up` would build."""
    graphs: dict[str, Graph] = {}

    def graph(stack: str) -> Graph:
        if stack not in graphs:
            graphs[stack] = captured(projects[stack], stack)
        return graphs[stack]

    return graph


@pytest.fixture(scope="session")
def everything_graph(graph_of: GraphOf) -> Graph:
    """The stack with every kind of handler and of grant."""
    return graph_of("all")


@pytest.fixture(scope="session")
def everything_blueprint(projects: dict[str, Path]) -> Blueprint:
    """What that stack's YAML means."""
    return blueprint(load("all", projects["all"]))


def captured(project: Path, stack: str, *, preview: bool = False) -> Graph:
    """The graph of one stack of a project."""
    return capture(
        project,
        stack=stack,
        config={"smtp_token": "s3cret-token"},
        secrets=["smtp_token"],
        preview=preview,
    )
