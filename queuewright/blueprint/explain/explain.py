"""What follows from a spec, and why: told whole, or of one queue or one identity. Pure."""

from __future__ import annotations

from dataclasses import replace

from queuewright.blueprint.identities import identities
from queuewright.blueprint.listing import blueprint_lines, identity_lines
from queuewright.blueprint.record import Record, blueprint_record, identity_record

from queuewright.blueprint.model import Blueprint
from queuewright.errors import TargetError
from queuewright.spec.words import did_you_mean


def explain_text(
    blueprint: Blueprint, *, identity: str | None = None, queue: str | None = None
) -> str:
    """The explanation for people, with a line end at the end.

    Args:
        blueprint: what is explained.
        identity: tell what this account may do, and nothing else. The name of a handler, or
            of a queue for its invoker; an account's id, its e-mail address, or an IAM member.
        queue: leave out what does not concern this queue.

    Raises:
        TargetError: where there is no such identity or queue.
    """
    about = _about(blueprint, queue) if queue is not None else blueprint
    if identity is None:
        return "\n".join(blueprint_lines(about)) + "\n"
    found = identities(blueprint, identity, about.grants)
    return "\n".join("\n".join(identity_lines(each, queue)) + "\n" for each in found)


def explain_data(
    blueprint: Blueprint, *, identity: str | None = None, queue: str | None = None
) -> Record:
    """The explanation for programs: maps, lists and scalars. Arguments as for `explain_text`.

    Raises:
        TargetError: where there is no such identity or queue.
    """
    about = _about(blueprint, queue) if queue is not None else blueprint
    if identity is None:
        return blueprint_record(about)
    found = identities(blueprint, identity, about.grants)
    return {
        "environment": blueprint.environment,
        "project": blueprint.project,
        "identities": [identity_record(each) for each in found],
    }


def _about(blueprint: Blueprint, queue: str) -> Blueprint:
    """What of a blueprint concerns one queue."""
    plan = blueprint.queues.get(queue)
    if plan is None:
        hint = did_you_mean(queue, blueprint.queues) or "describe one under `queues:`"
        raise TargetError(f"no queue `{queue}` in {blueprint.environment}", hint=hint)
    grants = tuple(
        grant
        for grant in blueprint.grants
        if (grant.kind, grant.resource) == ("queue", queue)
        or (grant.account is not None and grant.account == plan.invoker)
    )
    handler = blueprint.handlers[plan.handler]
    involved = {plan.invoker, handler.account, *(grant.account for grant in grants)}
    return replace(
        blueprint,
        queues={queue: plan},
        handlers={plan.handler: handler},
        accounts={key: each for key, each in blueprint.accounts.items() if key in involved},
        grants=grants,
        apis=(),
    )
