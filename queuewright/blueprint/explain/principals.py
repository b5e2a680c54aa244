"""Who a name means, and what they may do. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from queuewright.blueprint.model import AppEnginePlan, Blueprint, Grant, Reason
from queuewright.blueprint.names import app_engine_email
from queuewright.errors import TargetError
from queuewright.spec.words import did_you_mean


@dataclass(frozen=True)
class Identity:
    """Somebody to whom the blueprint gives an account, a right, or both."""

    member: str
    """As IAM writes it: `serviceAccount:…`, `user:…`, `group:…`."""
    reason: Reason | None
    """Why the stack has this account; None where the account is not the stack's."""
    grants: tuple[Grant, ...]


def identities(blueprint: Blueprint, name: str, grants: Sequence[Grant]) -> list[Identity]:
    """Those whom `name` may mean; a handler and a queue's invoker may share it.

    A name is that of a handler, or of a queue for its invoker; an account's id or e-mail
    address; or a member as IAM writes it. Of their rights, those among `grants` are told.

    Raises:
        TargetError: where it means nobody.
    """
    members = dict.fromkeys(_members(blueprint, name))
    if members:
        return [_identity(blueprint, member, grants) for member in members]
    listing = f"`queuewright explain {blueprint.environment}` lists every account"
    if name in blueprint.handlers:
        what = f"`{name}` is somebody else's endpoint and has no account here"
        raise TargetError(what, hint=listing)
    if name in blueprint.queues:
        raise TargetError(f"tasks of queue `{name}` carry no token of an account", hint=listing)
    known = {*blueprint.handlers, *blueprint.queues}
    for account in blueprint.accounts.values():
        known |= {account.account_id, account.email}
    for grant in blueprint.grants:
        known |= set(_names(grant.member))
    hint = did_you_mean(name, known) or listing
    raise TargetError(f"nobody called `{name}` in {blueprint.environment}", hint=hint)


def _members(blueprint: Blueprint, name: str) -> Iterator[str]:
    handler, queue = blueprint.handlers.get(name), blueprint.queues.get(name)
    if handler is not None and handler.account is not None:
        yield blueprint.accounts[handler.account].member
    elif handler is not None and isinstance(handler.target, AppEnginePlan):
        yield f"serviceAccount:{app_engine_email(blueprint.project)}"
    if queue is not None and queue.invoker is not None:
        yield blueprint.accounts[queue.invoker].member
    for account in blueprint.accounts.values():
        if name in (account.key, account.account_id, *_names(account.member)):
            yield account.member
    for grant in blueprint.grants:
        if name in _names(grant.member):
            yield grant.member


def _names(member: str) -> tuple[str, str]:
    """How people name a member: as IAM does, or without the part before the colon."""
    return member, member.partition(":")[2]


def _identity(blueprint: Blueprint, member: str, grants: Sequence[Grant]) -> Identity:
    own = (account for account in blueprint.accounts.values() if account.member == member)
    reason = next((account.reason for account in own), None)
    return Identity(member, reason, tuple(grant for grant in grants if grant.member == member))
