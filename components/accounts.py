"""Service accounts: their ids, and the resources themselves."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_gcp import serviceaccount

from queuewright.blueprint import AccountPlan, account_id


@dataclass(frozen=True)
class Identity:
    """The id and the description of a service account.

    Attributes:
        account_id: 6 to 30 characters, unique in the project.
        display_name: for people; at most 100 characters.
    """

    account_id: str
    display_name: str

    @classmethod
    def of(cls, name: str, role: str) -> Identity:
        """The default identity of `name` in its `role`.

        >>> Identity.of("mailer", "invoker").account_id
        'mailer-invoker'
        """
        return cls(account_id(name, role), f"{role} of {name}"[:100])


def service_account(
    name: str,
    identity: Identity | AccountPlan,
    *,
    project: str,
    opts: pulumi.ResourceOptions,
) -> serviceaccount.Account:
    """The service account; `name` is its logical name."""
    return serviceaccount.Account(
        name,
        account_id=identity.account_id,
        display_name=identity.display_name,
        project=project,
        opts=opts,
    )
