"""The grants of a blueprint in the form of a graph's."""

from __future__ import annotations

from queuewright.blueprint import Blueprint, GrantPlan
from queuewright.testing import Grant


def promised_grants(blueprint: Blueprint) -> list[Grant]:
    """Every grant of the blueprint, as `Graph.grants` returns them."""
    return sorted(
        Grant(
            grant.member,
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
