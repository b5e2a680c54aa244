"""Components one by one, without YAML."""

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
    TaskQueue,
)
from queuewright.errors import SpecError
from queuewright.testing import Graph, capture
from tests.components.conftest import GraphOf
from tests.pulumi_double.admission import VERSION_ROLES

PLACE = {"project": "acme-dev", "location": "europe-west1"}


def test_a_queue_admits_a_handler_that_is_created_later() -> None:
    """A handler that needs the queue's name can be admitted later."""

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
    """By default it has the roles that the blueprint grants."""

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


def test_an_app_engine_version_has_the_same_roles_without_yaml(
    graph_of: GraphOf, tmp_path: Path
) -> None:
    """By default its account has the roles that the blueprint grants, and the version waits."""
    (tmp_path / "main.py").touch()

    def program() -> None:
        bucket = PackageBucket("packages", bucket_name="b-1", folder=tmp_path / "out", **PLACE)
        AppEngineHandler(
            "tasks-ledger",
            project="acme-staging",
            service="ledger",
            source=tmp_path,
            runtime="python312",
            packages=bucket,
            key="ledger",
        )

    def of_the_account(graph: Graph) -> set[tuple[str, str, str]]:
        account = "serviceAccount:ledger-handler@acme-staging.iam.gserviceaccount.com"
        return {
            (grant.role, grant.resource.split("/")[0], grant.condition)
            for grant in graph.grants()
            if grant.member in (account, account.replace("ledger-", "tasks-ledger-"))
        }

    alone = capture(program)
    assert len(of_the_account(alone)) == 5
    assert of_the_account(alone) == of_the_account(graph_of("staging"))
    (version,) = alone.of_type("appengine/standardAppVersion")
    waits = {urn.rpartition("::")[2] for urn in version.depends_on}
    assert waits == {
        *(f"tasks-ledger-project-{role.removeprefix('roles/')}" for role in VERSION_ROLES),
        "packages-reader-ledger",
    }


def test_code_and_grants_wait_for_the_agents_of_their_apis(everything_graph: Graph) -> None:
    """Google creates a service agent late, and some grants and builds need it at once."""
    agents = {each.name for each in everything_graph.of_type("projects/serviceIdentity")}
    assert agents == {
        f"tasks-project-{name}-agent"
        for name in ("artifactregistry", "cloudbuild", "cloudfunctions", "cloudtasks", "run")
    }
    wanted = {
        "tasks-mailer-function": ("cloudbuild", "cloudfunctions", "run"),
        "tasks-ready-service": ("run",),
        "tasks-images-writer-build": ("artifactregistry",),
        "tasks-ledger-project-logging.logWriter": ("artifactregistry", "cloudbuild"),
        "tasks-emails-queue": ("cloudtasks",),
    }
    for name, apis in wanted.items():
        waits = {urn.rpartition("::")[2] for urn in everything_graph[name].depends_on}
        assert waits & agents == {f"tasks-project-{api}-agent" for api in apis}, name


@pytest.mark.parametrize("member", ["allUsers", "allAuthenticatedUsers", "web", "user:"])
def test_a_queue_admits_members_only(member: str) -> None:
    """Neither in the constructor nor later, and above all not everyone."""

    def program() -> None:
        worker = ServiceHandler("worker", source=ImageSource("worker:1"), **PLACE)
        TaskQueue("emails", target=worker, **PLACE).admit(member)

    with pytest.raises(SpecError, match=rf"emails\.admit: `{member}` is not an IAM member"):
        capture(program)


@pytest.mark.parametrize(
    ("settings", "limits", "concurrency"),
    [
        ({}, {"cpu": "1", "memory": "512Mi"}, 80),
        ({"memory": "8Gi"}, {"cpu": "2", "memory": "8Gi"}, 80),
        ({"memory": "32Gi"}, {"cpu": "8", "memory": "32Gi"}, 80),
        ({"cpu": 0.5}, {"cpu": "500m", "memory": "512Mi"}, 1),
    ],
)
def test_a_service_has_the_cpu_that_its_memory_takes(
    settings: dict[str, object], limits: dict[str, str], concurrency: int
) -> None:
    """As in a YAML file; with less than a whole CPU one request at a time."""

    def program() -> None:
        ServiceHandler("worker", source=ImageSource("worker:1"), **PLACE, **settings)

    service = capture(program)["worker-service"]
    assert service.input("template.containers[0].resources.limits") == limits
    assert service.input("template.maxInstanceRequestConcurrency") == concurrency


def test_a_secret_of_another_project_is_read_there(tmp_path: Path) -> None:
    """By a function and by a service; the grant is in that project too."""
    (tmp_path / "main.py").write_text("def handle(request): return 'done'")

    def program() -> None:
        packages = PackageBucket("packages", bucket_name="b-1", folder=tmp_path / "out", **PLACE)
        secrets = {
            "KEY": SecretVariable(HandlerSecret("key", project="acme-vault", secret_id="key")),
            "OWN": SecretVariable(HandlerSecret("own", project="acme-dev", secret_id="own")),
        }
        ServiceHandler("web", source=ImageSource("web:1"), secrets=secrets, **PLACE)
        FunctionHandler(
            "mailer",
            source=tmp_path,
            entry_point="handle",
            runtime="python312",
            packages=packages,
            secrets=secrets,
            **PLACE,
        )

    graph = capture(program)
    read = graph["mailer-function"].input("serviceConfig.secretEnvironmentVariables")
    assert isinstance(read, list)
    assert [each["projectId"] for each in read] == ["acme-vault", "acme-dev"]
    named = graph["web-service"].input("template.containers[0].envs")
    assert isinstance(named, list)
    assert [each["valueSource"]["secretKeyRef"]["secret"] for each in named] == [
        "projects/acme-vault/secrets/key",
        "own",
    ]
    granted = {grant.resource for grant in graph.grants() if "secretAccessor" in grant.role}
    assert granted == {"projects/acme-vault/secrets/key", "projects/acme-dev/secrets/own"}


@pytest.mark.parametrize("service", ["ledger", "default"])
def test_what_serves_in_app_engine_is_not_deleted(tmp_path: Path, service: str) -> None:
    """Deleting a version could delete the whole service."""
    (tmp_path / "main.py").write_text("app = None")

    def program() -> None:
        packages = PackageBucket("packages", bucket_name="b-1", folder=tmp_path / "out", **PLACE)
        AppEngineHandler(
            "ledger",
            project="acme-dev",
            service=service,
            source=tmp_path,
            runtime="python312",
            packages=packages,
        )

    version = capture(program)["ledger-version"]
    assert version.input("noopOnDestroy") is True
    assert not version.input("deleteServiceOnDestroy")
