"""A Cloud Run function that tasks are sent to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Unpack

import pulumi
from pulumi_gcp import cloudfunctionsv2

from queuewright.blueprint.names import first_key
from queuewright.spec.values import written_size

from .arguments import handler_arguments
from .build import BuildAccount
from .handler import Handler
from .identity import Identity
from .images import ImageRepository
from .options import former_names, within
from .packages import PackageBucket, Upload
from .runtime import Runtime, RuntimeArgs, instance_runtime

INGRESS = {
    "all": "ALLOW_ALL",
    "internal": "ALLOW_INTERNAL_ONLY",
    "internal-and-cloud-load-balancing": "ALLOW_INTERNAL_AND_GCLB",
}
EGRESS = {
    "all-traffic": "VPC_EGRESS_ALL_TRAFFIC",
    "private-ranges-only": "VPC_EGRESS_PRIVATE_RANGES_ONLY",
}


class FunctionHandler(Handler):
    """A Cloud Run function (2nd gen), its package and its account.

    Alone, in a program of one's own::

        packages = PackageBucket(
            "packages", project="acme-prod", location="europe-west1", bucket_name="acme-packages"
        )
        mailer = FunctionHandler(
            "mailer",
            project="acme-prod",
            location="europe-west1",
            source=Path("handlers/mailer"),
            entry_point="handle",
            runtime="python312",
            packages=packages,
            environment={"SMTP_HOST": "smtp.internal"},
        )

    Attributes:
        function: the function underneath.

    Args:
        name: the component's logical name.
        project: the id of the project.
        location: the region.
        source: the folder of the code; its `.gcloudignore` is honoured.
        entry_point: the function that is called.
        runtime: Google's name of the language, such as `python312`.
        packages: the bucket that the code is put into.
        function_name: what it is called on Google Cloud. Default: `name`, or the first it had.
        builder: the account that builds it. Default: the project's own.
        images: the repository that its image is kept in. Default: one that Google makes.
        identity: what the account that it runs as is called. Default: derived from `name`, or the
            first it had.
        key: what it is called among the grants of others; `name` ends in it. Default: `name`.
        renamed_from: the keys that it had before, the first one first. All that it is made of stays
            the same; only logical names change.
        labels: on the function.
        settings: how its instances run, see `RuntimeArgs`.

    Raises:
        SpecError: arguments that no file may say either, each with a way out.
        TargetError: `source` is not a folder of code.
    """

    function: cloudfunctionsv2.Function

    def __init__(
        self,
        name: str,
        *,
        project: str,
        location: str,
        source: Path | str,
        entry_point: str,
        runtime: str,
        packages: PackageBucket,
        function_name: str | None = None,
        builder: BuildAccount | None = None,
        images: ImageRepository | None = None,
        identity: Identity | None = None,
        key: str | None = None,
        renamed_from: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
        **settings: Unpack[RuntimeArgs],
    ) -> None:
        first = first_key(name, former_names(name, key, renamed_from))
        called = function_name or first
        checked = handler_arguments(
            name,
            called,
            project=project,
            location=location,
            labels=labels,
            kind={"function": {"source": ".", "entry_point": entry_point, "runtime": runtime}},
            settings=settings,
        )
        super().__init__(
            "FunctionHandler",
            name,
            key=key,
            renamed_from=renamed_from,
            project=project,
            location=location,
            identity=identity,
            opts=opts,
        )
        of = instance_runtime(settings, checked)
        package = packages.upload(name, Path(source), archive=called, parent=self)
        readers = of.secret_grants(self)
        self.function = cloudfunctionsv2.Function(
            f"{name}-function",
            name=called,
            project=project,
            location=location,
            labels=dict(labels or {}),
            build_config=_build_config(package, entry_point, runtime, builder, images),
            service_config=self._service_config(of),
            opts=within(self, opts, after=[*readers, *(builder.grants if builder else ())]),
        )
        config = self.function.service_config
        self._serves(self.function.name, config.apply(lambda made: (made and made.uri) or ""))

    def _service_config(self, of: Runtime) -> cloudfunctionsv2.FunctionServiceConfigArgsDict:
        config: cloudfunctionsv2.FunctionServiceConfigArgsDict = {
            "service_account_email": self.account.email,
            "available_memory": written_size(of.memory),
            "available_cpu": f"{of.cpu:g}",
            "timeout_seconds": round(of.timeout.total_seconds()),
            "max_instance_request_concurrency": of.concurrency,
            "min_instance_count": of.instances.min,
            "max_instance_count": of.instances.max,
            "ingress_settings": INGRESS[of.ingress],
            "all_traffic_on_latest_revision": True,
            # Google sets this one itself. Written out it is one variable that is always there: the
            # last one of a map could not be removed, as an absent map keeps its live value.
            "environment_variables": {"LOG_EXECUTION_ID": "true", **of.environment},
        }
        if of.secrets:
            config["secret_environment_variables"] = [
                {
                    "key": variable,
                    "project_id": each.secret.project,
                    "secret": each.secret.secret_id,
                    "version": each.pinned,
                }
                for variable, each in of.secrets.items()
            ]
        if of.vpc is not None:
            network: cloudfunctionsv2.FunctionServiceConfigDirectVpcNetworkInterfaceArgsDict = {}
            if of.vpc.network is not None:
                network["network"] = of.vpc.network
            if of.vpc.subnetwork is not None:
                network["subnetwork"] = of.vpc.subnetwork
            if of.vpc.tags:
                network["tags"] = list(of.vpc.tags)
            config["direct_vpc_network_interfaces"] = [network]
            config["direct_vpc_egress"] = EGRESS[of.vpc.egress]
        return config


def _build_config(
    package: Upload,
    entry_point: str,
    runtime: str,
    builder: BuildAccount | None,
    images: ImageRepository | None,
) -> cloudfunctionsv2.FunctionBuildConfigArgsDict:
    config: cloudfunctionsv2.FunctionBuildConfigArgsDict = {
        "runtime": runtime,
        "entry_point": entry_point,
        "source": {
            "storage_source": {
                "bucket": package.bucket,
                "object": package.name,
                "generation": package.generation,
            }
        },
    }
    if builder is not None:
        config["service_account"] = builder.account.name
    if images is not None:
        config["docker_repository"] = images.repository.id
    return config
