"""What a blueprint promises, in the words of a graph."""

from __future__ import annotations

from queuewright.blueprint import Blueprint
from queuewright.blueprint import Grant as PlannedGrant
from queuewright.testing import Grant

CONDITION = "function-sources"


def promised_grants(blueprint: Blueprint) -> list[Grant]:
    """Every grant of the blueprint, as `Graph.grants` tells them."""
    return sorted(
        Grant(
            grant.member,
            grant.role,
            _guarded(blueprint, grant),
            CONDITION if grant.condition else "",
        )
        for grant in blueprint.grants
    )


def _guarded(blueprint: Blueprint, grant: PlannedGrant) -> str:
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
        case _:
            raise AssertionError(f"a grant on a {grant.kind} is new here")
