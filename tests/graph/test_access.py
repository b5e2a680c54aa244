"""Questions about who may do what, and the text of a no."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi_gcp import cloudrunv2, cloudtasks, projects, secretmanager, serviceaccount, storage

from components import ImageSource, PullQueue, ServiceHandler, TaskStack, Worker
from queuewright.blueprint import blueprint
from queuewright.spec import parse
from queuewright.testing import Grant, Graph, capture
from tests.graph.programs import emails_and_mailer

INVOKER = "serviceAccount:emails-invoker@acme.iam.gserviceaccount.com"
MAILER = "serviceAccount:mailer-run@acme.iam.gserviceaccount.com"
SERVICE = "projects/acme/locations/europe-west1/services/mailer"
QUEUE = "projects/acme/locations/europe-west1/queues/emails"


def graph(**options: bool) -> Graph:
    return capture(emails_and_mailer(**options), config={"token": "t"})


def test_grants_are_a_table() -> None:
    """Every grant of the program, sorted, and nothing else."""
    assert graph().grants() == [
        Grant(INVOKER, "roles/run.invoker", SERVICE),
        Grant(MAILER, "roles/cloudtasks.enqueuer", QUEUE),
    ]


def test_a_queue_may_invoke_its_handler() -> None:
    """With the invoker's grant the answer is yes and names it."""
    answer = graph().may_invoke("emails", "mailer")
    assert answer
    assert answer.because == f"{INVOKER} has roles/run.invoker on {SERVICE}"


def test_without_the_grant_it_may_not() -> None:
    """The answer names the missing grant and the account's other grants."""
    answer = graph(invoker_grant=False).may_invoke("emails", "mailer")
    assert not answer
    assert repr(answer) == (f"<no: {INVOKER} lacks roles/run.invoker on {SERVICE}; it has no role>")


def test_a_handler_may_enqueue() -> None:
    """A handler is given by name, a member as IAM writes it."""
    with_it, without = graph(), graph(enqueuer_grant=False)
    assert with_it.may_enqueue("mailer", "emails")
    assert with_it.may_enqueue(MAILER, "emails")
    assert not with_it.may_enqueue("user:ada@example.com", "emails")
    assert not without.may_enqueue("mailer", "emails")


def test_a_project_role_counts() -> None:
    """A role on the whole project also allows it."""

    def program() -> None:
        emails_and_mailer(enqueuer_grant=False)()
        projects.IAMMember("wide", project="acme", role="roles/editor", member=MAILER)

    found = capture(program, config={"token": "t"})
    assert found.may_enqueue("mailer", "emails").because == (
        f"{MAILER} has roles/editor on projects/acme"
    )


def test_tasks_go_where_they_should() -> None:
    """The queue has the host, the audience and the enforcement."""
    found = graph()
    assert found.routes_to("emails", "mailer")


def test_a_wrong_audience_is_no_route() -> None:
    """Cloud Run refuses a token for another URL, so the answer is no."""

    def program() -> None:
        service = cloudrunv2.Service("mailer", name="mailer", location="l", template={})
        cloudtasks.Queue(
            "emails",
            name="emails",
            location="l",
            http_target={
                "uri_override": {"host": service.uri.apply(lambda uri: uri[8:])},
                "oidc_token": {"service_account_email": "x", "audience": "https://elsewhere"},
            },
        )

    answer = capture(program).routes_to("emails", "mailer")
    assert not answer
    assert "sends tokens for https://elsewhere" in answer.because


def test_public_access_is_found() -> None:
    """`allUsers` is found in members, in the invoker check and in bucket access lists."""

    def program() -> None:
        cloudrunv2.ServiceIamMember(
            "open", project="acme", location="l", name="mailer", role="roles/run.invoker",
            member="allUsers",
        )  # fmt: skip
        cloudrunv2.Service("free", location="l", template={}, invoker_iam_disabled=True)
        storage.BucketAccessControl("all", bucket="b", entity="allAuthenticatedUsers")
        storage.BucketACL("acl", bucket="b", role_entities=["READER:allUsers"])

    assert capture(program).public_resources() == [
        "allUsers has roles/run.invoker on projects/acme/locations/l/services/mailer",
        "gcp:cloudrunv2/service:Service::free accepts every caller: invokerIamDisabled is true",
        "gcp:storage/bucketACL:BucketACL::acl gives READER:allUsers access",
        "gcp:storage/bucketAccessControl:BucketAccessControl::all gives "
        "allAuthenticatedUsers access",
    ]


def test_a_private_program_has_nothing_public() -> None:
    """The list is empty."""
    assert graph().public_resources() == []
    assert graph(public=True).public_resources() != []


def test_every_kind_of_grant_is_understood() -> None:
    """Members, bindings, policies and conditions, on resources that are named in different ways."""

    def program() -> None:
        account = "projects/acme/serviceAccounts/a@acme.iam.gserviceaccount.com"
        policy = {"bindings": [{"role": "roles/viewer", "members": ["user:p@example.com"]}]}
        secretmanager.SecretIamMember(
            "1", project="acme", secret_id="key", role="roles/r", member="user:a@example.com"
        )
        storage.BucketIAMMember("2", bucket="b", role="roles/r", member="user:b@example.com")
        serviceaccount.IAMMember(
            "3", service_account_id=account, role="roles/r", member="user:c@example.com"
        )
        projects.IAMBinding(
            "4",
            project="acme",
            role="roles/r",
            members=["user:d@example.com", "user:e@example.com"],
            condition={"title": "weekdays", "expression": "true"},
        )
        projects.IAMPolicy("5", project="acme", policy_data=json.dumps(policy))

    assert list(map(str, capture(program).grants())) == [
        "user:a@example.com has roles/r on projects/acme/secrets/key",
        "user:b@example.com has roles/r on projects/project/buckets/b",
        "user:c@example.com has roles/r on "
        "projects/acme/serviceAccounts/a@acme.iam.gserviceaccount.com",
        "user:d@example.com has roles/r on projects/acme if weekdays",
        "user:e@example.com has roles/r on projects/acme if weekdays",
        "user:p@example.com has roles/viewer on projects/acme",
    ]


def test_an_unknown_name_lists_what_there_is() -> None:
    """A misspelt queue or handler is an error, not a no."""
    with pytest.raises(LookupError, match="no queue is named 'mails'; the program has emails"):
        graph().may_invoke("mails", "mailer")
    with pytest.raises(LookupError, match="no handler is named 'mail'; the program has mailer"):
        graph().may_invoke("emails", "mail")


def test_a_name_may_be_that_of_the_component_or_its_end() -> None:
    """`emails` finds `tasks-emails`, which a stack called `tasks` created."""

    def program() -> None:
        stack = pulumi.ComponentResource("acme:index:Stack", "tasks")
        queue = pulumi.ComponentResource(
            "acme:index:Queue", "tasks-emails", opts=pulumi.ResourceOptions(parent=stack)
        )
        cloudtasks.Queue(
            "tasks-emails-queue",
            name="acme-emails",
            location="l",
            opts=pulumi.ResourceOptions(parent=queue),
        )
        cloudrunv2.Service("mailer", location="l", template={})

    answer = capture(program).may_invoke("emails", "mailer")
    assert "sends no token" in answer.because


def test_who_may_use_a_pull_queue_is_asked_in_the_same_words() -> None:
    """By the queue's name with and without prefix; its dead letters are not the queue."""

    def program() -> None:
        place: dict[str, Any] = {"project": "acme-dev", "location": "europe-west1"}
        web = ServiceHandler("web", source=ImageSource("i"), **place)
        reports = PullQueue(
            "tasks-reports",
            queue_id="shop-reports",
            key="reports",
            enqueuers=[web, "user:ada@example.com"],
            dead_letters=True,
            **place,
        )
        Worker("reporter", source=ImageSource("i"), polls={"SUBSCRIPTION": reports}, **place)

    found = capture(program)
    for name in ("reports", "shop-reports", "tasks-reports"):
        assert found.may_enqueue("web", name)
        assert found.may_poll("reporter", name)
        assert not found.may_enqueue("reporter", name)
        assert not found.may_poll("web", name)
    assert found.may_enqueue("user:ada@example.com", "reports")
    assert found.may_poll("reporter", "reports").because == (
        "serviceAccount:reporter-handler@acme-dev.iam.gserviceaccount.com has "
        "roles/pubsub.subscriber on projects/acme-dev/subscriptions/shop-reports"
    )
    with pytest.raises(LookupError, match="no pull queue is named 'emails'; the program has shop"):
        found.may_poll("reporter", "emails")


def test_the_dead_letters_of_a_queue_are_not_the_queue(tmp_path: Path) -> None:
    """By the queue's key; the handler may add dead letters, and no tasks."""
    plan = blueprint(
        parse(
            "project: acme-dev\nlocation: europe-west1\n"
            "handlers: {web: {service: {image: i}}, api: {service: {image: i}}}\n"
            "queues: {emails: {handler: web, dead_letters: true, enqueuers: [api]}}\n"
        )
    )
    found = capture(lambda: TaskStack("tasks", plan, root=tmp_path))
    assert found.may_invoke("emails", "web")
    assert found.may_enqueue("api", "emails")
    assert not found.may_enqueue("web", "emails")


def test_a_queue_may_be_called_as_the_dead_letters_of_another(tmp_path: Path) -> None:
    """Their resources have different names in the program."""
    plan = blueprint(
        parse(
            "project: acme-dev\nlocation: europe-west1\n"
            "handlers: {web: {service: {image: i}}}\n"
            "queues:\n"
            "  emails: {handler: web, dead_letters: true, enqueuers: [web]}\n"
            "  emails-dead-letters: {handler: web, dead_letters: true, enqueuers: [web]}\n"
            "  emails-dead-letter: {handler: web, enqueuers: [web]}\n"
        )
    )
    found = capture(lambda: TaskStack("tasks", plan, root=tmp_path))
    names = [each.name for each in found.resources.values() if each.type.endswith("queue:Queue")]
    assert len(set(names)) == len(names) == 5
    for key in plan.queues:
        assert found.may_enqueue("web", key)
