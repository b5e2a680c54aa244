"""The explanation of a pull queue and its worker."""

from __future__ import annotations

import json

import pytest

from queuewright.blueprint.explain import explain_data, explain_text
from queuewright.errors import TargetError
from tests.blueprint.stack import derive

PLAN = derive("""\
handlers:
  reporter:
    worker: {source: handlers/reporter, command: exec python main.py}
    instances: {max: 3}
    vpc: {network: default}
  web: {service: {image: i}}
  idle: {worker: {image: i}}
queues:
  emails: {handler: web}
  reports:
    pull: {lease: 60s, ordering: true}
    worker: reporter
    enqueuers: [web]
    dead_letters: true
  drops: {pull: {max_attempts: 9}, protect: false, renamed_from: losses}
  stays: {pull: {}}
""")

REPORTS = """\
dev: project acme-prod, europe-west1

pull queue reports
  topic      projects/acme-prod/topics/reports
  polled     at projects/acme-prod/subscriptions/reports, by reporter
  state      protected
  stored     in europe-west1, for 7d
  lease      1m, unless the worker extends it
  retries    gives up after 5 attempts, and keeps the task for 31d in \
projects/acme-prod/subscriptions/reports.dead-letters
  waits      10s at first, at most 10m
  order      by ordering key
  from       spec.yaml:10:3

handler reporter (worker)
  name       reporter
  code       handlers/reporter, built by its Dockerfile: exec python main.py
  instance   512Mi of memory, 1 CPU
  instances  1 to 3, by CPU
  network    default, private-ranges-only
  env        SUBSCRIPTION_REPORTS=projects/acme-prod/subscriptions/reports
  runs as    reporter-handler@acme-prod.iam.gserviceaccount.com
  from       spec.yaml:2:3

service accounts
  reporter-handler@acme-prod.iam.gserviceaccount.com
    handler `reporter` runs as this account (spec.yaml:2:3)
  web-handler@acme-prod.iam.gserviceaccount.com
    handler `web` runs as this account (spec.yaml:6:3)

grants
  serviceAccount:reporter-handler@acme-prod.iam.gserviceaccount.com
    may take tasks from the subscription of queue reports (roles/pubsub.subscriber)
      because worker `reporter` polls queue `reports` (spec.yaml:12:5)
  serviceAccount:service-PROJECT_NUMBER@gcp-sa-pubsub.iam.gserviceaccount.com
    may publish to the dead-letter topic of queue reports (roles/pubsub.publisher)
      because Pub/Sub moves the tasks that queue `reports` gives up (spec.yaml:14:5)
    may take tasks from the subscription of queue reports (roles/pubsub.subscriber)
      because Pub/Sub moves the tasks that queue `reports` gives up (spec.yaml:14:5)
  serviceAccount:web-handler@acme-prod.iam.gserviceaccount.com
    may publish to the topic of queue reports (roles/pubsub.publisher)
      because `web` adds to queue `reports` (spec.yaml:13:17)
"""


def test_one_pull_queue_is_explained_with_its_worker() -> None:
    """And with nothing else."""
    assert explain_text(PLAN, queue="reports") == REPORTS


def test_the_fate_of_a_task_that_fails_is_explained() -> None:
    """Dropped, or handed out again and again."""
    text = explain_text(PLAN)
    assert "  retries    gives up after 9 attempts, and drops the task\n" in text
    assert "  retries    until a task is done or too old\n" in text
    assert "by someone outside of the stack\n" in text
    assert "  renamed    from losses\n  state      not protected\n" in text
    assert "  code       image i\n" in text


def test_a_push_queue_is_explained_without_pull_queues() -> None:
    """Only what belongs to it."""
    assert "pull queue" not in explain_text(PLAN, queue="emails")


def test_a_pull_queue_is_an_identity_of_nobody() -> None:
    """Its tasks carry no token."""
    with pytest.raises(TargetError, match="tasks of queue `reports` carry no token"):
        explain_text(PLAN, identity="reports")
    with pytest.raises(TargetError, match="did you mean `reports`"):
        explain_text(PLAN, queue="report")


def test_the_right_of_a_worker_is_explained() -> None:
    """By the queue that names it."""
    text = explain_text(PLAN, identity="reporter")
    assert "may take tasks from the subscription of queue reports" in text
    assert text.endswith("  may do nothing else here\n")


def test_a_program_gets_everything() -> None:
    """As JSON."""
    data = json.loads(json.dumps(explain_data(PLAN)))
    reports = data["pull_queues"]["reports"]
    assert reports["dead_letters"] == {
        "topic": "projects/acme-prod/topics/reports.dead-letters",
        "subscription": "projects/acme-prod/subscriptions/reports.dead-letters",
        "max_attempts": 5,
        "keep": "31d",
    }
    assert (reports["lease"], reports["keep"], reports["worker"]) == ("1m", "7d", "reporter")
    assert data["pull_queues"]["stays"]["dead_letters"] is None
    reporter = data["handlers"]["reporter"]
    assert reporter["kind"] == "worker"
    assert reporter["instances"] == {"min": 1, "max": 3}
    assert reporter["vpc"]["network"] == "default"
    assert data["handlers"]["idle"]["image"] == "i"
