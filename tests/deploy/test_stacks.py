"""Each stack on the real Pulumi engine: created, updated and destroyed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.conftest import Start
from tests.pulumi_double.engine import Deployment, EngineError

pytestmark = pytest.mark.engine


@pytest.mark.parametrize(
    "stack",
    ["dev", *(pytest.param(stack, marks=pytest.mark.slow) for stack in ("staging", "prod"))],
)
def test_a_shipped_stack_goes_up_and_settles(start: Start, shipped: Path, stack: str) -> None:
    """A preview, an update, and another update that changes nothing."""
    deployment = start(shipped, stack)
    planned = deployment.preview()
    assert deployment.cloud.contents() == []
    assert deployment.up().steps == planned.steps
    assert set(planned.steps.values()) == {"create"}
    again = deployment.up()
    assert (again.steps, again.same) == ({}, len(planned.steps))


@pytest.mark.slow
def test_a_stack_of_every_kind_goes_up_and_settles(deployed: Deployment) -> None:
    """A function, three kinds of service, App Engine and an external URL in one stack."""
    assert deployed.preview().steps == {}
    assert deployed.up().steps == {}
    assert "s3cret-token" not in deployed.state()


@pytest.mark.slow
def test_destroy_empties_a_stack_that_may_go(start: Start, shipped: Path) -> None:
    """Only the APIs, which others may use, and their service agents are left."""
    deployment = start(shipped, "dev")
    deployment.up()
    deployment.destroy()
    left = {each.split(" ")[0] for each in deployment.cloud.contents()}
    assert left == {
        "gcp:projects/service:Service",
        "gcp:projects/serviceIdentity:ServiceIdentity",
    }


def test_destroy_is_refused_for_a_protected_stack(start: Start, shipped: Path) -> None:
    """Queues are protected by default, and nothing is deleted."""
    deployment = start(shipped, "prod")
    deployment.up()
    before = deployment.cloud.contents()
    with pytest.raises(EngineError, match="protected"):
        deployment.destroy()
    assert deployment.cloud.contents() == before


def test_outputs_are_what_people_and_programs_use(start: Start, shipped: Path) -> None:
    """Queues with their console pages, handlers' URLs and the accounts."""
    deployment = start(shipped, "dev")
    deployment.up()
    outputs = deployment.outputs()
    assert outputs["queues"] == {
        name: f"projects/acme-dev/locations/europe-west1/queues/{name}"
        for name in ("emails", "events", "thumbnails")
    }
    assert outputs["consoles"]["emails"] == (  # type: ignore[index]
        "https://console.cloud.google.com/cloudtasks/queue/europe-west1/emails/tasks"
        "?project=acme-dev"
    )
    assert outputs["handlers"] == {
        name: f"https://{name}-123456789012.europe-west1.run.app"
        for name in ("mailer", "thumbnails")
    }
    assert outputs["accounts"] == {
        name: f"{name}-handler@acme-dev.iam.gserviceaccount.com"
        for name in ("mailer", "reporter", "thumbnails")
    }


@pytest.mark.slow
def test_an_update_that_failed_is_finished_by_the_next(start: Start, shipped: Path) -> None:
    """A function that failed is created by the next update, and nothing is created twice."""
    deployment = start(shipped, "dev")
    deployment.gcp.failures["tasks-mailer-function"] = "Error 503: try again"
    with pytest.raises(EngineError, match="Error 503"):
        deployment.up()
    deployment.up()
    assert deployment.up().steps == {}
    assert len(deployment.gcp.made("Create")) == len(set(deployment.gcp.made("Create"))) + 1


@pytest.mark.slow
def test_two_stacks_share_a_project_by_their_prefixes(start: Start, shipped: Path) -> None:
    """The prefix keeps all names of two stacks apart."""
    dev = shipped / "stacks" / "dev.yaml"
    (shipped / "stacks" / "feature.yaml").write_text(f"{dev.read_text()}prefix: feature-7\n")
    one, other = start(shipped, "dev"), start(shipped, "feature")
    one.up()
    other.up()
    shared = set(one.cloud.contents()) & set(other.cloud.contents())
    assert {each.split(" ")[0] for each in shared} == {
        "gcp:projects/service:Service",
        "gcp:projects/serviceIdentity:ServiceIdentity",
    }
