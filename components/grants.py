"""The names and members of grants. Which grants there are is decided in the blueprint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import pulumi

from queuewright.cloud_tasks import roles

# Part of Pulumi's names of these grants; other roles go by the last word of their name.
WORDS = {roles.SECRET_ACCESSOR: "reader", roles.OBJECT_VIEWER: "reader"}


class Grantee(Protocol):
    """Someone with an account that the program creates, such as a handler."""

    @property
    def key(self) -> str:
        """Part of the logical names of grants."""

    @property
    def renamed_from(self) -> Sequence[str]:
        """Its former keys."""

    @property
    def member(self) -> pulumi.Output[str]:
        """Its account as an IAM member."""


class NamedGrant(NamedTuple):
    """A grant's logical name, its member, and its former logical names."""

    name: str
    member: pulumi.Input[str]
    former: Sequence[str]


def named_grant(guarded: str, role: str, grantee: Grantee | str) -> NamedGrant:
    """The grant of `role` on the component `guarded`; an IAM member may be given as text.

    >>> named_grant("tasks-emails", "cloudtasks.enqueuer", "group:ops@example.com").name
    'tasks-emails-enqueuer-group:ops@example.com'
    """
    prefix = f"{guarded}-{WORDS.get(role) or role.rpartition('.')[2]}"
    if isinstance(grantee, str):
        return NamedGrant(f"{prefix}-{grantee}", grantee, ())
    former = [f"{prefix}-{each}" for each in grantee.renamed_from]
    return NamedGrant(f"{prefix}-{grantee.key}", grantee.member, former)
