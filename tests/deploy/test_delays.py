"""The delays of a pull queue on the real Pulumi engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.test_edits import FUNCTION, QUEUE, rewrite
from tests.pulumi_double.engine import Deployment, EngineError

pytestmark = [pytest.mark.engine, pytest.mark.slow]

ACCOUNT = "gcp:serviceaccount/account:Account"
ENQUEUER = "gcp:cloudtasks/queueIamMember:QueueIamMember"
PUBLISHER = "gcp:pubsub/topicIAMMember:TopicIAMMember"
POOL = "gcp:cloudrunv2/workerPool:WorkerPool"
DRAFTS = "drafts: {pull: {max_attempts: 6}, worker: archiver, protect: false,"


def test_delays_come_and_go_with_all_that_they_need(deployed: Deployment, whole: Path) -> None:
    """A queue, its account and its grants; the enqueuer gets the queue's name."""
    file = whole / "stacks" / "all.yaml"
    rewrite(file, DRAFTS, DRAFTS.replace("max_attempts: 6", "max_attempts: 6, delays: true"))
    new = {
        f"{ACCOUNT}::tasks-drafts-delays-account": "create",
        f"{QUEUE}::tasks-drafts-delays-queue": "create",
        f"{PUBLISHER}::tasks-drafts-publisher-drafts-delays": "create",
        f"{ENQUEUER}::tasks-drafts-delays-enqueuer-reporter": "create",
        f"{POOL}::tasks-reporter-pool": "update",
    }
    assert deployed.up().steps == new
    assert deployed.up().steps == {}
    rewrite(file, "max_attempts: 6, delays: true", "max_attempts: 6")
    gone = {step: "delete" if kind == "create" else kind for step, kind in new.items()}
    assert deployed.up().steps == gone
    assert deployed.up().steps == {}


def test_the_delays_of_a_protected_queue_cannot_be_removed(
    deployed: Deployment, whole: Path
) -> None:
    """The tasks that wait there would be lost."""
    before = deployed.cloud.contents()
    rewrite(whole / "stacks" / "all.yaml", "inbox: {pull: {delays: true}", "inbox: {pull: {}")
    with pytest.raises(EngineError, match="protect"):
        deployed.preview()
    assert deployed.cloud.contents() == before


def test_an_enqueuer_may_add_to_both(deployed: Deployment, whole: Path) -> None:
    """It comes and goes with a grant on each, and the two names in its environment."""
    file = whole / "stacks" / "all.yaml"
    listed = 'enqueuers: [mailer, "group:ops@example.com"]}'
    rewrite(file, f"{listed}\n  drops", f"{listed.replace('mailer, ', '')}\n  drops")
    assert deployed.up().steps == {
        f"{PUBLISHER}::tasks-inbox-publisher-mailer": "delete",
        f"{ENQUEUER}::tasks-inbox-delays-enqueuer-mailer": "delete",
        f"{FUNCTION}::tasks-mailer-function": "update",
    }
