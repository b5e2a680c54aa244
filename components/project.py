"""What a stack needs of its project: APIs, and roles on the whole project."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
from pulumi_gcp import projects

from queuewright.blueprint import Condition
from queuewright.cloud_tasks import roles

from .grants import Grantee
from .options import within

CLOUD_TASKS = "cloudtasks.googleapis.com"
PUBSUB = "pubsub.googleapis.com"


class ProjectServices(pulumi.ComponentResource):
    """The APIs that a stack uses, and the identity of Cloud Tasks itself.

    The APIs stay enabled when the stack is destroyed: others in the project may use them.

    Args:
        name: the component's logical name.
        project: the id of the project.
        services: the APIs, such as `cloudtasks.googleapis.com`.
        agents: those of the APIs whose service agents get roles.
    """

    def __init__(
        self,
        name: str,
        *,
        project: str,
        services: Sequence[str],
        agents: Sequence[str] = (),
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
        self._agents = [
            projects.ServiceIdentity(
                f"{name}-cloudtasks-agent",
                project=project,
                service=service,
                opts=within(self, opts, after=[self._services[service]]),
            )
            for service in services
            if service == CLOUD_TASKS
        ]
        self.agents = {
            service: ServiceAgent(
                f"{name}-{service.partition('.')[0]}-agent",
                service,
                project=project,
                opts=within(self, opts, after=[self._services[service]]),
            )
            for service in agents
        }
        """The service agents that get roles, by the name of the service."""
        self.register_outputs({"services": list(services)})

    def of(self, *names: str) -> list[pulumi.Resource]:
        """The resources to wait for before using APIs, given by names such as `"run"`.

        An API that is not among the stack's `services` is assumed to be enabled.
        """
        wanted = [f"{name}.googleapis.com" for name in names]
        found: list[pulumi.Resource] = [
            self._services[service] for service in wanted if service in self._services
        ]
        return [*found, *self._agents] if CLOUD_TASKS in wanted else found


class ServiceAgent:
    """The account that a service of Google acts as in a project.

    Attributes:
        key: its name in the logical names of grants. No handler's name has a dot.
        renamed_from: its former keys: none.
        member: the account as an IAM member.

    Args:
        name: the logical name of the service's identity.
        service: such as `pubsub.googleapis.com`.
        project: the id of the project.
        opts: the options of the identity.
    """

    renamed_from: Sequence[str] = ()

    def __init__(
        self, name: str, service: str, *, project: str, opts: pulumi.ResourceOptions
    ) -> None:
        identity = projects.ServiceIdentity(name, project=project, service=service, opts=opts)
        self.key, self.member = service, identity.member


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
        self, grantee: Grantee, *, role: str, condition: Condition | None = None
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
            opts=within(self._owner, self._opts),
        )
