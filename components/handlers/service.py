"""A Cloud Run service that tasks are sent to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Unpack

import pulumi
from pulumi_gcp import cloudrunv2

from queuewright.blueprint import InstancePlan, first_key, instance_plan
from queuewright.cloud_tasks.durations import seconds
from queuewright.spec.values import written_size

from ..accounts import Identity
from ..arguments import RuntimeArgs, handler_arguments
from ..code import (
    Container,
    DockerfileSource,
    FolderSource,
    ImageSource,
    Source,
    container,
)
from ..mistakes import described, mistake
from ..new_grants import NewGrants
from ..options import former_names, within
from ..secret import SecretVariable, secret_grants
from .handler import Handler
from .templates import container_variables, cpu_limit, vpc_access

INGRESS = {
    "all": "INGRESS_TRAFFIC_ALL",
    "internal": "INGRESS_TRAFFIC_INTERNAL_ONLY",
    "internal-and-cloud-load-balancing": "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
}


class ServiceHandler(Handler):
    """A Cloud Run service and its account.

    In a program without YAML::

        thumbnails = ServiceHandler(
            "thumbnails",
            project="acme-prod",
            location="europe-west1",
            source=ImageSource("europe-docker.pkg.dev/acme-prod/images/thumbnails:1"),
            memory="1Gi",
            concurrency=4,
        )

    Attributes:
        service: the service underneath.

    Args:
        name: the component's logical name.
        project: the id of the project.
        location: the region.
        source: an `ImageSource`, a `DockerfileSource` or a `FolderSource`.
        service_name: its name on Google Cloud, at most 49 characters. Default: `name`, or the
            oldest former name.
        identity: the id of the account that it runs as. Default: derived from `name`, or from the
            oldest former name.
        invoker: the id of the account whose token its tasks carry. Default: likewise.
        key: its name in the logical names of grants; `name` ends with it. Default: `name`.
        renamed_from: its former keys, oldest first. A renamed handler stays the same on Google
            Cloud; only logical names change.
        labels: on the service.
        settings: how its instances run, see `RuntimeArgs`.

    Raises:
        SpecError: arguments that a YAML file could not have, each with a fix.
        TargetError: the source is not a folder of code, or its packages cannot be fetched.
    """

    TYPE = "queuewright:index:ServiceHandler"

    service: cloudrunv2.Service

    def __init__(
        self,
        name: str,
        *,
        project: str,
        location: str,
        source: Source,
        service_name: str | None = None,
        identity: Identity | None = None,
        invoker: Identity | None = None,
        key: str | None = None,
        renamed_from: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
        **settings: Unpack[RuntimeArgs],
    ) -> None:
        called = service_name or first_key(name, former_names(name, key, renamed_from))
        checked = handler_arguments(
            name,
            called,
            project=project,
            location=location,
            labels=labels,
            kind={"service": _in_yaml(source, name)},
            settings=settings,
        )
        super().__init__(
            name,
            project=project,
            location=location,
            key=key,
            renamed_from=renamed_from,
            identity=identity,
            opts=opts,
        )
        self._invoker_identity = invoker
        secrets, new = settings.get("secrets", {}), NewGrants(f"{name}-service")
        readers = secret_grants(secrets, self, new)
        self.deploy(
            called=called,
            source=source,
            instance=instance_plan(checked),
            environment=settings.get("environment", {}),
            secrets=secrets,
            labels=labels or {},
            after=readers,
            hooks=new.code_hooks if readers else None,
        )

    def deploy(
        self,
        *,
        called: str,
        source: Source,
        instance: InstancePlan,
        environment: Mapping[str, pulumi.Input[str]],
        secrets: Mapping[str, SecretVariable],
        labels: Mapping[str, str],
        after: Sequence[pulumi.Resource],
        hooks: pulumi.ResourceHookBinding | None = None,
    ) -> None:
        """Build or upload the code and create the service; arguments are not checked.

        `after` are the grants that the code needs before it starts, and `hooks` wait until Google
        knows them.
        """
        runs = container(source, self._name, called=called, location=self._location, parent=self)
        every = _with_search_path(environment, runs.search_path)
        variables = container_variables(every, secrets, self._project)
        self.service = cloudrunv2.Service(
            f"{self._name}-service",
            name=called,
            project=self._project,
            location=self._location,
            labels=dict(labels),
            ingress=INGRESS[instance.ingress],
            launch_stage=runs.launch_stage,
            # Cloud Run's own protection. Only queues are protected, and by Pulumi.
            deletion_protection=False,
            template=self._template(instance, runs, variables),
            opts=within(self, self._opts, after=after, hooks=hooks),
        )
        self._serve(self.service.name, self.service.uri)

    def _template(
        self,
        of: InstancePlan,
        runs: Container,
        variables: Sequence[cloudrunv2.ServiceTemplateContainerEnvArgsDict],
    ) -> cloudrunv2.ServiceTemplateArgsDict:
        template: cloudrunv2.ServiceTemplateArgsDict = {
            "service_account": self.account.email,
            "timeout": seconds(of.timeout),
            "max_instance_request_concurrency": of.concurrency,
            "scaling": {
                "min_instance_count": of.instances.min,
                "max_instance_count": of.instances.max,
            },
            "containers": [
                {
                    **runs.fields,
                    "envs": variables,
                    "resources": {
                        "limits": {"cpu": cpu_limit(of.cpu), "memory": written_size(of.memory)},
                        # CPU, and its cost, only while a request is served.
                        "cpu_idle": True,
                    },
                }
            ],
        }
        if of.vpc is not None:
            template["vpc_access"] = vpc_access(of.vpc)
        return template


def _in_yaml(source: object, name: str) -> Mapping[str, object]:
    """A source, as a service in the YAML."""
    if isinstance(source, ImageSource):
        return {"image": source.image if isinstance(source.image, str) else "known-later"}
    if isinstance(source, FolderSource):
        command = {"command": list(source.command)} if source.command else {}
        return {"source": ".", "runtime": source.runtime, **command}
    if not isinstance(source, DockerfileSource):
        hint = "give an `ImageSource`, a `DockerfileSource` or a `FolderSource`"
        raise mistake(name, "source", f"expected a source, found {described(source)}", hint)
    if not Path(source.folder, source.dockerfile).is_file():
        hint = "add one, or give a `FolderSource`"
        raise mistake(name, "source", f"`{source.folder}` has no {source.dockerfile}", hint)
    return {"source": "."}


def _with_search_path(
    environment: Mapping[str, pulumi.Input[str]], search_path: str | None
) -> Mapping[str, pulumi.Input[str]]:
    """The variables, with a `PYTHONPATH` that begins with the vendored packages."""
    if search_path is None:
        return environment
    given = environment.get("PYTHONPATH")
    path = pulumi.Output.concat(search_path, ":", given) if given else search_path
    return {**environment, "PYTHONPATH": path}
