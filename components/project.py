"""What a project must have switched on before anything of a stack can be made."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
from pulumi_gcp import projects

from .options import within

CLOUD_TASKS = "cloudtasks.googleapis.com"


class ProjectServices(pulumi.ComponentResource):
    """The APIs that a stack uses, and the identity that Cloud Tasks itself acts as.

    They stay on when the stack goes: others in the project may use them.

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
        self.register_outputs({"services": list(services)})

    def of(self, *names: str) -> list[pulumi.Resource]:
        """What to wait for before using the APIs of these names, such as `"run"`.

        One that the stack does not switch on is taken to be on.
        """
        wanted = [f"{name}.googleapis.com" for name in names]
        found: list[pulumi.Resource] = [
            self._services[service] for service in wanted if service in self._services
        ]
        return [*found, *self._agents] if CLOUD_TASKS in wanted else found
