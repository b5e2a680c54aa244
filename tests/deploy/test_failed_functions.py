"""A function that Google could not build, on the real Pulumi engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.conftest import Start
from tests.pulumi_double.engine import Deployment, EngineError
from tests.pulumi_double.rules import FUNCTION

pytestmark = [pytest.mark.engine, pytest.mark.slow]

NAME = "tasks-mailer-function"


def state_of_the_function(deployment: Deployment) -> object:
    """The state that Google reports."""
    ((_, function),) = deployment.cloud.of_type(FUNCTION)
    return function["state"]


@pytest.fixture
def failed(start: Start, shipped: Path) -> Deployment:
    """A stack whose first update ended with a failed build."""
    deployment = start(shipped, "dev")
    deployment.gcp.left_failed[NAME] = "Error code 3, message: Build failed"
    with pytest.raises(EngineError, match="Build failed"):
        deployment.up()
    return deployment


def test_a_failed_function_looks_done_to_pulumi(failed: Deployment) -> None:
    """It exists, so the next update changes nothing about it; only `doctor` asks for its state."""
    failed.up()
    assert failed.up().steps == {}
    assert failed.gcp.made("Create").count(NAME) == 1
    assert state_of_the_function(failed) == "FAILED"


def test_a_failed_function_is_recovered_as_the_guide_says(failed: Deployment) -> None:
    """Delete it, refresh, and update: it is created again."""
    failed.up()
    ((identity, _),) = failed.cloud.of_type(FUNCTION)
    failed.cloud.remove(FUNCTION, identity)
    failed.refresh()
    assert NAME in failed.up().names("create")
    assert state_of_the_function(failed) == "ACTIVE"
    assert failed.up().steps == {}


def test_a_failed_function_that_pulumi_forgot_is_in_the_way(start: Start, shipped: Path) -> None:
    """After a killed update it is not in the state, and must be deleted, too."""
    deployment = start(shipped, "dev")
    place = "projects/acme-dev/locations/europe-west1/functions/mailer"
    deployment.cloud.put(FUNCTION, place, {"name": "mailer", "state": "FAILED"})
    with pytest.raises(EngineError, match="409: Function already exists"):
        deployment.up()
    deployment.cloud.remove(FUNCTION, place)
    deployment.refresh()
    deployment.up()
    assert state_of_the_function(deployment) == "ACTIVE"
