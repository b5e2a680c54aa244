"""`docs/guides/own-program.md`, run: captured, its own tests, and on the real Pulumi engine."""

from __future__ import annotations

import inspect
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

import components
from queuewright.errors import SpecError
from queuewright.testing import Graph, capture
from tests.docs.own_program import (
    FENCES,
    PAGE,
    PLACE,
    installed_components,
    other_sources,
    own_program,
    shown,
)
from tests.pulumi_double.engine import EngineError
from tests.pulumi_double.fixtures import Deploy, deploy

__all__ = ["deploy"]

QUEUE = "gcp:cloudtasks/queue:Queue"


@pytest.fixture(autouse=True)
def wheel() -> Iterator[None]:
    with installed_components():
        yield


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """The program with the service that the page adds."""
    return own_program(tmp_path / "jobs", continued=True)


@pytest.fixture
def graph(whole: Path) -> Graph:
    return capture(whole, config=PLACE)


def test_its_own_test_passes(tmp_path: Path) -> None:
    """Each claim of the page's test file, on the program as the page has it so far."""
    test = own_program(tmp_path) / "tests" / "test_program.py"
    test.parent.mkdir()
    test.write_text(shown("tests/test_program.py"), encoding="utf-8")
    claims = [each for name, each in runpy.run_path(str(test)).items() if name.startswith("test_")]
    assert len(claims) == 3
    for claim in claims:
        claim()


def test_google_takes_every_input(graph: Graph) -> None:
    """With the service too; and none of it is public, and the mailer's build has an account."""
    assert graph.input_problems() == []
    assert graph.public_resources() == []
    build = graph["mailer-function"].input("buildConfig.serviceAccount")
    assert build == "projects/acme-dev/serviceAccounts/jobs-build@acme-dev.iam.gserviceaccount.com"


def test_the_whole_policy_is_least(graph: Graph) -> None:
    """Who may do what, complete: nobody has more than a queue, a handler or a build takes."""
    found = {
        (
            grant.member.removesuffix("@acme-dev.iam.gserviceaccount.com"),
            grant.role,
            "/".join(grant.resource.split("/")[-2:]),
        )
        for grant in graph.grants()
    }
    assert found == {
        ("serviceAccount:mailer-invoker", "roles/run.invoker", "services/mailer"),
        ("serviceAccount:thumbnails-invoker", "roles/run.invoker", "services/thumbnails"),
        (
            "serviceAccount:web@acme-web.iam.gserviceaccount.com",
            "roles/cloudtasks.enqueuer",
            "queues/emails",
        ),
        ("serviceAccount:thumbnails-handler", "roles/cloudtasks.enqueuer", "queues/emails"),
        ("serviceAccount:jobs-build", "roles/logging.logWriter", "projects/acme-dev"),
        ("serviceAccount:jobs-build", "roles/storage.objectViewer", "projects/acme-dev"),
        (
            "serviceAccount:jobs-build",
            "roles/storage.objectViewer",
            "buckets/acme-dev-jobs-packages",
        ),
        ("serviceAccount:jobs-build", "roles/artifactregistry.writer", "repositories/jobs"),
    }


def test_the_service_is_told_the_name_of_its_queue(graph: Graph) -> None:
    """In full, as a client takes it."""
    envs = graph["thumbnails-service"].input("template.containers[0].envs")
    name = "projects/acme-dev/locations/europe-west1/queues/emails"
    assert envs == [{"name": "QUEUE_EMAILS", "value": name}]


def test_the_page_names_two_other_sources() -> None:
    """The next test takes each of them."""
    assert list(other_sources()) == ["built", "as_it_is"]


@pytest.mark.parametrize(("source", "image"), [("built", "@sha256:"), ("as_it_is", "scratch")])
def test_the_service_may_come_from_a_folder(tmp_path: Path, source: str, image: str) -> None:
    """Built from a Dockerfile, or as it is."""
    folder = own_program(tmp_path, continued=True, source=other_sources()[source])
    (folder / "handlers" / "thumbnails").mkdir()
    (folder / "handlers" / "thumbnails" / "Dockerfile").write_text("FROM scratch\n")
    made = capture(folder, config=PLACE)["thumbnails-service"]
    assert image in str(made.input("template.containers[0].image"))


def test_a_service_may_read_the_secrets_that_it_is_given(tmp_path: Path) -> None:
    """One that exists, at its version, and one that is made, whose value is nowhere in clear."""
    graph = capture(
        own_program(tmp_path, continued=True, secrets=True),
        config={**PLACE, "apiToken": "s3cret"},
        secrets=["apiToken"],
    )
    assert graph.input_problems() == []
    readers = {
        (grant.resource.rpartition("/")[2], grant.member.partition("@")[0])
        for grant in graph.grants()
        if grant.role == "roles/secretmanager.secretAccessor"
    }
    reader = "serviceAccount:worker-handler"
    assert readers == {("smtp-password", reader), ("api-token", reader)}
    assert "s3cret" not in graph.inventory()
    assert len(graph.of_type("secretmanager/secret")) == 1


def test_a_worker_polls_its_pull_queue_and_nobody_else_does(tmp_path: Path) -> None:
    """It has the variable, and starts after the right."""
    graph = capture(own_program(tmp_path, pull_queue=True), config=PLACE)
    assert graph.input_problems() == []
    assert graph.may_poll("reporter", "reports")
    assert not graph.may_poll("mailer", "reports")
    assert graph.may_enqueue("serviceAccount:web@acme-web.iam.gserviceaccount.com", "reports")
    pool = graph["reporter-pool"]
    assert pool.input("template.containers[0].envs") == [
        {
            "name": "SUBSCRIPTION_REPORTS",
            "value": "projects/acme-dev/subscriptions/reports",
        }
    ]
    waits = {urn.rpartition("::")[2] for urn in pool.depends_on}
    assert "reports-subscriber-reporter" in waits


def test_a_wrong_argument_is_refused_as_shown(tmp_path: Path) -> None:
    """Every mistake with a fix; the traceback has the line of the program."""
    file = own_program(tmp_path) / "__main__.py"
    program = file.read_text()
    for right, wrong in (('"30s"', '"30"'), ('{"max": 10}', '{"maximum": 10}')):
        assert right in program
        program = program.replace(right, wrong)
    file.write_text(program)
    with pytest.raises(SpecError) as refused:
        capture(tmp_path, config=PLACE)
    assert f"{refused.value}\n" in FENCES
    lines = [program.splitlines()[each.lineno] for each in refused.traceback if each.path == file]
    assert lines[-1] == "mailer = FunctionHandler("


def test_every_part_that_the_page_names_is_there_and_told() -> None:
    """What it imports or names in backticks has a docstring, with each argument in it."""
    names = {name for name in components.__all__ if name in PAGE.read_text("utf-8")}
    assert {"TaskQueue", "FunctionHandler", "UrlRoute", "FolderSource"} <= names
    for name in names:
        part = getattr(components, name)
        told = inspect.getdoc(part) or ""
        if "Args:" in told:
            taken = set(inspect.signature(part).parameters) - {"opts"}
            arguments = told.partition("Args:")[2]
            missing = {each for each in taken if f"    {each}: " not in arguments}
            assert missing == set(), name


@pytest.mark.engine
def test_on_the_real_engine_it_goes_up_and_settles(deploy: Deploy, tmp_path: Path) -> None:
    """With all that the page adds: a preview, an update as promised, one that changes nothing."""
    running = deploy(own_program(tmp_path / "jobs", continued=True, secrets=True))
    running.configure("apiToken", "s3cret", secret=True)
    for key, value in PLACE.items():
        running.configure(key, value)
    planned = running.preview()
    assert running.cloud.contents() == []
    assert running.up().steps == planned.steps
    assert {f"{QUEUE}::emails-queue", f"{QUEUE}::photos-queue"} <= planned.steps.keys()
    again = running.up()
    assert (again.steps, again.same) == ({}, len(planned.steps))
    assert "s3cret" not in running.state()
    assert running.outputs()["emails"] == "projects/acme-dev/locations/europe-west1/queues/emails"


@pytest.mark.engine
@pytest.mark.slow
def test_on_the_real_engine_other_code_is_deployed_alone(deploy: Deploy, whole: Path) -> None:
    """An edit of the mailer is a new package and the function; a moved queue is refused."""
    running = deploy(whole)
    for key, value in PLACE.items():
        running.configure(key, value)
    running.up()
    code = whole / "handlers" / "mailer" / "main.py"
    code.write_text(code.read_text().replace("sent", "delivered"))
    assert running.up().names("update") == ["mailer-function"]
    running.configure("gcp:region", "europe-west4")
    with pytest.raises(EngineError, match="marked for protection"):
        running.preview()


@pytest.mark.engine
@pytest.mark.slow
def test_on_the_real_engine_a_renamed_part_stays_the_same(deploy: Deploy, tmp_path: Path) -> None:
    """A queue under another name, and the one that it had: nothing is made, changed or gone."""
    running = deploy(own_program(tmp_path / "jobs"))
    for key, value in PLACE.items():
        running.configure(key, value)
    running.up()
    before = running.cloud.contents()
    program = tmp_path / "jobs" / "__main__.py"
    text = program.read_text()
    assert 'TaskQueue(\n    "emails",' in text
    renamed = 'TaskQueue(\n    "letters",\n    renamed_from=["emails"],'
    program.write_text(text.replace('TaskQueue(\n    "emails",', renamed))
    assert running.up().steps == {}
    assert running.cloud.contents() == before
