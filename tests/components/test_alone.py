"""The parts one by one, without YAML."""

from __future__ import annotations

from pathlib import Path

from components import (
    BuildAccount,
    ImageRepository,
    ImageSource,
    PackageBucket,
    ServiceHandler,
    TaskQueue,
)
from queuewright.testing import Graph, capture
from tests.components.conftest import GraphOf

PLACE = {"project": "acme-dev", "location": "europe-west1"}


def test_a_queue_admits_one_that_was_made_after_it() -> None:
    """A handler that is told the queue's name can still be admitted to it."""

    def program() -> None:
        worker = ServiceHandler("worker", source=ImageSource("worker:1"), **PLACE)
        emails = TaskQueue("emails", target=worker, **PLACE)
        web = ServiceHandler(
            "web", source=ImageSource("web:1"), environment={"QUEUE": emails.name}, **PLACE
        )
        emails.admit(web)
        emails.admit("group:ops@example.com")

    graph = capture(program)
    assert graph.may_enqueue("web", "emails")
    assert graph.may_enqueue("group:ops@example.com", "emails")
    assert not graph.may_enqueue("worker", "emails")


def test_a_build_account_has_the_same_roles_without_yaml(graph_of: GraphOf, tmp_path: Path) -> None:
    """What it may do unless it is told otherwise is what the blueprint lets it do."""

    def program() -> None:
        BuildAccount(
            "tasks-build",
            project="acme-dev",
            packages=PackageBucket("packages", bucket_name="b-1", folder=tmp_path, **PLACE),
            images=ImageRepository("images", repository_id="r", **PLACE),
        )

    def on_the_project(graph: Graph) -> list[tuple[object, object]]:
        return [
            (each.input("role"), each.input("condition"))
            for each in graph.of_type("projects/iAMMember")
        ]

    alone = on_the_project(capture(program))
    assert len(alone) == 2
    assert alone == on_the_project(graph_of("dev"))
