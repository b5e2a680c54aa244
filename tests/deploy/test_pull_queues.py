"""Pull queues and workers on the real Pulumi engine: each edit touches exactly what it should."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.conftest import Start
from tests.deploy.test_edits import rewrite
from tests.pulumi_double.engine import Deployment, EngineError

pytestmark = [pytest.mark.engine, pytest.mark.slow]

TOPIC = "gcp:pubsub/topic:Topic"
SUBSCRIPTION = "gcp:pubsub/subscription:Subscription"
PUBLISHER = "gcp:pubsub/topicIAMMember:TopicIAMMember"
SUBSCRIBER = "gcp:pubsub/subscriptionIAMMember:SubscriptionIAMMember"
POOL = "gcp:cloudrunv2/workerPool:WorkerPool"
PAPERS = "{lease: 60s, max_attempts: 8, min_backoff: 5s, max_backoff: 5m, keep: 3d, ordering: true}"
DRAFTS = "{pull: {max_attempts: 6}, worker: archiver, protect: false, enqueuers: [reporter]}"

STACK = """\
project: acme-dev
location: europe-west1
handlers:
  reporter: {worker: {image: "i:1"}}
queues:
  reports: {pull: {}, worker: reporter, dead_letters: true%s}
"""


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("lease: 60s", "lease: 2m", f"{SUBSCRIPTION}::tasks-papers-subscription"),
        ("max_attempts: 8", "max_attempts: 9", f"{SUBSCRIPTION}::tasks-papers-subscription"),
        ("min_backoff: 5s", "min_backoff: 6s", f"{SUBSCRIPTION}::tasks-papers-subscription"),
        ("keep: 3d", "keep: 4d", f"{SUBSCRIPTION}::tasks-papers-subscription"),
        ("FORMAT: pdf", "FORMAT: svg", f"{POOL}::tasks-reporter-pool"),
        ("min: 2, max: 5", "min: 3, max: 3", f"{POOL}::tasks-reporter-pool"),
        ("images/archiver:1", "images/archiver:2", f"{POOL}::tasks-archiver-pool"),
        ("command: [python, main.py]}\n    env: {F", "command: [python, -u, main.py]}\n    env: {F",
         f"{POOL}::tasks-reporter-pool"),
    ],
)  # fmt: skip
def test_one_setting_changes_one_thing(
    deployed: Deployment, whole: Path, old: str, new: str, changed: str
) -> None:
    """In place; nothing is replaced."""
    rewrite(whole / "stacks" / "all.yaml", old, new)
    steps = deployed.up().steps
    if "lease" in old:  # the dead letters have the same lease
        assert steps.pop(f"{SUBSCRIPTION}::tasks-papers-dead-letter-subscription") == "update"
    assert steps == {changed: "update"}
    assert deployed.up().steps == {}


def test_settings_that_leave_the_yaml_go_back_to_googles_defaults(
    deployed: Deployment, whole: Path
) -> None:
    """Without any, the live subscription is as a new one, in its old order."""
    rewrite(whole / "stacks" / "all.yaml", PAPERS, "{ordering: true}")
    assert f"{SUBSCRIPTION}::tasks-papers-subscription" in deployed.up().steps
    live = dict(deployed.cloud.of_type(SUBSCRIPTION))["projects/acme-all/subscriptions/shop-papers"]
    assert live["ackDeadlineSeconds"] == 10
    assert live["messageRetentionDuration"] == "604800s"
    assert live["retryPolicy"] == {"minimumBackoff": "10s", "maximumBackoff": "600s"}
    assert live["deadLetterPolicy"] == {
        "deadLetterTopic": "projects/acme-all/topics/shop-papers.dead-letters",
        "maxDeliveryAttempts": 5,
    }


def test_a_workers_code_builds_its_image_and_changes_the_pool(
    deployed: Deployment, whole: Path
) -> None:
    """New code beside a Dockerfile is a new image."""
    rewrite(whole / "handlers" / "reporter" / "main.py", "reporter", "REPORTER")
    assert deployed.up().steps == {
        "docker-build:index:Image::tasks-reporter-image": "update",
        f"{POOL}::tasks-reporter-pool": "update",
    }


def test_an_order_that_would_replace_a_protected_subscription_is_refused(
    deployed: Deployment, whole: Path
) -> None:
    """Its waiting tasks would be lost."""
    before = deployed.cloud.contents()
    rewrite(whole / "stacks" / "all.yaml", "ordering: true", "ordering: false")
    with pytest.raises(EngineError, match="protect"):
        deployed.preview()
    assert deployed.cloud.contents() == before


def test_an_enqueuer_comes_and_goes_alone(deployed: Deployment, whole: Path) -> None:
    """A grant is one resource."""
    file = whole / "stacks" / "all.yaml"
    one, two = 'ledger, "group:ops@example.com"]\n    dead', "ledger, ready]\n    dead"
    rewrite(file, one, two)
    steps = deployed.up().steps
    pool = "gcp:cloudrunv2/service:Service::tasks-ready-service"  # gets the topic's name
    assert steps == {
        f"{PUBLISHER}::tasks-papers-publisher-ready": "create",
        f"{PUBLISHER}::tasks-papers-publisher-group:ops@example.com": "delete",
        pool: "update",
    }


def test_dead_letters_come_and_go_with_their_grants(deployed: Deployment, whole: Path) -> None:
    """The queue itself is updated in place."""
    file = whole / "stacks" / "all.yaml"
    new = {
        f"{SUBSCRIPTION}::tasks-drafts-dead-letter-subscription",
        f"{TOPIC}::tasks-drafts-dead-letter-topic",
        f"{PUBLISHER}::tasks-drafts-dead-letter-publisher-pubsub.googleapis.com",
        f"{SUBSCRIBER}::tasks-drafts-subscriber-pubsub.googleapis.com",
    }
    rewrite(file, DRAFTS, DRAFTS.replace("{max_attempts: 6}", "{}"))
    steps = deployed.up().steps
    assert steps.pop(f"{SUBSCRIPTION}::tasks-drafts-subscription") == "update"
    assert steps == dict.fromkeys(
        new - {next(each for each in new if "letter-sub" in each)}, "delete"
    )
    rewrite(
        file, "{pull: {}, worker: archiver,", "{pull: {}, worker: archiver, dead_letters: true,"
    )
    steps = deployed.up().steps
    assert steps.pop(f"{SUBSCRIPTION}::tasks-drafts-subscription") == "update"
    assert steps == dict.fromkeys(new, "create")
    assert deployed.up().steps == {}


def test_a_worker_starts_when_it_may_poll(start: Start, shipped: Path) -> None:
    """Otherwise its first poll would be refused; the topics come before all."""
    (shipped / "stacks" / "pull.yaml").write_text(STACK % "")
    deployment = start(shipped, "pull")
    deployment.up()
    made = deployment.gcp.made("Create")
    assert made.index("tasks-reports-subscriber-reporter") < made.index("tasks-reporter-pool")
    assert made.index("tasks-reports-dead-letter-topic") < made.index("tasks-reports-subscription")
    assert "tasks-project-cloudtasks" not in made
    assert deployment.up().steps == {}
    assert deployment.outputs()["pull_queues"] == {"reports": "projects/acme-dev/topics/reports"}
    assert deployment.outputs()["consoles"]["reports"] == (  # type: ignore[index]
        "https://console.cloud.google.com/cloudpubsub/subscription/detail/reports?project=acme-dev"
    )


def test_a_protected_pull_queue_is_not_destroyed(start: Start, shipped: Path) -> None:
    """Neither are its worker and its rights."""
    (shipped / "stacks" / "pull.yaml").write_text(STACK % "")
    deployment = start(shipped, "pull")
    deployment.up()
    before = deployment.cloud.contents()
    with pytest.raises(EngineError, match="protected"):
        deployment.destroy()
    assert deployment.cloud.contents() == before


def test_an_unprotected_pull_queue_is_destroyed(start: Start, shipped: Path) -> None:
    """Only the APIs and Pub/Sub's own agent are left."""
    (shipped / "stacks" / "pull.yaml").write_text(STACK % ", protect: false")
    deployment = start(shipped, "pull")
    deployment.up()
    deployment.destroy()
    left = {each.split(" ")[0] for each in deployment.cloud.contents()}
    assert left == {
        "gcp:projects/service:Service",
        "gcp:projects/serviceIdentity:ServiceIdentity",
    }


def test_a_renamed_pull_queue_and_worker_stay_what_they_are(start: Start, shipped: Path) -> None:
    """On Google Cloud nothing is created or deleted; the worker gets its new variable."""
    file = shipped / "stacks" / "pull.yaml"
    file.write_text(STACK % "")
    deployment = start(shipped, "pull")
    deployment.up()
    before = deployment.cloud.contents()
    text = (STACK % ", renamed_from: reports").replace("  reports: {", "  papers: {")
    text = text.replace(
        'reporter: {worker: {image: "i:1"}}',
        'printer: {worker: {image: "i:1"}, renamed_from: reporter}',
    )
    file.write_text(text.replace("worker: reporter", "worker: printer"))
    steps = deployment.up().steps
    assert set(steps.values()) == {"update"}
    assert f"{POOL}::tasks-printer-pool" in steps
    assert deployment.cloud.contents() == before
