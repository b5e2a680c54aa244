"""Components in a program without YAML, renamed on the real engine: nothing is replaced."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pulumi
import pytest

from components import ImageSource, ProjectServices, ServiceHandler, TaskQueue
from tests.deploy.test_edits import QUEUE
from tests.pulumi_double.fixtures import Deploy

pytestmark = [pytest.mark.engine, pytest.mark.slow]

PROJECT, LOCATION = "acme-dev", "europe-west1"
APIS = ("cloudtasks", "iam", "run")


def program(
    queue: str, handler: str, former_queues: Sequence[str], former_handlers: Sequence[str]
) -> Callable[[], None]:
    """A queue and its handler, which is also its enqueuer, and their former names."""

    def made() -> None:
        services = ProjectServices(
            "services", project=PROJECT, services=[f"{api}.googleapis.com" for api in APIS]
        )
        after = pulumi.ResourceOptions(depends_on=services.of(*APIS))
        mailer = ServiceHandler(
            handler,
            project=PROJECT,
            location=LOCATION,
            source=ImageSource("europe-docker.pkg.dev/acme/images/mailer:1"),
            renamed_from=former_handlers,
            opts=after,
        )
        TaskQueue(
            queue,
            project=PROJECT,
            location=LOCATION,
            target=mailer,
            enqueuers=[mailer],
            renamed_from=former_queues,
            opts=after,
        )

    return made


def test_a_component_may_be_renamed(deploy: Deploy) -> None:
    """Its name on Google Cloud is derived from the oldest name."""
    deployment = deploy(program("emails", "mailer", [], []))
    deployment.up()
    deployment.use(program("letters", "postman", ["emails"], ["mailer"]))
    assert deployment.up().steps == {}
    ((_, queue),) = deployment.cloud.of_type(QUEUE)
    assert queue["name"] == "emails"
    deployment.use(program("post", "sender", ["emails", "letters"], ["mailer", "postman"]))
    assert deployment.up().steps == {}
