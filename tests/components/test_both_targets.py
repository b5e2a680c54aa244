"""Rights are decided in the blueprint alone: both targets have the grants that it has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from components import TaskStack
from queuewright.blueprint import Blueprint, GrantPlan, GuardedKind
from queuewright.cloud_tasks import roles
from queuewright.local.door.access import callers
from queuewright.local.queues.planned import queue_policy
from queuewright.testing import Graph, capture
from tests.components.expectations import promised_grants

KINDS = [
    "bucket",
    "dead_letter_queue",
    "dead_letter_topic",
    "delay_queue",
    "handler",
    "project",
    "queue",
    "repository",
    "secret",
    "subscription",
    "topic",
]
ON_QUEUES: tuple[GuardedKind, ...] = ("queue", "dead_letter_queue")


def deployed(plan: Blueprint, root: Path) -> Graph:
    """The resources of a blueprint on Google Cloud."""
    return capture(
        lambda: TaskStack("tasks", plan, root=root),
        config={"smtp_token": "s3cret-token"},
        secrets=["smtp_token"],
    )


def allowed_here(plan: Blueprint) -> set[tuple[str, str, str]]:
    """Member, role and key of the queue or handler for each right on this machine."""
    calls = {(member, roles.INVOKER, key) for key in plan.handlers for member in callers(plan, key)}
    adds = {
        (member, binding.role, key)
        for key in plan.queues
        for kind in ON_QUEUES
        for binding in queue_policy(plan.grants, key, kind).bindings
        for member in binding.members
    }
    adds |= {
        (member, binding.role, key)
        for key in plan.pull_queues
        for binding in queue_policy(plan.grants, key, "delay_queue").bindings
        for member in binding.members
    }
    return calls | adds


def right(grant: GrantPlan) -> tuple[str, str, str]:
    return grant.member, grant.role, grant.resource


@pytest.mark.parametrize("kind", KINDS)
def test_a_grant_that_leaves_the_blueprint_leaves_both_targets(
    everything_blueprint: Blueprint, projects: dict[str, Path], kind: str
) -> None:
    """And no other right changes."""
    lost = next(grant for grant in everything_blueprint.grants if grant.kind == kind)
    left = tuple(grant for grant in everything_blueprint.grants if grant is not lost)
    plan = replace(everything_blueprint, grants=left)
    assert deployed(plan, projects["all"]).grants() == promised_grants(plan)
    assert len(promised_grants(plan)) == len(promised_grants(everything_blueprint)) - 1
    gone = {right(lost)} if kind in ("delay_queue", "handler", *ON_QUEUES) else set()
    assert allowed_here(everything_blueprint) - allowed_here(plan) == gone


def test_a_new_role_reaches_both_targets(
    everything_blueprint: Blueprint, projects: dict[str, Path]
) -> None:
    """Neither the components nor the local side need to know the role."""
    known = next(
        grant for grant in everything_blueprint.grants if grant.account == "mailer-handler"
    )
    new = replace(known, role=roles.TASK_DELETER, kind="queue", resource="orders")
    plan = replace(everything_blueprint, grants=(*everything_blueprint.grants, new))
    graph = deployed(plan, projects["all"])
    assert graph.grants() == promised_grants(plan)
    assert graph["tasks-orders-taskDeleter-mailer"].input("role") == roles.TASK_DELETER
    assert allowed_here(plan) - allowed_here(everything_blueprint) == {right(new)}


def test_a_handler_may_get_a_role_on_the_project(
    everything_blueprint: Blueprint, projects: dict[str, Path]
) -> None:
    """Beside the build account, which has the same role."""
    grants = everything_blueprint.grants
    known = next(each for each in grants if each.kind == "project" and each.condition is None)
    account = everything_blueprint.accounts["mailer-handler"]
    new = replace(known, account=account.key, member=account.member)
    plan = replace(everything_blueprint, grants=(*grants, new))
    assert deployed(plan, projects["all"]).grants() == promised_grants(plan)


def test_a_grant_that_no_component_supports_is_an_error(
    everything_blueprint: Blueprint, projects: dict[str, Path]
) -> None:
    """For example one with a condition, which only grants on the project may have."""
    condition = next(grant.condition for grant in everything_blueprint.grants if grant.condition)
    grants = tuple(
        replace(grant, condition=condition) if grant.kind == "queue" else grant
        for grant in everything_blueprint.grants
    )
    with pytest.raises(ValueError, match="a grant on a queue takes no condition"):
        deployed(replace(everything_blueprint, grants=grants), projects["all"])


@pytest.mark.parametrize(
    "file", ["components", "queuewright/blueprint", "queuewright/doctor", "queuewright/graph"]
)
def test_no_role_is_written_here(file: str) -> None:
    """Their names are in `queuewright/cloud_tasks/roles.py`."""
    root = Path(__file__).parents[2]
    found = [
        str(path.relative_to(root))
        for path in (root / file).rglob("*.py")
        if "roles/" in path.read_text(encoding="utf-8")
    ]
    assert found == []
