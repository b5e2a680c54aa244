"""Which resources the wait for new grants is about; that it waits is shown in tests/deploy."""

from __future__ import annotations

from pathlib import Path

import pytest

from components import (
    AppEngineHandler,
    BuildAccount,
    FunctionHandler,
    HandlerSecret,
    ImageRepository,
    ImageSource,
    PackageBucket,
    SecretVariable,
    ServiceHandler,
)
from queuewright.testing import Graph, capture
from tests.components.conftest import GraphOf

NOTED = {"after_create": ("tasks-grant-is-new",)}
WAITS = dict.fromkeys(("before_create", "before_update"), ("tasks-grants-are-known",))
SECRET = {"smtp_token": "s3cret-token"}


def hooks(graph: Graph, *kinds: str) -> dict[str, object]:
    """The hooks of all resources of these types, by name."""
    return {each.name: each.hooks for kind in kinds for each in graph.of_type(kind)}


@pytest.mark.parametrize("stack", ["staging", "all"])
def test_grants_that_code_needs_are_noted_and_others_are_not(graph_of: GraphOf, stack: str) -> None:
    """A build or a start needs rights on the project, buckets, repositories and secrets."""
    graph = graph_of(stack)
    needed = hooks(
        graph,
        "projects/iAMMember",
        "storage/bucketIAMMember",
        "artifactregistry/repositoryIamMember",
        "secretmanager/secretIamMember",
    )
    assert len(needed) >= 9
    assert all(each == NOTED for each in needed.values()), needed
    others = hooks(graph, "cloudrunv2/serviceIamMember", "cloudtasks/queueIamMember:")
    assert others
    assert not any(others.values())


def test_code_waits_if_it_needs_a_grant(everything_graph: Graph) -> None:
    """A function, a version, and a service with a secret; not an image without one."""
    found = hooks(
        everything_graph,
        "cloudfunctionsv2/function",
        "appengine/standardAppVersion",
        "cloudrunv2/service",
    )
    assert found == {
        "tasks-mailer-function": WAITS,
        "tasks-ledger-version": WAITS,
        "tasks-resizer-service": WAITS,
        "tasks-reports-service": {},
        "tasks-ready-service": {},
    }


def test_without_a_wait_there_are_no_hooks(projects: dict[str, Path]) -> None:
    """As with an older Pulumi CLI, which has none."""
    config = {**SECRET, "queuewright:grantWait": "0s"}
    graph = capture(projects["all"], stack="all", config=config, secrets=["smtp_token"])
    assert not any(each.hooks for each in graph.resources.values())


def test_components_without_a_stack_wait_for_their_own_grants(tmp_path: Path) -> None:
    """A function waits for its build account's grants, too; an image without a secret does not."""
    (tmp_path / "main.py").touch()
    place = {"project": "acme-dev", "location": "europe-west1"}

    def program() -> None:
        bucket = PackageBucket("packages", bucket_name="b-1", folder=tmp_path / "out", **place)
        images = ImageRepository("images", repository_id="r", **place)
        build = BuildAccount("build", project="acme-dev", packages=bucket, images=images)
        key = SecretVariable(HandlerSecret("key", project="acme-dev", secret_id="key"))
        code = {"source": tmp_path, "runtime": "python312", "packages": bucket}
        mailer = {"entry_point": "handle", "secrets": {"KEY": key}, **code, **place}
        FunctionHandler("mailer", builder=build, **mailer)  # type: ignore[arg-type]
        AppEngineHandler("ledger", project="acme-dev", service="ledger", **code)  # type: ignore[arg-type]
        ServiceHandler("web", source=ImageSource("web:1"), secrets={"KEY": key}, **place)
        ServiceHandler("plain", source=ImageSource("plain:1"), **place)

    graph = capture(program)
    waits = {
        each.name: set(each.hooks.get("before_create", ()))
        for kind in ("cloudfunctionsv2/function", "appengine/standardAppVersion")
        for each in graph.of_type(kind)
    } | {each.name: set(each.hooks) for each in graph.of_type("cloudrunv2/service")}
    assert waits == {
        "mailer-function": {"mailer-function-grants-are-known", "build-build-grants-are-known"},
        "ledger-version": {"ledger-version-grants-are-known"},
        "web-service": {"before_create", "before_update"},
        "plain-service": set(),
    }
    noted = [each.name for each in graph if "after_create" in each.hooks]
    assert len(noted) == 4 + 5 + 2
