"""The grants of a blueprint in the form of a graph's."""

from __future__ import annotations

from queuewright.blueprint import Blueprint, GrantPlan
from queuewright.graph.computed import PROJECT_NUMBER
from queuewright.testing import Grant


def promised_grants(blueprint: Blueprint) -> list[Grant]:
    """Every grant of the blueprint, as `Graph.grants` returns them."""
    return sorted(
        Grant(
            grant.member.replace("PROJECT_NUMBER", PROJECT_NUMBER),
            grant.role,
            _guarded(blueprint, grant),
            grant.condition.title if grant.condition else "",
        )
        for grant in blueprint.grants
    )


def _guarded(blueprint: Blueprint, grant: GrantPlan) -> str:
    project = f"projects/{blueprint.project}"
    place = f"{project}/locations/{blueprint.location}"
    match grant.kind:
        case "queue":
            return blueprint.queues[grant.resource].name
        case "dead_letter_queue":
            dead = blueprint.queues[grant.resource].dead_letters
            assert dead is not None
            return dead.name
        case "handler":
            return f"{place}/services/{blueprint.handlers[grant.resource].name}"
        case "repository":
            return f"{place}/repositories/{grant.resource}"
        case "secret":
            return f"{project}/secrets/{grant.resource}"
        case "bucket":
            return f"{project}/buckets/{grant.resource}"
        case "project":
            return project
        case "topic":
            return blueprint.pull_queues[grant.resource].topic
        case "subscription":
            return blueprint.pull_queues[grant.resource].subscription
        case "dead_letter_topic":
            return str(blueprint.pull_queues[grant.resource].dead_letter_topic)
        case "delay_queue":
            delays = blueprint.pull_queues[grant.resource].delays
            return delays.name if delays is not None else "no queue"
