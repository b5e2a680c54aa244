"""What all handlers that the stack deploys have in common: a component with an account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

import pulumi
from pulumi_gcp import serviceaccount

from queuewright.blueprint import AccountPlan, HandlerPlan, first_key

from ..accounts import Identity, service_account
from ..options import former_names, renamed, within
from ..project import ProjectAccess


class DeployedHandler(pulumi.ComponentResource):
    """Code that runs as an account of its own.

    The constructor only creates the account, so that rights can be granted to it. Then the `deploy`
    method of each kind of handler adds the code.

    Attributes:
        key: its name in the logical names of grants.
        renamed_from: its former keys.
        account: the service account that it runs as. It has no rights but those granted to it.
        member: the account as an IAM member.
        project_access: grants the account roles on the project.
    """

    TYPE: ClassVar[str]

    key: str
    renamed_from: Sequence[str]
    account: serviceaccount.Account
    member: pulumi.Output[str]
    project_access: ProjectAccess

    def __init__(
        self,
        name: str,
        *,
        project: str,
        location: str,
        key: str | None,
        renamed_from: Sequence[str],
        identity: Identity | AccountPlan | None,
        opts: pulumi.ResourceOptions | None,
    ) -> None:
        former = former_names(name, key, renamed_from)
        super().__init__(self.TYPE, name, None, renamed(opts, former))
        self.key, self.renamed_from = key or name, renamed_from
        self._name, self._project, self._location, self._opts = name, project, location, opts
        self._first_name = first_key(name, former)
        self.account = service_account(
            f"{name}-account",
            identity or Identity.of(self._first_name, "handler"),
            project=project,
            opts=within(self, opts),
        )
        self.member = self.account.member
        self.project_access = ProjectAccess(name, project=project, owner=self, opts=opts)

    @classmethod
    def from_plan(
        cls,
        name: str,
        plan: HandlerPlan,
        account: AccountPlan,
        *,
        project: str,
        location: str,
        opts: pulumi.ResourceOptions,
    ) -> Self:
        """The planned handler and its account, without code: `deploy` adds it."""
        handler = cls.__new__(cls)
        DeployedHandler.__init__(
            handler,
            name,
            project=project,
            location=location,
            key=plan.key,
            renamed_from=plan.renamed_from,
            identity=account,
            opts=opts,
        )
        return handler
