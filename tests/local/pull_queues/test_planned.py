"""A pull queue's plan becomes what Pulumi would make of it."""

from __future__ import annotations

from queuewright.blueprint import PullQueuePlan
from queuewright.local.pull_queues.planned import subscriptions, topics
from tests.local.conftest import Project

PROJECT = "projects/acme-dev"
WORKER = "handlers: {reporter: {worker: {source: handlers/reporter}}}\n"


def plan(project: Project, queue: str) -> PullQueuePlan:
    project.service("reporter")
    project.spec(f"{WORKER}queues: {{reports: {queue}}}\n")
    return project.blueprint().pull_queues["reports"]


def test_every_setting_is_written_out(project: Project) -> None:
    """Google's default where the file has none; it never expires."""
    made = plan(project, "{pull: {lease: 30s}, worker: reporter}")
    (topic,) = topics(made, {"team": "a"})
    assert topic.name == f"{PROJECT}/topics/reports"
    assert list(topic.message_storage_policy.allowed_persistence_regions) == ["europe-west1"]
    assert dict(topic.labels) == {"team": "a"}
    (found,) = subscriptions(made, {"team": "a"})
    assert (found.name, found.topic) == (f"{PROJECT}/subscriptions/reports", topic.name)
    assert found.ack_deadline_seconds == 30
    assert found.message_retention_duration.ToTimedelta().days == 7
    assert found.retry_policy.minimum_backoff.ToSeconds() == 10
    assert found.retry_policy.maximum_backoff.ToSeconds() == 600
    assert found.HasField("expiration_policy")
    assert not found.expiration_policy.HasField("ttl")
    assert not found.HasField("dead_letter_policy")
    assert not found.enable_message_ordering


def test_dead_letters_have_a_topic_and_are_kept_where_the_file_says_so(project: Project) -> None:
    """`max_attempts` alone drops them."""
    made = plan(project, "{pull: {max_attempts: 7}, worker: reporter}")
    assert len(topics(made, {})) == 2
    (found,) = subscriptions(made, {})
    assert found.dead_letter_policy.max_delivery_attempts == 7
    made = plan(project, "{pull: {ordering: true}, worker: reporter, dead_letters: true}")
    _, dead_topic = topics(made, {})
    found, dead = subscriptions(made, {})
    assert found.dead_letter_policy.dead_letter_topic == dead_topic.name == dead.topic
    assert dead.enable_message_ordering
    assert dead.message_retention_duration.ToTimedelta().days == 31
    assert not dead.HasField("dead_letter_policy")
