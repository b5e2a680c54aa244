"""The explanation of a whole blueprint, of one queue or of one identity."""

from __future__ import annotations

from dataclasses import replace

from queuewright.blueprint.explain.listing import blueprint_lines, principal_lines
from queuewright.blueprint.explain.principals import principals
from queuewright.blueprint.explain.record import Record, blueprint_record, principal_record
from queuewright.blueprint.model import Blueprint, PullQueuePlan
from queuewright.errors import TargetError
from queuewright.spec.words import did_you_mean


def explain_text(
    blueprint: Blueprint, *, identity: str | None = None, queue: str | None = None
) -> str:
    """The explanation for people, ending with a line break.

    Args:
        blueprint: the blueprint to explain.
        identity: explain only what this identity may do. The key of a handler; the key of a queue,
            for its invoker; an account's id or e-mail address; or an IAM member.
        queue: explain only this queue and what belongs to it.

    Raises:
        TargetError: the blueprint has no such identity or queue.
    """
    about = _about(blueprint, queue) if queue is not None else blueprint
    if identity is None:
        return "\n".join(blueprint_lines(about)) + "\n"
    found = principals(blueprint, identity, about.grants)
    return "\n".join("\n".join(principal_lines(each, queue)) + "\n" for each in found)


def explain_data(
    blueprint: Blueprint, *, identity: str | None = None, queue: str | None = None
) -> Record:
    """The explanation for programs: maps, lists and scalars. Arguments as for `explain_text`.

    Raises:
        TargetError: the blueprint has no such identity or queue.
    """
    about = _about(blueprint, queue) if queue is not None else blueprint
    if identity is None:
        return blueprint_record(about)
    found = principals(blueprint, identity, about.grants)
    return {
        "environment": blueprint.environment,
        "project": blueprint.project,
        "identities": [principal_record(each) for each in found],
    }


def _about(blueprint: Blueprint, queue: str) -> Blueprint:
    """The part of a blueprint that belongs to one queue."""
    pulled = blueprint.pull_queues.get(queue)
    if pulled is not None:
        return _about_pull_queue(blueprint, pulled)
    plan = blueprint.queues.get(queue)
    if plan is None:
        known = {*blueprint.queues, *blueprint.pull_queues}
        hint = did_you_mean(queue, known) or "add one under `queues:`"
        raise TargetError(f"no queue `{queue}` in {blueprint.environment}", hint=hint)
    grants = tuple(
        grant
        for grant in blueprint.grants
        if (grant.kind in ("queue", "dead_letter_queue") and grant.resource == queue)
        or (grant.account is not None and grant.account == plan.invoker)
    )
    handler = blueprint.handlers[plan.handler]
    involved = {plan.invoker, handler.account, *(grant.account for grant in grants)}
    return replace(
        blueprint,
        queues={queue: plan},
        pull_queues={},
        handlers={plan.handler: handler},
        accounts={key: each for key, each in blueprint.accounts.items() if key in involved},
        grants=grants,
        apis=(),
    )


def _about_pull_queue(blueprint: Blueprint, plan: PullQueuePlan) -> Blueprint:
    """The part of a blueprint that belongs to one pull queue."""
    kinds = ("topic", "subscription", "dead_letter_topic", "delay_queue")
    grants = tuple(
        grant for grant in blueprint.grants if grant.kind in kinds and grant.resource == plan.key
    )
    handlers = {plan.worker: blueprint.handlers[plan.worker]} if plan.worker else {}
    involved = {handler.account for handler in handlers.values()}
    involved |= {grant.account for grant in grants}
    return replace(
        blueprint,
        queues={},
        pull_queues={plan.key: plan},
        handlers=handlers,
        accounts={key: each for key, each in blueprint.accounts.items() if key in involved},
        grants=grants,
        apis=(),
    )
