"""Who may do what with the pull queues of a blueprint, decided from its grants. Pure."""

from __future__ import annotations

from queuewright.blueprint import POLL, PUBLISH, Blueprint, PullQueuePlan
from queuewright.cloud_tasks.roles import PUBLISHER_PERMISSIONS, SUBSCRIBER_PERMISSIONS

PERMISSIONS = {PUBLISH: PUBLISHER_PERMISSIONS, POLL: SUBSCRIBER_PERMISSIONS}


def denial(blueprint: Blueprint, principal: str, permission: str, resource: str) -> str | None:
    """Return None if a grant allows a call, or how the YAML would allow it."""
    for grant in blueprint.grants_of(principal):
        granted = permission in PERMISSIONS.get(grant.role, ())
        if granted and _guarded(blueprint, grant.kind, grant.resource) == resource:
            return None
    return _explanation(blueprint, principal, permission, resource)


def _guarded(blueprint: Blueprint, kind: str, key: str) -> str | None:
    """The full name of what a grant is on."""
    plan = blueprint.pull_queues.get(key)
    if plan is None:
        return None
    names = {
        "topic": plan.topic,
        "subscription": plan.subscription,
        "dead_letter_topic": plan.dead_letter_topic,
    }
    return names.get(kind)


def _explanation(blueprint: Blueprint, principal: str, permission: str, resource: str) -> str:
    who = next(
        (plan.key for plan in blueprint.handlers.values() if plan.member == principal), principal
    )
    plan = _queue(blueprint, resource)
    if plan is None:
        queues = ", ".join(f"`{key}`" for key in blueprint.pull_queues)
        return f"`{resource}` is no pull queue of `{blueprint.environment}`; it has {queues}."
    place = f"in `queues.{plan.key}` ({plan.reason.location})"
    if resource == plan.topic and permission in PUBLISHER_PERMISSIONS:
        return f"`{who}` may publish to `{plan.key}` with `enqueuers: [{who}]` {place}."
    if resource == plan.subscription and permission in SUBSCRIBER_PERMISSIONS:
        handler = blueprint.handlers.get(who)
        if handler is not None and handler.kind == "worker":
            return f"`{who}` may poll `{plan.key}` with `worker: {who}` {place}."
        return f"Only the worker that `worker:` names {place} may poll `{plan.key}`."
    return (
        f"The `enqueuers` of `{plan.key}` may publish to its topic, its `worker` may poll its "
        "subscription, and neither may do anything else."
    )


def _queue(blueprint: Blueprint, resource: str) -> PullQueuePlan | None:
    for plan in blueprint.pull_queues.values():
        if resource in (
            plan.topic,
            plan.subscription,
            plan.dead_letter_topic,
            plan.dead_letter_subscription,
        ):
            return plan
    return None
