"""A Cloud Run service that tasks are sent to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Unpack

import pulumi
from pulumi_gcp import cloudrunv2

from queuewright.blueprint.names import first_key
from queuewright.cloud_tasks.durations import seconds
from queuewright.spec import VpcAccess
from queuewright.spec.values import written_size

from .arguments import handler_arguments
from .container import (
    Container,
    DockerfileSource,
    FolderSource,
    ImageSource,
    Source,
    container,
)
from .handler import Handler
from .identity import Identity
from .mistakes import mistake
from .options import former_names, within
from .runtime import Runtime, RuntimeArgs, instance_runtime

INGRESS = {
    "all": "INGRESS_TRAFFIC_ALL",
    "internal": "INGRESS_TRAFFIC_INTERNAL_ONLY",
    "internal-and-cloud-load-balancing": "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
}
EGRESS = {"all-traffic": "ALL_TRAFFIC", "private-ranges-only": "PRIVATE_RANGES_ONLY"}


class ServiceHandler(Handler):
    """A Cloud Run service and its account.

    Alone, in a program of one's own::

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
        service_name: what it is called on Google Cloud, 49 characters at most. Default: `name`, or
            the first it had.
        identity: what the account that it runs as is called. Default: derived from `name`, or the
            first it had.
        key: what it is called among the grants of others; `name` ends in it. Default: `name`.
        renamed_from: the keys that it had before, the first one first. All that it is made of stays
            the same; only logical names change.
        labels: on the service.
        settings: how its instances run, see `RuntimeArgs`.

    Raises:
        SpecError: arguments that no file may say either, each with a way out.
        TargetError: the source is not a folder of code, or its packages cannot be fetched.
    """

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
        key: str | None = None,
        renamed_from: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
        **settings: Unpack[RuntimeArgs],
    ) -> None:
        first = first_key(name, former_names(name, key, renamed_from))
        called = service_name or first
        checked = handler_arguments(
            name,
            called,
            project=project,
            location=location,
            labels=labels,
            kind={"service": _described(source, name)},
            settings=settings,
        )
        super().__init__(
            "ServiceHandler",
            name,
            key=key,
            renamed_from=renamed_from,
            project=project,
            location=location,
            identity=identity,
            opts=opts,
        )
        of = instance_runtime(settings, checked)
        runs = container(source, name, called=called, location=location, parent=self)
        readers = of.secret_grants(self)
        self.service = cloudrunv2.Service(
            f"{name}-service",
            name=called,
            project=project,
            location=location,
            labels=dict(labels or {}),
            ingress=INGRESS[of.ingress],
            launch_stage=runs.launch_stage,
            # Cloud Run's own protection; what must not go, a queue, is protected in Pulumi.
            deletion_protection=False,
            template=self._template(of, runs),
            opts=within(self, opts, after=readers),
        )
        self._serves(self.service.name, self.service.uri)

    def _template(self, of: Runtime, runs: Container) -> cloudrunv2.ServiceTemplateArgsDict:
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
                    "envs": _variables(of, runs, self._project),
                    "resources": {
                        "limits": {"cpu": _cpu(of.cpu), "memory": written_size(of.memory)},
                        # CPU only while a request is served, which is when it is paid for.
                        "cpu_idle": True,
                    },
                }
            ],
        }
        if of.vpc is not None:
            template["vpc_access"] = _vpc_access(of.vpc)
        return template


def _described(source: object, name: str) -> Mapping[str, object]:
    """A source as the YAML describes it."""
    if isinstance(source, ImageSource):
        return {"image": source.image if isinstance(source.image, str) else "known-later"}
    if isinstance(source, FolderSource):
        return {"source": ".", "runtime": source.runtime, "command": list(source.command)}
    if not isinstance(source, DockerfileSource):
        hint = "give an `ImageSource`, a `DockerfileSource` or a `FolderSource`"
        raise mistake(name, "source", f"a {type(source).__name__} does not say how it runs", hint)
    if not Path(source.folder, "Dockerfile").is_file():
        hint = "add one, or give a `FolderSource`"
        raise mistake(name, "source", f"`{source.folder}` has no Dockerfile", hint)
    return {"source": "."}


def _variables(
    of: Runtime, runs: Container, project: str
) -> list[cloudrunv2.ServiceTemplateContainerEnvArgsDict]:
    plain = dict(of.environment)
    if runs.search_path is not None:
        given = plain.get("PYTHONPATH")
        plain["PYTHONPATH"] = (
            pulumi.Output.concat(runs.search_path, ":", given) if given else runs.search_path
        )
    variables: list[cloudrunv2.ServiceTemplateContainerEnvArgsDict] = [
        {"name": name, "value": value} for name, value in sorted(plain.items())
    ]
    for name, each in of.secrets.items():
        there = each.secret.secret_id
        if each.secret.project != project:
            there = f"projects/{each.secret.project}/secrets/{there}"
        variables.append(
            {
                "name": name,
                "value_source": {"secret_key_ref": {"secret": there, "version": each.pinned}},
            }
        )
    return variables


def _vpc_access(vpc: VpcAccess) -> cloudrunv2.ServiceTemplateVpcAccessArgsDict:
    network: cloudrunv2.ServiceTemplateVpcAccessNetworkInterfaceArgsDict = {}
    if vpc.network is not None:
        network["network"] = vpc.network
    if vpc.subnetwork is not None:
        network["subnetwork"] = vpc.subnetwork
    if vpc.tags:
        network["tags"] = list(vpc.tags)
    return {"network_interfaces": [network], "egress": EGRESS[vpc.egress]}


def _cpu(cpu: float) -> str:
    """As Kubernetes writes it: `1`, or `500m` for a half.

    >>> _cpu(2.0), _cpu(0.5)
    ('2', '500m')
    """
    return f"{cpu:g}" if cpu.is_integer() else f"{round(cpu * 1000)}m"
