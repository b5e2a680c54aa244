"""The account that functions are built by, with the few rights that a build takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_gcp import projects, serviceaccount

from queuewright.blueprint.identity import BUILD_ROLES

from .identity import Identity
from .images import ImageRepository
from .options import within
from .packages import PackageBucket


@dataclass(frozen=True)
class ProjectRole:
    """A role on the whole project.

    Attributes:
        role: such as `roles/logging.logWriter`.
        condition: a CEL expression that narrows it; `None` is none.
    """

    role: str
    condition: str | None = None


LEAST = tuple(ProjectRole(role, condition) for role, condition in BUILD_ROLES)


class BuildAccount(pulumi.ComponentResource):
    """An account that builds functions: reads their packages, writes their images and its log.

    Without one, Google builds them as the project's default account, which may do far more.

    Attributes:
        account: the account.
        grants: its rights; a function waits for them, or its build would fail.

    Args:
        name: the component's logical name.
        project: the id of the project.
        packages: the bucket that it reads.
        images: the repository that it writes to.
        project_roles: what it may do in the project. Default: write its log, and read the sources
            that Google keeps of a function.
        identity: what the account is called. Default: derived from `name`.
    """

    account: serviceaccount.Account
    grants: Sequence[pulumi.Resource]

    def __init__(
        self,
        name: str,
        *,
        project: str,
        packages: PackageBucket,
        images: ImageRepository,
        project_roles: Sequence[ProjectRole] = LEAST,
        identity: Identity | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("queuewright:index:BuildAccount", name, None, opts)
        named = identity or Identity.of(name, "build")
        self.account = named.account(f"{name}-account", project=project, opts=within(self, opts))
        self.grants = [
            *(
                projects.IAMMember(
                    f"{name}-project-{each.role.partition('/')[2]}",
                    project=project,
                    role=each.role,
                    member=self.account.member,
                    condition={"title": "function-sources", "expression": each.condition}
                    if each.condition
                    else None,
                    opts=within(self, opts),
                )
                for each in project_roles
            ),
            packages.admit("build", self.account.member),
            images.admit("build", self.account.member),
        ]
        self.register_outputs({"account": self.account.email})
