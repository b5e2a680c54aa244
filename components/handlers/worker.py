"""A Cloud Run worker pool, which polls pull queues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, Unpack

import pulumi
from pulumi_gcp import cloudrunv2, pubsub

from queuewright.blueprint import WorkerSettings, first_key, worker_settings
from queuewright.spec import Instances
from queuewright.spec.values import written_size

from ..accounts import Identity
from ..arguments import RuntimeArgs, handler_arguments
from ..code import DockerfileSource, ImageSource, container
from ..grants import Grantee
from ..mistakes import described, mistake
from ..new_grants import NewGrants
from ..options import former_names, within
from ..secret import SecretVariable, secret_grants
from .deployed import DeployedHandler
from .templates import container_variables, cpu_limit, vpc_access

WorkerImage = ImageSource | DockerfileSource


class Polled(Protocol):
    """A pull queue that a worker polls."""

    @property
    def subscription(self) -> pubsub.Subscription:
        """Where its tasks wait."""

    def admit_worker(
        self, worker: Grantee | str, *, hooks: pulumi.ResourceHookBinding | None = None
    ) -> pulumi.Resource:
        """Let a worker take tasks."""


class Worker(DeployedHandler):
    """A Cloud Run worker pool and its account. Nothing calls it: it polls pull queues.

    In a program without YAML::

        reports = PullQueue("reports", project="acme-prod", location="europe-west1")
        Worker(
            "reporter",
            project="acme-prod",
            location="europe-west1",
            source=ImageSource("europe-docker.pkg.dev/acme-prod/images/reporter:1"),
            polls={"SUBSCRIPTION_REPORTS": reports},
        )

    Attributes:
        pool: the worker pool underneath.

    Args:
        name: the component's logical name.
        project: the id of the project.
        location: the region.
        source: an `ImageSource` or a `DockerfileSource`; worker pools take images only.
        command: the command and its arguments, instead of the image's own.
        polls: the pull queues that it polls, each by the variable that gives it the full name of
            the queue's subscription. It starts when it may poll them.
        pool_name: its name on Google Cloud, at most 49 characters. Default: `name`, or the oldest
            former name.
        identity: the id of the account that it runs as. Default: derived from `name`, or from the
            oldest former name.
        key: its name in the logical names of grants; `name` ends with it. Default: `name`.
        renamed_from: its former keys, oldest first. A renamed worker stays the same on Google
            Cloud; only logical names change.
        labels: on the worker pool.
        settings: how its instances run, see `RuntimeArgs`. It has no `timeout`, `concurrency` and
            `ingress`.

    Raises:
        SpecError: arguments that a YAML file could not have, each with a fix.
        TargetError: the source is not a folder of code.
    """

    TYPE = "queuewright:index:Worker"

    pool: cloudrunv2.WorkerPool

    def __init__(
        self,
        name: str,
        *,
        project: str,
        location: str,
        source: WorkerImage,
        command: Sequence[str] = (),
        polls: Mapping[str, Polled] | None = None,
        pool_name: str | None = None,
        identity: Identity | None = None,
        key: str | None = None,
        renamed_from: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
        **settings: Unpack[RuntimeArgs],
    ) -> None:
        queues = polls or {}
        settings["environment"] = {
            **settings.get("environment", {}),
            **{variable: queue.subscription.id for variable, queue in queues.items()},
        }
        kind = {**_in_yaml(source, name), **({"command": list(command)} if command else {})}
        called = pool_name or first_key(name, former_names(name, key, renamed_from))
        checked = handler_arguments(
            name,
            called,
            project=project,
            location=location,
            labels=labels,
            kind={"worker": kind},
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
        secrets, new = settings.get("secrets", {}), NewGrants(f"{name}-worker")
        grants = [
            *secret_grants(secrets, self, new),
            *(queue.admit_worker(self, hooks=new.grant_hooks) for queue in queues.values()),
        ]
        self.deploy(
            called=called,
            source=source,
            command=command,
            instance=worker_settings(checked),
            environment=settings["environment"],
            secrets=secrets,
            labels=labels or {},
            after=grants,
            hooks=new.code_hooks if grants else None,
        )

    def deploy(
        self,
        *,
        called: str,
        source: WorkerImage,
        command: Sequence[str],
        instance: WorkerSettings,
        environment: Mapping[str, pulumi.Input[str]],
        secrets: Mapping[str, SecretVariable],
        labels: Mapping[str, str],
        after: Sequence[pulumi.Resource],
        hooks: pulumi.ResourceHookBinding | None = None,
    ) -> None:
        """Build the image and create the worker pool; arguments are not checked.

        `after` are the grants that the code needs before it starts, and `hooks` wait until Google
        knows them.
        """
        image = container(source, self._name, called=called, location=self._location, parent=self)
        runs: cloudrunv2.WorkerPoolTemplateContainerArgsDict = {
            "image": image.fields["image"],
            "envs": container_variables(environment, secrets, self._project),
            "resources": {
                "limits": {"cpu": cpu_limit(instance.cpu), "memory": written_size(instance.memory)}
            },
        }
        if command:
            runs["commands"], runs["args"] = [command[0]], list(command[1:])
        template: cloudrunv2.WorkerPoolTemplateArgsDict = {
            "service_account": self.account.email,
            "containers": [runs],
        }
        if instance.vpc is not None:
            template["vpc_access"] = vpc_access(instance.vpc)
        self.pool = cloudrunv2.WorkerPool(
            f"{self._name}-pool",
            name=called,
            project=self._project,
            location=self._location,
            labels=dict(labels),
            scaling=_scaling(instance.instances),
            # Cloud Run's own protection. Only queues are protected, and by Pulumi.
            deletion_protection=False,
            template=template,
            opts=within(self, self._opts, after=after, hooks=hooks),
        )
        self.register_outputs({"account": self.account.email})


def _scaling(instances: Instances) -> cloudrunv2.WorkerPoolScalingArgsDict:
    """A fixed number, or one that follows the CPU in use.

    https://cloud.google.com/run/docs/configuring/workerpools/manual-scaling
    """
    if instances.min == instances.max:
        return {"scaling_mode": "MANUAL", "manual_instance_count": instances.min}
    return {
        "scaling_mode": "AUTOMATIC",
        "min_instance_count": instances.min,
        "max_instance_count": instances.max,
    }


def _in_yaml(source: object, name: str) -> Mapping[str, object]:
    """A source, as a worker in the YAML."""
    if isinstance(source, ImageSource):
        return {"image": source.image if isinstance(source.image, str) else "known-later"}
    if not isinstance(source, DockerfileSource):
        hint = "give an `ImageSource` or a `DockerfileSource`: worker pools take images only"
        raise mistake(name, "source", f"expected an image, found {described(source)}", hint)
    if not Path(source.folder, source.dockerfile).is_file():
        hint = "add one, or give an `ImageSource`"
        raise mistake(name, "source", f"`{source.folder}` has no {source.dockerfile}", hint)
    return {"source": "."}
