"""Explains how the YAML would allow a call that was denied. Pure."""

from __future__ import annotations

from queuewright.blueprint import Blueprint

CREATE = "cloudtasks.tasks.create"
ACT_AS = "iam.serviceAccounts.actAs"


def explanation(blueprint: Blueprint, principal: str, permission: str, resource: str) -> str | None:
    """Return a sentence for the end of a PERMISSION_DENIED; None if there is no advice."""
    handler = next(
        (
            plan.key
            for plan in blueprint.handlers.values()
            if plan.account is not None and blueprint.accounts[plan.account].member == principal
        ),
        None,
    )
    if handler is None:
        return None
    if permission == ACT_AS:
        return (
            f"`{handler}` may not act as another account, and does not need to: leave `oidc_token` "
            "and `oauth_token` out of the task, and the queue adds the right token."
        )
    name = resource.partition("/tasks/")[0]
    queue = next((plan for plan in blueprint.queues.values() if plan.name == name), None)
    pulled = next(
        (
            each
            for each in blueprint.pull_queues.values()
            if each.delays and each.delays.name == name
        ),
        None,
    )
    if queue is None and pulled is not None:
        return (
            f"`{handler}` may add delayed tasks to `{pulled.key}` with `enqueuers: [{handler}]` "
            f"in `queues.{pulled.key}` ({pulled.reason.location})."
        )
    if queue is None and any(
        plan.dead_letters is not None and plan.dead_letters.name == name
        for plan in blueprint.queues.values()
    ):
        return "Only the handler of a queue may add to its dead letters."
    if queue is None:
        queues = ", ".join(f"`{key}`" for key in blueprint.queues)
        return f"There is no such queue in `{blueprint.environment}`; it has {queues or 'none'}."
    if permission == CREATE:
        return (
            f"`{handler}` may add tasks to `{queue.key}` with `enqueuers: [{handler}]` "
            f"in `queues.{queue.key}` ({queue.reason.location})."
        )
    return f"The `enqueuers` of `{queue.key}` may add tasks to it and do nothing else."
