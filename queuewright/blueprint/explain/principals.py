"""Finds the identities that a name stands for, and their grants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from queuewright.blueprint.model import Blueprint, GrantPlan, Reason
from queuewright.errors import TargetError
from queuewright.spec.words import did_you_mean


@dataclass(frozen=True)
class Principal:
    """Someone with an account, a grant, or both in the blueprint."""

    member: str
    """An IAM member: `serviceAccount:…`, `user:…`, `group:…`."""
    reason: Reason | None
    """Why the stack has this account; None if it is not the stack's."""
    grants: tuple[GrantPlan, ...]


def principals(blueprint: Blueprint, name: str, grants: Sequence[GrantPlan]) -> list[Principal]:
    """The principals that `name` stands for: a handler and a queue can have the same name.

    Args:
        blueprint: the blueprint to search.
        name: the key of a handler; the key of a queue, for its invoker; an account's id or e-mail
            address; or an IAM member.
        grants: the grants to choose from.

    Raises:
        TargetError: no principal has this name.
    """
    members = dict.fromkeys(_members(blueprint, name))
    if members:
        return [_principal(blueprint, member, grants) for member in members]
    listing = f"`queuewright explain {blueprint.environment}` lists every account"
    if name in blueprint.handlers:
        what = f"handler `{name}` is an external endpoint without an account"
        raise TargetError(what, hint=listing)
    if name in blueprint.queues or name in blueprint.pull_queues:
        raise TargetError(f"tasks of queue `{name}` carry no token", hint=listing)
    known = {*blueprint.handlers, *blueprint.queues, *blueprint.pull_queues}
    for account in blueprint.accounts.values():
        known |= {account.account_id, account.email}
    for grant in blueprint.grants:
        known |= set(_names(grant.member))
    hint = did_you_mean(name, known) or listing
    raise TargetError(f"no identity `{name}` in {blueprint.environment}", hint=hint)


def _members(blueprint: Blueprint, name: str) -> Iterator[str]:
    handler, queue = blueprint.handlers.get(name), blueprint.queues.get(name)
    if handler is not None and handler.member is not None:
        yield handler.member
    if queue is not None and queue.invoker is not None:
        yield blueprint.accounts[queue.invoker].member
    for account in blueprint.accounts.values():
        if name in (account.key, account.account_id, *_names(account.member)):
            yield account.member
    for grant in blueprint.grants:
        if name in _names(grant.member):
            yield grant.member


def _names(member: str) -> tuple[str, str]:
    """A member as IAM writes it, and without the part before the colon."""
    return member, member.partition(":")[2]


def _principal(blueprint: Blueprint, member: str, grants: Sequence[GrantPlan]) -> Principal:
    own = (account for account in blueprint.accounts.values() if account.member == member)
    reason = next((account.reason for account in own), None)
    return Principal(member, reason, tuple(grant for grant in grants if grant.member == member))
