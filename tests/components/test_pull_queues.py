"""Pull queues and workers one by one, without YAML, and what their inputs promise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components import (
    DockerfileSource,
    FolderSource,
    HandlerSecret,
    ImageRepository,
    ImageSource,
    PullQueue,
    PullSettings,
    SecretVariable,
    ServiceHandler,
    Worker,
)
from queuewright.cloud_tasks import roles
from queuewright.errors import SpecError
from queuewright.graph.computed import PROJECT_NUMBER
from queuewright.testing import Graph, capture

PLACE: dict[str, Any] = {"project": "acme-dev", "location": "europe-west1"}
IMAGE = ImageSource("reporter:1")
AGENT = f"serviceAccount:service-{PROJECT_NUMBER}@gcp-sa-pubsub.iam.gserviceaccount.com"
WORKER = "serviceAccount:reporter-handler@acme-dev.iam.gserviceaccount.com"
SUBSCRIPTION = "gcp:pubsub/subscription:Subscription"
TOPIC = "gcp:pubsub/topic:Topic"


def granted(graph: Graph) -> set[tuple[str, str, str]]:
    """Member, role and resource, without the project's address."""
    return {
        (grant.member, grant.role, grant.resource.removeprefix("projects/acme-dev/"))
        for grant in graph.grants()
    }


def test_a_worker_and_an_enqueuer_have_exactly_their_rights() -> None:
    """And Pub/Sub those that it needs to give up tasks."""

    def program() -> None:
        reports = PullQueue(
            "reports", enqueuers=["group:ops@example.com"], dead_letters=True, **PLACE
        )
        Worker("reporter", source=IMAGE, polls={"SUBSCRIPTION": reports}, **PLACE)

    graph = capture(program)
    assert granted(graph) == {
        (WORKER, roles.SUBSCRIBER, "subscriptions/reports"),
        ("group:ops@example.com", roles.PUBLISHER, "topics/reports"),
        (AGENT, roles.SUBSCRIBER, "subscriptions/reports"),
        (AGENT, roles.PUBLISHER, "topics/reports.dead-letters"),
    }
    pool = graph["reporter-pool"]
    assert pool.input("template.containers[0].envs") == [
        {"name": "SUBSCRIPTION", "value": "projects/acme-dev/subscriptions/reports"}
    ]
    waits = {urn.rpartition("::")[2] for urn in pool.depends_on}
    assert waits == {"reports-subscriber-reporter"}


def test_somebody_else_may_poll() -> None:
    """By a member instead of a worker."""
    member = "serviceAccount:batch@acme-other.iam.gserviceaccount.com"
    graph = capture(lambda: PullQueue("reports", worker=member, **PLACE))
    assert granted(graph) == {(member, roles.SUBSCRIBER, "subscriptions/reports")}


def test_without_dead_letters_there_is_one_topic_and_no_agent() -> None:
    """And the subscription has no policy."""
    graph = capture(lambda: PullQueue("reports", **PLACE))
    assert [each.name for each in graph.of_type(TOPIC)] == ["reports-topic"]
    (subscription,) = graph.of_type(SUBSCRIPTION)
    assert subscription.input("deadLetterPolicy") is None
    assert graph.grants() == []
    assert graph.of_type("gcp:projects/serviceIdentity:ServiceIdentity") == []


def test_every_setting_is_written_out_and_nothing_expires() -> None:
    """Google would delete an idle subscription after a month."""
    graph = capture(lambda: PullQueue("reports", dead_letters=True, **PLACE))
    subscriptions = graph.of_type(SUBSCRIPTION)
    assert len(subscriptions) == 2
    assert all(each.input("expirationPolicy") == {"ttl": ""} for each in subscriptions)
    main = graph["reports-subscription"]
    assert main.input("ackDeadlineSeconds") == 10
    assert main.input("messageRetentionDuration") == "604800s"
    assert main.input("retryPolicy") == {"minimumBackoff": "10s", "maximumBackoff": "600s"}
    assert main.input("enableMessageOrdering") is False
    for topic in graph.of_type(TOPIC):
        assert topic.input("messageStoragePolicy.allowedPersistenceRegions") == ["europe-west1"]


@pytest.mark.parametrize(
    ("arguments", "unprotected"),
    [
        ({}, set()),
        ({"dead_letters": True}, set()),
        ({"pull": {"max_attempts": 5}}, {"reports-dead-letter-topic"}),
        ({"protect": False}, {"reports-subscription", "reports-topic"}),
    ],
)
def test_what_holds_tasks_is_protected(arguments: dict[str, Any], unprotected: set[str]) -> None:
    """A dead-letter topic without a subscription holds none."""
    graph = capture(lambda: PullQueue("reports", **arguments, **PLACE))
    found = [*graph.of_type(TOPIC), *graph.of_type(SUBSCRIPTION)]
    assert {each.name for each in found if not each.protect} == unprotected


def test_a_handler_may_be_admitted_later() -> None:
    """For example one that needs the queue's name."""

    def program() -> None:
        reports = PullQueue("reports", pull=PullSettings(ordering=True), **PLACE)
        web = ServiceHandler("web", source=IMAGE, environment={"TOPIC": reports.name}, **PLACE)
        reports.admit(web)

    graph = capture(program)
    (grant,) = graph.grants()
    assert grant.role == roles.PUBLISHER
    variables = graph["web-service"].input("template.containers[0].envs")
    assert variables == [{"name": "TOPIC", "value": "projects/acme-dev/topics/reports"}]


def test_a_workers_settings_reach_its_pool(tmp_path: Path) -> None:
    """Its command, variables, secrets, network, memory and number of instances."""
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")

    def program() -> None:
        images = ImageRepository("images", repository_id="images", **PLACE)
        secret = HandlerSecret("key", project="acme-other", secret_id="report-key")
        Worker(
            "reporter",
            source=DockerfileSource(tmp_path, images),
            command=["python", "main.py", "--fast"],
            environment={"FORMAT": "pdf"},
            secrets={"KEY": SecretVariable(secret)},
            memory="4Gi",
            cpu=2,
            instances={"min": 2, "max": 4},
            vpc={"network": "default"},
            labels={"team": "growth"},
            **PLACE,
        )

    graph = capture(program)
    pool = graph["reporter-pool"]
    container = "template.containers[0]"
    assert pool.input(f"{container}.commands") == ["python"]
    assert pool.input(f"{container}.args") == ["main.py", "--fast"]
    assert pool.input(f"{container}.envs") == [
        {"name": "FORMAT", "value": "pdf"},
        {
            "name": "KEY",
            "valueSource": {
                "secretKeyRef": {
                    "secret": "projects/acme-other/secrets/report-key",
                    "version": "latest",
                }
            },
        },
    ]
    assert pool.input(f"{container}.resources") == {"limits": {"cpu": "2", "memory": "4Gi"}}
    assert pool.input("scaling") == {
        "scalingMode": "AUTOMATIC",
        "minInstanceCount": 2,
        "maxInstanceCount": 4,
    }
    assert pool.input("template.vpcAccess.networkInterfaces") == [{"network": "default"}]
    assert pool.input("labels") == {"team": "growth"}
    assert graph.input_problems() == []


def test_a_worker_has_one_instance_and_its_images_command_by_default() -> None:
    """Every instance is billed all the time."""
    pool = capture(lambda: Worker("reporter", source=IMAGE, **PLACE))["reporter-pool"]
    assert pool.input("scaling") == {"scalingMode": "MANUAL", "manualInstanceCount": 1}
    assert pool.input("template.containers[0].commands") is None
    assert pool.input("deletionProtection") is False


WRONG: list[tuple[Callable[[], object], str]] = [
    (
        lambda: PullQueue("reports", pull={"lease": "1s", "max_attempts": 4}, **PLACE),
        "reports.pull.lease: `1s` is out of range\n"
        "  hint: Pub/Sub allows at least `10s` and at most `10m`\n"
        "reports.pull.max_attempts: `4` is out of range\n"
        "  hint: Pub/Sub allows at least 5 and at most 100",
    ),
    (
        lambda: PullQueue("ab", **PLACE),
        "ab: not a name for a pull queue\n"
        "  hint: Pub/Sub's names have at least 3 characters, start with a letter, and not with "
        "`goog`",
    ),
    (
        lambda: PullQueue("reports", worker="reporter", enqueuers=["allUsers"], **PLACE),
        "reports.enqueuers: `reporter` is not an IAM member\n"
        "  hint: give the handler itself, or a member such as `serviceAccount:…`\n"
        "reports.enqueuers[0]: `allUsers` would let anyone add tasks\n"
        "  hint: list members instead: a handler, `serviceAccount:…` or `group:…`",
    ),
    (
        lambda: PullQueue("reports", **PLACE).admit("web"),
        "reports.admit: `web` is not an IAM member\n"
        "  hint: give the handler itself, or a member such as `serviceAccount:…`",
    ),
    (
        lambda: Worker("reporter", source=IMAGE, timeout="1m", memory="256Mi", **PLACE),
        "reporter.timeout: a handler of kind `worker` has no `timeout`\n"
        "  hint: remove it\n"
        "reporter.memory: `256Mi` is too little for a worker\n"
        "  hint: give the worker `memory='512Mi'` or more",
    ),
    (
        lambda: Worker(
            "reporter",
            source=FolderSource(Path(), "python312", (), None),  # type: ignore[arg-type]
            **PLACE,
        ),
        "reporter.source: expected an image, found a FolderSource\n"
        "  hint: give an `ImageSource` or a `DockerfileSource`: worker pools take images only",
    ),
    (
        lambda: Worker("reporter", source=DockerfileSource(Path("no"), None), **PLACE),  # type: ignore[arg-type]
        "reporter.source: `no` has no Dockerfile\n  hint: add one, or give an `ImageSource`",
    ),
]


@pytest.mark.parametrize(("program", "said"), WRONG)
def test_what_no_file_may_describe_is_refused(program: Callable[[], object], said: str) -> None:
    """With the words of the YAML."""
    with pytest.raises(SpecError) as error:
        capture(lambda: (program(), None)[1])
    assert str(error.value) == said


def test_delays_are_kept_by_a_protected_queue_with_an_account_of_its_own() -> None:
    """It may publish to the topic; enqueuers may add to both; Google takes every input."""
    member, found = "group:ops@example.com", dict[str, object]()

    def program() -> None:
        pull = {"delays": True}
        reports = PullQueue("reports", pull=pull, enqueuers=[member], **PLACE)
        reports.delays_name.apply(lambda name: found.setdefault("name", name))
        PullQueue("plain", **PLACE)

    graph = capture(program)
    publisher = "serviceAccount:reports-delays@acme-dev.iam.gserviceaccount.com"
    assert granted(graph) == {
        (member, roles.PUBLISHER, "topics/reports"),
        (member, roles.ENQUEUER, "locations/europe-west1/queues/reports-delays"),
        (publisher, roles.PUBLISHER, "topics/reports"),
    }
    (queue,) = graph.of_type("gcp:cloudtasks/queue:Queue")
    assert (queue.name, queue.protect) == ("reports-delays-queue", True)
    assert queue.input("httpTarget") == {
        "httpMethod": "POST",
        "uriOverride": {
            "scheme": "HTTPS",
            "host": "pubsub.googleapis.com",
            "pathOverride": {"path": "/v1/projects/acme-dev/topics/reports:publish"},
            "uriOverrideEnforceMode": "ALWAYS",
        },
        "oauthToken": {
            "serviceAccountEmail": publisher.removeprefix("serviceAccount:"),
            "scope": "https://www.googleapis.com/auth/pubsub",
        },
    }
    assert found["name"] == "projects/acme-dev/locations/europe-west1/queues/reports-delays"
    assert graph.input_problems() == []


def test_questions_tell_a_pull_queue_from_its_delays() -> None:
    """Each by its own name."""
    member = "group:ops@example.com"

    def program() -> None:
        reports = PullQueue("reports", pull={"delays": True}, **PLACE)
        reports.admit(member, role=roles.ENQUEUER, part="delay_queue")

    graph = capture(program)
    assert not graph.may_enqueue(member, "reports")
    assert graph.may_enqueue(member, "reports-delays")


def test_a_renamed_pull_queue_keeps_its_delays() -> None:
    """Only logical names change; their former ones are aliases."""
    graph = capture(
        lambda: PullQueue("papers", renamed_from=["reports"], pull={"delays": True}, **PLACE)
    )
    assert graph["papers-delays-queue"].input("name") == "reports-delays"
    grant = graph["papers-publisher-papers-delays"]
    former = [urn.rpartition("::")[2] for urn in grant.aliases]
    assert former == ["papers-publisher-reports-delays"]


def test_without_delays_there_is_no_queue_to_name() -> None:
    """Asking for it is a mistake in the program."""

    def program() -> None:
        reports = PullQueue("reports", **PLACE)
        assert reports.delays is None
        with pytest.raises(ValueError, match="reports has no delays"):
            _ = reports.delays_name

    capture(program)
