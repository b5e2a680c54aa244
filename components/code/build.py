"""The account that builds functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import pulumi
from pulumi_gcp import serviceaccount

from queuewright.blueprint import BUILD_FUNCTIONS, AccountPlan, ProjectRole

from ..accounts import Identity, service_account
from ..new_grants import NewGrants
from ..options import within
from ..project import ProjectAccess
from .images import ImageRepository
from .packages import PackageBucket


class BuildAccount(pulumi.ComponentResource):
    """An account that builds functions: it reads packages, and writes images and its log.

    Without it, Google builds functions as the project's default account, which has more rights.

    Attributes:
        account: the service account.
        member: the account as an IAM member.
        grants: its rights; a function waits for them, because its build needs them.
        code_hooks: the wait until Google knows these rights, if one of them is new.
        project_access: grants it roles on the project.

    Args:
        name: the component's logical name.
        project: the id of the project.
        packages: the bucket that it reads.
        images: the repository that it writes to.
        project_roles: its roles on the project. Default: to write its log, and to read the sources
            that Google keeps for a function.
        identity: the account's id. Default: derived from `name`.
    """

    account: serviceaccount.Account
    member: pulumi.Output[str]
    grants: Sequence[pulumi.Resource]
    code_hooks: pulumi.ResourceHookBinding | None = None
    project_access: ProjectAccess

    key = "build"
    renamed_from: Sequence[str] = ()

    def __init__(
        self,
        name: str,
        *,
        project: str,
        packages: PackageBucket,
        images: ImageRepository,
        project_roles: Sequence[ProjectRole] = BUILD_FUNCTIONS,
        identity: Identity | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        self._create(name, identity or Identity.of(name, "build"), project, opts)
        new = NewGrants(f"{name}-build")
        hooks, self.code_hooks = new.grant_hooks, new.code_hooks
        access = self.project_access
        self.grants = [
            *(
                access.admit(self, role=each.role, condition=each.condition, hooks=hooks)
                for each in project_roles
            ),
            packages.admit(self, hooks=hooks),
            images.admit(self, hooks=hooks),
        ]

    @classmethod
    def from_plan(
        cls, name: str, plan: AccountPlan, *, project: str, opts: pulumi.ResourceOptions
    ) -> Self:
        """The planned account, without grants."""
        builder = cls.__new__(cls)
        builder._create(name, plan, project, opts)
        builder.grants = ()
        return builder

    def _create(
        self,
        name: str,
        identity: Identity | AccountPlan,
        project: str,
        opts: pulumi.ResourceOptions | None,
    ) -> None:
        super().__init__("queuewright:index:BuildAccount", name, None, opts)
        self.account = service_account(
            f"{name}-account", identity, project=project, opts=within(self, opts)
        )
        self.member = self.account.member
        self.project_access = ProjectAccess(name, project=project, owner=self, opts=opts)
        self.register_outputs({"account": self.account.email})
