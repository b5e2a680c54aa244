"""The upgrade of a stack whose queues have an invoker each, on the real engine."""

from __future__ import annotations

from collections.abc import Callable

import pulumi
import pulumi_gcp as gcp
import pytest
from pulumi_gcp import cloudrunv2, cloudtasks, projects, serviceaccount

from components import TaskStack
from queuewright.blueprint import blueprint
from queuewright.spec import parse
from tests.deploy.test_edits import QUEUE
from tests.pulumi_double.engine import Deployment
from tests.pulumi_double.fixtures import Deploy

pytestmark = [pytest.mark.engine, pytest.mark.slow]

PROJECT, LOCATION = "acme-dev", "europe-west1"
ACCOUNT = "gcp:serviceaccount/account:Account"
INVOKER = "gcp:cloudrunv2/serviceIamMember:ServiceIamMember"
QUEUES = {"reports": "reports", "daily": "reports", "emails": "mailer"}
"""Two queues of one handler, one of them with the same name as the handler; and another pair."""

SPEC = """\
project: acme-dev
location: europe-west1
handlers:
  mailer: {service: {image: "europe-docker.pkg.dev/acme/images/mailer:1"}}
  reports: {service: {image: "europe-docker.pkg.dev/acme/images/reports:1"}}
queues:
  reports: {handler: reports}
  daily: {handler: reports}
  emails: {handler: mailer}
"""


def stack() -> None:
    """The YAML above, deployed by this version."""
    TaskStack("tasks", blueprint(parse(SPEC)))


class Component(pulumi.ComponentResource):
    """A component of the earlier version."""

    def __init__(self, kind: str, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"queuewright:index:{kind}", name, None, opts)


def earlier_stack() -> None:
    """The relevant part of what the earlier version deployed."""
    provider = gcp.Provider("tasks-google", project=PROJECT, region=LOCATION)
    whole = Component("TaskStack", "tasks", pulumi.ResourceOptions(providers=[provider]))
    inside = pulumi.ResourceOptions(parent=whole)
    services = Component("ProjectServices", "tasks-project", inside)
    apis = [
        projects.Service(
            f"tasks-project-{api}",
            project=PROJECT,
            service=f"{api}.googleapis.com",
            disable_on_destroy=False,
            opts=pulumi.ResourceOptions(parent=services),
        )
        for api in ("cloudtasks", "iam", "run")
    ]
    handlers = {key: earlier_handler(key, inside, apis) for key in ("mailer", "reports")}
    for key, handler in QUEUES.items():
        earlier_queue(key, handler, *handlers[handler], inside, apis)


def earlier_handler(
    key: str, inside: pulumi.ResourceOptions, apis: list[projects.Service]
) -> tuple[Component, cloudrunv2.Service]:
    component = Component("ServiceHandler", f"tasks-{key}", inside)
    within = pulumi.ResourceOptions(parent=component, depends_on=apis)
    account = serviceaccount.Account(
        f"tasks-{key}-account", account_id=f"{key}-handler", project=PROJECT, opts=within
    )
    service = cloudrunv2.Service(
        f"tasks-{key}-service",
        name=key,
        project=PROJECT,
        location=LOCATION,
        template={"service_account": account.email, "containers": [{"image": f"{key}:1"}]},
        deletion_protection=False,
        opts=within,
    )
    return component, service


def earlier_queue(
    key: str,
    handler: str,
    called: Component,
    service: cloudrunv2.Service,
    inside: pulumi.ResourceOptions,
    apis: list[projects.Service],
) -> None:
    component = Component("TaskQueue", f"tasks-{key}", inside)
    within = pulumi.ResourceOptions(parent=component, depends_on=apis)
    invoker = serviceaccount.Account(
        f"tasks-{key}-invoker", account_id=f"{key}-invoker", project=PROJECT, opts=within
    )
    cloudrunv2.ServiceIamMember(
        f"tasks-{handler}-invoker-{key}",
        project=PROJECT,
        location=LOCATION,
        name=service.name,
        role="roles/run.invoker",
        member=invoker.member,
        opts=pulumi.ResourceOptions(parent=called, depends_on=apis),
    )
    cloudtasks.Queue(
        f"tasks-{key}-queue",
        name=key,
        project=PROJECT,
        location=LOCATION,
        http_target={
            "uri_override": {"scheme": "HTTPS", "host": f"{key}.example"},
            "oidc_token": {"service_account_email": invoker.email, "audience": "https://x.example"},
        },
        opts=pulumi.ResourceOptions(parent=component, depends_on=apis, protect=True),
    )


def tokens(deployment: Deployment) -> dict[str, object]:
    """The account whose token the tasks of each queue carry."""
    found = {}
    for _, queue in deployment.cloud.of_type(QUEUE):
        target = queue["httpTarget"]
        assert isinstance(target, dict)
        token = target["oidcToken"]
        assert isinstance(token, dict)
        found[str(queue["name"])] = str(token["serviceAccountEmail"]).partition("@")[0]
    return found


def callers(deployment: Deployment) -> set[tuple[str, str]]:
    """Each service with an account that may call it."""
    return {
        (str(grant["name"]), str(grant["member"]).partition(":")[2].partition("@")[0])
        for _, grant in deployment.cloud.of_type(INVOKER)
    }


@pytest.fixture
def upgraded(deploy: Deploy) -> tuple[Deployment, Callable[[], None]]:
    """A stack deployed by the earlier version, and its program in this version."""
    deployment = deploy(earlier_stack)
    deployment.up()
    assert tokens(deployment) == {key: f"{key}-invoker" for key in QUEUES}
    return deployment, stack


def test_queues_change_over_to_the_accounts_of_their_handlers(
    upgraded: tuple[Deployment, Callable[[], None]],
) -> None:
    """New accounts are created, then queues get their tokens, then old accounts are deleted."""
    deployment, program = upgraded
    already = len(deployment.gcp.calls)
    deployment.use(program)
    steps = deployment.up().steps
    assert tokens(deployment) == {
        "reports": "reports-invoker",
        "daily": "reports-invoker",
        "emails": "mailer-invoker",
    }
    assert callers(deployment) == {("mailer", "mailer-invoker"), ("reports", "reports-invoker")}
    accounts = {str(account["accountId"]) for _, account in deployment.cloud.of_type(ACCOUNT)}
    assert accounts == {"mailer-handler", "mailer-invoker", "reports-handler", "reports-invoker"}
    assert {name: step for name, step in steps.items() if name.startswith(QUEUE)} == {
        f"{QUEUE}::tasks-{key}-queue": "update" for key in QUEUES
    }
    done = [(call.method, call.name) for call in deployment.gcp.calls[already:] if not call.preview]
    assert (
        done.index(("Create", "tasks-mailer-invoker"))
        < done.index(("Create", "tasks-mailer-invoker-queues"))
        < done.index(("Update", "tasks-emails-queue"))
        < done.index(("Delete", "tasks-emails-invoker"))
    )
    assert deployment.up().steps == {}


def test_the_account_of_a_queue_with_the_name_of_its_handler_stays(
    upgraded: tuple[Deployment, Callable[[], None]],
) -> None:
    """It already has the id of the handler's invoker, so it and its grant are kept."""
    deployment, program = upgraded
    already = len(deployment.gcp.calls)
    deployment.use(program)
    steps = deployment.up().steps
    assert steps[f"{ACCOUNT}::tasks-reports-invoker"] == "update"
    assert f"{INVOKER}::tasks-reports-invoker-queues" not in steps
    deleted = {call.name for call in deployment.gcp.calls[already:] if call.method == "Delete"}
    assert "tasks-reports-invoker" not in deleted
    assert "tasks-reports-invoker-reports" not in deleted
