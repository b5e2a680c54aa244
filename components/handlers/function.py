"""A Cloud Run function that tasks are sent to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Unpack

import pulumi
from pulumi_gcp import cloudfunctionsv2

from queuewright.blueprint import InstancePlan, first_key, instance_plan
from queuewright.cloud_tasks.ingress import FUNCTION_INGRESS
from queuewright.packages import runtime_files
from queuewright.spec.values import written_size

from ..accounts import Identity
from ..arguments import RuntimeArgs, handler_arguments
from ..code import BuildAccount, ImageRepository, PackageBucket, Upload
from ..new_grants import NewGrants, merged
from ..options import former_names, within
from ..secret import SecretVariable, secret_grants
from .handler import Handler

EGRESS = {
    "all-traffic": "VPC_EGRESS_ALL_TRAFFIC",
    "private-ranges-only": "VPC_EGRESS_PRIVATE_RANGES_ONLY",
}


class FunctionHandler(Handler):
    """A Cloud Run function (2nd gen), its package and its account.

    In a program without YAML::

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
        source: the folder of the code; its `.gcloudignore` applies.
        entry_point: the function to call.
        runtime: Google's name of the language, such as `python312`.
        packages: the bucket for the code.
        function_name: its name on Google Cloud. Default: `name`, or the oldest former name.
        include: folders and files that are deployed beside the code, under their names.
        builder: the account that builds it. Default: the project's default account.
        images: the repository for its image. Default: one that Google creates.
        identity: the id of the account that it runs as. Default: derived from `name`, or from the
            oldest former name.
        invoker: the id of the account whose token its tasks carry. Default: likewise.
        key: its name in the logical names of grants; `name` ends with it. Default: `name`.
        renamed_from: its former keys, oldest first. A renamed handler stays the same on Google
            Cloud; only logical names change.
        labels: on the function.
        settings: how its instances run, see `RuntimeArgs`.

    Raises:
        SpecError: arguments that a YAML file could not have, each with a fix.
        TargetError: `source` is not a folder of code.
    """

    TYPE = "queuewright:index:FunctionHandler"

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
        include: Sequence[Path] = (),
        function_name: str | None = None,
        builder: BuildAccount | None = None,
        images: ImageRepository | None = None,
        identity: Identity | None = None,
        invoker: Identity | None = None,
        key: str | None = None,
        renamed_from: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
        **settings: Unpack[RuntimeArgs],
    ) -> None:
        called = function_name or first_key(name, former_names(name, key, renamed_from))
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
            name,
            project=project,
            location=location,
            key=key,
            renamed_from=renamed_from,
            identity=identity,
            opts=opts,
        )
        self._invoker_identity = invoker
        secrets = settings.get("secrets", {})
        new = NewGrants(f"{name}-function")
        readers = secret_grants(secrets, self, new)
        self.deploy(
            called=called,
            source=Path(source),
            entry_point=entry_point,
            runtime=runtime,
            packages=packages,
            include=include,
            builder=builder,
            images=images,
            instance=instance_plan(checked),
            environment=settings.get("environment", {}),
            secrets=secrets,
            labels=labels or {},
            after=[*readers, *(builder.grants if builder else ())],
            hooks=merged(
                new.code_hooks if readers else None, builder.code_hooks if builder else None
            ),
        )

    def deploy(
        self,
        *,
        called: str,
        source: Path,
        entry_point: str,
        runtime: str,
        packages: PackageBucket,
        include: Sequence[Path],
        builder: BuildAccount | None,
        images: ImageRepository | None,
        instance: InstancePlan,
        environment: Mapping[str, pulumi.Input[str]],
        secrets: Mapping[str, SecretVariable],
        labels: Mapping[str, str],
        after: Sequence[pulumi.Resource],
        hooks: pulumi.ResourceHookBinding | None = None,
        with_runtime: bool = False,
    ) -> None:
        """Upload the code and create the function; the constructor's arguments are not checked.

        `after` are the grants that the code or its build needs before it starts, and `hooks` wait
        until Google knows them. `with_runtime` adds the library that makes dead letters.
        """
        package = packages.upload(
            self._name,
            source,
            archive=called,
            parent=self,
            include=include,
            vendored=runtime_files() if with_runtime else None,
        )
        self.function = cloudfunctionsv2.Function(
            f"{self._name}-function",
            name=called,
            project=self._project,
            location=self._location,
            labels=dict(labels),
            build_config=_build_config(package, entry_point, runtime, builder, images),
            service_config=self._service_config(instance, environment, secrets),
            opts=within(self, self._opts, after=after, hooks=hooks),
        )
        config = self.function.service_config
        self._serve(self.function.name, config.apply(lambda made: (made and made.uri) or ""))

    def _service_config(
        self,
        of: InstancePlan,
        environment: Mapping[str, pulumi.Input[str]],
        secrets: Mapping[str, SecretVariable],
    ) -> cloudfunctionsv2.FunctionServiceConfigArgsDict:
        config: cloudfunctionsv2.FunctionServiceConfigArgsDict = {
            "service_account_email": self.account.email,
            "available_memory": written_size(of.memory),
            "available_cpu": f"{of.cpu:g}",
            "timeout_seconds": round(of.timeout.total_seconds()),
            "max_instance_request_concurrency": of.concurrency,
            "min_instance_count": of.instances.min,
            "max_instance_count": of.instances.max,
            "ingress_settings": FUNCTION_INGRESS[of.ingress],
            "all_traffic_on_latest_revision": True,
            # Google sets this variable itself. It is written out so that the map is never empty:
            # an absent map keeps its live value, so the last variable could not be removed.
            "environment_variables": {"LOG_EXECUTION_ID": "true", **environment},
        }
        if secrets:
            config["secret_environment_variables"] = [
                {
                    "key": variable,
                    "project_id": each.secret.project,
                    "secret": each.secret.secret_id,
                    "version": each.pinned,
                }
                for variable, each in sorted(secrets.items())
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
