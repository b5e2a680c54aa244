"""A call is allowed by a grant of the blueprint, or explained."""

from __future__ import annotations

import pytest

from queuewright.blueprint import Blueprint
from queuewright.local.pull_queues.denials import denial
from tests.local.conftest import Project

SPEC = """
handlers:
  reporter: {worker: {source: handlers/reporter}}
  other: {worker: {source: handlers/other}}
  web: {service: {source: handlers/web}}
queues:
  reports: {pull: {}, worker: reporter, enqueuers: [web]}
  steps: {pull: {}, worker: other}
"""
TOPIC, SUBSCRIPTION = "projects/acme-dev/topics/", "projects/acme-dev/subscriptions/"
PUBLISH, CONSUME = "pubsub.topics.publish", "pubsub.subscriptions.consume"


@pytest.fixture
def plan(project: Project) -> Blueprint:
    for name in ("reporter", "other", "web"):
        project.service(name)
    project.spec(SPEC)
    return project.blueprint()


def asked(plan: Blueprint, who: str, permission: str, resource: str) -> str | None:
    member = plan.handlers[who].member
    assert member is not None
    return denial(plan, member, permission, resource)


def test_what_is_granted_is_allowed(plan: Blueprint) -> None:
    """On exactly that topic, and exactly that subscription."""
    assert asked(plan, "web", PUBLISH, f"{TOPIC}reports") is None
    assert asked(plan, "reporter", CONSUME, f"{SUBSCRIPTION}reports") is None


@pytest.mark.parametrize(
    ("who", "permission", "resource", "said"),
    [
        ("web", PUBLISH, f"{TOPIC}steps", "`web` may publish to `steps` with `enqueuers: [web]`"),
        ("reporter", PUBLISH, f"{TOPIC}reports", "with `enqueuers: [reporter]` in `queues.rep"),
        ("other", CONSUME, f"{SUBSCRIPTION}reports", "may poll `reports` with `worker: other`"),
        ("web", CONSUME, f"{SUBSCRIPTION}reports", "Only the worker that `worker:` names"),
        ("reporter", CONSUME, f"{TOPIC}reports", "neither may do anything else"),
        ("web", "pubsub.topics.get", f"{TOPIC}reports", "neither may do anything else"),
        ("web", PUBLISH, f"{TOPIC}rep", "no pull queue of `dev`; it has `reports`, `steps`"),
        ("web", "pubsub.topics.create", "projects/acme-dev", "is no pull queue of `dev`"),
    ],
)
def test_everything_else_is_explained(
    plan: Blueprint, who: str, permission: str, resource: str, said: str
) -> None:
    """With the line that would allow it, where one would."""
    explained = asked(plan, who, permission, resource)
    assert explained is not None
    assert said in explained
    assert ("stacks/dev.yaml:" in explained) == ("with `" in said or "Only" in said)
