"""What a stack needs of its project: APIs, and roles on the whole project."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pulumi
from pulumi_gcp import projects

from queuewright.blueprint import Condition
from queuewright.cloud_tasks import roles

from .grants import Grantee
from .options import within

AGENTS: Final = frozenset(
    f"{name}.googleapis.com"
    for name in ("artifactregistry", "cloudbuild", "cloudfunctions", "cloudtasks", "run")
)
"""The APIs that act in the project as an account of Google's own, their service agent.

Google creates an agent some time after its API is enabled; asking for it creates it at once:
https://cloud.google.com/iam/docs/create-service-agents.
"""


class ProjectServices(pulumi.ComponentResource):
    """The APIs that a stack uses, and the service agents of these APIs.

    The APIs stay enabled when the stack is destroyed: others in the project may use them.

    Args:
        name: the component's logical name.
        project: the id of the project.
        services: the APIs, such as `cloudtasks.googleapis.com`.
    """

    def __init__(
        self,
        name: str,
        *,
        project: str,
        services: Sequence[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("queuewright:index:ProjectServices", name, None, opts)
        self._services = {
            service: projects.Service(
                f"{name}-{service.partition('.')[0]}",
                project=project,
                service=service,
                disable_on_destroy=False,
                opts=within(self, opts),
            )
            for service in services
        }
        self._agents = {
            service: projects.ServiceIdentity(
                f"{name}-{service.partition('.')[0]}-agent",
                project=project,
                service=service,
                opts=within(self, opts, after=[self._services[service]]),
            )
            for service in services
            if service in AGENTS
        }
        self.register_outputs({"services": list(services)})

    def of(self, *names: str) -> list[pulumi.Resource]:
        """The resources to wait for before using APIs, given by names such as `"run"`.

        An API that is not among the stack's `services` is assumed to be enabled.
        """
        wanted = [f"{name}.googleapis.com" for name in names]
        return [
            *(self._services[service] for service in wanted if service in self._services),
            *(self._agents[service] for service in wanted if service in self._agents),
        ]


class ProjectAccess:
    """Roles on the whole project, for the account of one component.

    Args:
        name: the component's logical name.
        project: the id of the project.
        owner: the component, which is the parent of the grants.
        opts: the component's options.
    """

    def __init__(
        self,
        name: str,
        *,
        project: str,
        owner: pulumi.ComponentResource,
        opts: pulumi.ResourceOptions | None,
    ) -> None:
        self._name, self._project, self._owner, self._opts = name, project, owner, opts

    def admit(
        self,
        grantee: Grantee,
        *,
        role: str,
        condition: Condition | None = None,
        hooks: pulumi.ResourceHookBinding | None = None,
    ) -> projects.IAMMember:
        """Grant the component's account, which is `grantee`'s, a role on the project."""
        return projects.IAMMember(
            f"{self._name}-project-{role.removeprefix(roles.PREFIX)}",
            project=self._project,
            role=role,
            member=grantee.member,
            condition=(
                {"title": condition.title, "expression": condition.expression}
                if condition
                else None
            ),
            opts=within(self._owner, self._opts, hooks=hooks),
        )
