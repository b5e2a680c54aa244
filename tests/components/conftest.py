"""Graphs that several tests share; each program runs once."""

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
    # It raises a warning about one of its own functions on first use.
    warnings.simplefilter("ignore", DeprecationWarning)
    assert storage.Bucket

GraphOf = Callable[[str], Graph]


@pytest.fixture(scope="session")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The project folder of each stack."""
    shipped = this_project(tmp_path_factory.mktemp("project"))
    whole = everything(tmp_path_factory.mktemp("everything"))
    return {"dev": shipped, "staging": shipped, "prod": shipped, "all": whole}


@pytest.fixture(scope="session")
def graph_of(projects: dict[str, Path]) -> GraphOf:
    """`graph_of("prod")`: the resources that `pulumi up` would create."""
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
    """The blueprint of that stack."""
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
