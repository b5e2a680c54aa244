"""The service account that a part of the stack acts as."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_gcp import serviceaccount

from queuewright.blueprint.names import account_id


@dataclass(frozen=True)
class Identity:
    """What a service account is called.

    Attributes:
        account_id: 6 to 30 characters, unique in the project.
        display_name: for people; 100 characters at most.
    """

    account_id: str
    display_name: str

    @classmethod
    def of(cls, name: str, role: str) -> Identity:
        """The identity of `name` in its `role`, where nobody chose another.

        >>> Identity.of("emails", "invoker").account_id
        'emails-invoker'
        """
        return cls(account_id(name, role), f"{role} of {name}"[:100])

    def account(
        self, name: str, *, project: str, opts: pulumi.ResourceOptions
    ) -> serviceaccount.Account:
        """The account itself; `name` is its logical name."""
        return serviceaccount.Account(
            name,
            account_id=self.account_id,
            display_name=self.display_name,
            project=project,
            opts=opts,
        )
