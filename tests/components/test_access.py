"""The whole access policy of a stack with every kind of handler."""

from __future__ import annotations

from pathlib import Path

import pulumi
import pytest
from pulumi_gcp import (
    artifactregistry,
    cloudrunv2,
    cloudtasks,
    projects,
    pubsub,
    secretmanager,
    storage,
)

from components import TaskStack
from queuewright.blueprint import Blueprint, blueprint
from queuewright.spec import load, parse
from queuewright.testing import Graph, capture
from tests.components.conftest import GraphOf, captured
from tests.components.edits import edit_arguments
from tests.components.expectations import promised_grants

STACKS = ["dev", "staging", "prod", "all"]

# Member, role, and what it is on, without the project's address.
TABLE = """
group:ops@example.com                                       cloudtasks.enqueuer                  queues/shop-inbox-delays
group:ops@example.com                                       cloudtasks.enqueuer                  queues/shop-reports
group:ops@example.com                                       pubsub.publisher                     topics/shop-inbox
group:ops@example.com                                       pubsub.publisher                     topics/shop-papers
service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com  pubsub.publisher                     topics/shop-drafts.dead-letters
service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com  pubsub.publisher                     topics/shop-drops.dead-letters
service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com  pubsub.publisher                     topics/shop-papers.dead-letters
service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com  pubsub.subscriber                    subscriptions/shop-drafts
service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com  pubsub.subscriber                    subscriptions/shop-drops
service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com  pubsub.subscriber                    subscriptions/shop-papers
shop-archiver-handler                                       pubsub.subscriber                    subscriptions/shop-drafts
shop-inbox-delays                                           pubsub.publisher                     topics/shop-inbox
shop-ledger-handler                                         artifactregistry.createOnPushWriter  projects/acme-all
shop-ledger-handler                                         cloudtasks.enqueuer                  queues/shop-emails
shop-ledger-handler                                         logging.logWriter                    projects/acme-all
shop-ledger-handler                                         pubsub.publisher                     topics/shop-papers
shop-ledger-handler                                         storage.bucketViewer                 projects/acme-all if app-engine-staging
shop-ledger-handler                                         storage.objectUser                   projects/acme-all if app-engine-staging
shop-ledger-handler                                         storage.objectViewer                 buckets/acme-all-shop-queuewright
shop-mailer-handler                                         cloudtasks.enqueuer                  queues/shop-inbox-delays
shop-mailer-handler                                         cloudtasks.enqueuer                  queues/shop-orders
shop-mailer-handler                                         pubsub.publisher                     topics/shop-inbox
shop-mailer-handler                                         pubsub.publisher                     topics/shop-papers
shop-mailer-handler                                         secretmanager.secretAccessor         secrets/shop-mailer-SMTP_TOKEN
shop-mailer-handler                                         secretmanager.secretAccessor         secrets/smtp-password
shop-mailer-invoker                                         run.invoker                          services/shop-mailer
shop-queuewright-build                                      artifactregistry.writer              repositories/shop-queuewright
shop-queuewright-build                                      logging.logWriter                    projects/acme-all
shop-queuewright-build                                      storage.objectViewer                 projects/acme-all if function-sources
shop-queuewright-build                                      storage.objectViewer                 buckets/acme-all-shop-queuewright
shop-ready-handler                                          cloudtasks.enqueuer                  queues/shop-books
shop-ready-invoker                                          run.invoker                          services/shop-ready
shop-reporter-handler                                       pubsub.publisher                     topics/shop-drafts
shop-reporter-handler                                       pubsub.subscriber                    subscriptions/shop-papers
shop-reporter-handler                                       secretmanager.secretAccessor         secrets/smtp-password
shop-reports-handler                                        cloudtasks.enqueuer                  queues/shop-emails
shop-reports-handler                                        cloudtasks.enqueuer                  queues/shop-reports-dead
shop-reports-invoker                                        run.invoker                          services/shop-reports
shop-resizer-handler                                        cloudtasks.enqueuer                  queues/shop-archive
shop-resizer-handler                                        secretmanager.secretAccessor         secrets/smtp-password
shop-resizer-invoker                                        run.invoker                          services/shop-resizer
web@acme-web.iam.gserviceaccount.com                        cloudtasks.enqueuer                  queues/shop-emails
"""  # noqa: E501


def test_the_policy_is_this_table(everything_graph: Graph) -> None:
    """Every grant is in the table, and there are no others."""
    rows = [
        (
            grant.member.removeprefix("serviceAccount:").removesuffix(
                "@acme-all.iam.gserviceaccount.com"
            ),
            grant.role.removeprefix("roles/"),
            "/".join(grant.resource.split("/")[-2:])
            + (f" if {grant.condition}" if grant.condition else ""),
        )
        for grant in everything_graph.grants()
    ]
    assert rows == [tuple(row.split(maxsplit=2)) for row in TABLE.strip().splitlines()]


@pytest.mark.parametrize("stack", STACKS)
def test_the_policy_is_what_the_blueprint_promises(
    graph_of: GraphOf, projects: dict[str, Path], stack: str
) -> None:
    """`queuewright explain`, this machine and Google Cloud have the same policy."""
    promised = promised_grants(blueprint(load(stack, projects[stack])))
    built = graph_of(stack).grants()
    lost = "\n".join(str(grant) for grant in promised if grant not in built)
    assert not lost, f"the code has lost:\n{lost}"
    assert built == promised


@pytest.mark.parametrize("stack", STACKS)
def test_nothing_is_public(graph_of: GraphOf, stack: str) -> None:
    """No `allUsers`, and no other way to be called by anyone."""
    assert graph_of(stack).public_resources() == []
    assert "allUsers" not in graph_of(stack).inventory()


@pytest.mark.parametrize("stack", STACKS)
def test_no_account_has_a_key(graph_of: GraphOf, stack: str) -> None:
    """Nothing that can be stolen and used elsewhere."""
    assert graph_of(stack).of_type("gcp:serviceaccount/key:Key") == []


def test_only_accounts_that_build_have_a_role_on_the_project(everything_graph: Graph) -> None:
    """The build account of functions, and the account of the App Engine version."""
    on_project = [
        grant.member for grant in everything_graph.grants() if grant.resource == "projects/acme-all"
    ]
    assert set(on_project) == {
        "serviceAccount:shop-ledger-handler@acme-all.iam.gserviceaccount.com",
        "serviceAccount:shop-queuewright-build@acme-all.iam.gserviceaccount.com",
    }


def test_every_queue_may_call_its_handler_and_no_other(everything_graph: Graph) -> None:
    """Each invoker reaches exactly one handler."""
    handlers = {"emails": "mailer", "images": "resizer", "reports": "reports", "orders": "ready"}
    for queue in handlers:
        allowed = [
            handler for handler in handlers.values() if everything_graph.may_invoke(queue, handler)
        ]
        assert allowed == [handlers[queue]]


def test_every_queue_routes_to_its_handler_with_a_token_for_it(everything_graph: Graph) -> None:
    """Host and audience are the handler's, for functions and services."""
    for queue, handler in (("emails", "mailer"), ("images", "resizer"), ("reports", "reports")):
        answer = everything_graph.routes_to(queue, handler)
        assert answer, answer


def test_a_handler_may_enqueue_where_the_yaml_names_it_and_nowhere_else(
    everything_graph: Graph, everything_blueprint: Blueprint
) -> None:
    """The enqueuers of each queue are those in the YAML."""
    allowed = {
        (handler, queue)
        for handler in ("mailer", "resizer", "reports", "ready")
        for queue in everything_blueprint.queues
        if everything_graph.may_enqueue(handler, queue)
    }
    assert allowed == {
        ("mailer", "orders"),
        ("resizer", "archive"),
        ("reports", "emails"),
        ("ready", "books"),
    }


@pytest.mark.parametrize(
    ("kind", "lost"),
    [
        (cloudrunv2.ServiceIamMember, "shop-mailer-invoker@acme-all.iam.gserviceaccount.com has "
         "roles/run.invoker on projects/acme-all/locations/europe-west4/services/shop-mailer"),
        (cloudtasks.QueueIamMember, "shop-reports-handler@acme-all.iam.gserviceaccount.com has "
         "roles/cloudtasks.enqueuer on projects/acme-all/locations/europe-west4/queues/"),
        (secretmanager.SecretIamMember, "shop-mailer-handler@acme-all.iam.gserviceaccount.com "
         "has roles/secretmanager.secretAccessor on projects/acme-all/secrets/smtp-password"),
        (storage.BucketIAMMember, "shop-queuewright-build@acme-all.iam.gserviceaccount.com has "
         "roles/storage.objectViewer on projects/acme-all/buckets/acme-all-shop-queuewright"),
        (artifactregistry.RepositoryIamMember, "roles/artifactregistry.writer on projects/"
         "acme-all/locations/europe-west4/repositories/shop-queuewright"),
        (projects.IAMMember, "shop-queuewright-build@acme-all.iam.gserviceaccount.com has "
         "roles/logging.logWriter on projects/acme-all"),
        (pubsub.TopicIAMMember, "shop-mailer-handler@acme-all.iam.gserviceaccount.com has "
         "roles/pubsub.publisher on projects/acme-all/topics/shop-papers"),
        (pubsub.SubscriptionIAMMember, "shop-reporter-handler@acme-all.iam.gserviceaccount.com has "
         "roles/pubsub.subscriber on projects/acme-all/subscriptions/shop-papers"),
    ],
)  # fmt: skip
def test_a_grant_that_the_code_loses_is_named(
    monkeypatch: pytest.MonkeyPatch,
    projects: dict[str, Path],
    everything_blueprint: Blueprint,
    kind: type[pulumi.CustomResource],
    lost: str,
) -> None:
    """If a component breaks a grant, the comparison above names it."""
    edit_arguments(monkeypatch, kind, lambda grant: grant.update(member="user:nobody@example.com"))
    missing = set(promised_grants(everything_blueprint)) - set(
        captured(projects["all"], "all").grants()
    )
    assert any(lost in str(grant) for grant in missing), missing


def test_a_configured_secret_is_made_whoever_reads_it_first() -> None:
    """An earlier handler reads the same secret by its id."""
    text = """
project: acme-dev
location: europe-west1
handlers:
  alpha: {service: {image: a}, secrets: {KEY: mailer-API_KEY}}
  mailer: {service: {image: m}, secrets: {API_KEY: {config: apiKey}}}
"""
    plan = blueprint(parse(text))
    graph = capture(lambda: TaskStack("tasks", plan), config={"apiKey": "k"}, secrets=["apiKey"])
    (made,) = graph.of_type("secretmanager/secret:Secret")
    assert made.input("secretId") == "mailer-API_KEY"
    assert len(graph.of_type("secretmanager/secretVersion:SecretVersion")) == 1
