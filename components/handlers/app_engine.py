"""A version of an App Engine service that tasks are sent to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pulumi
from pulumi_gcp import appengine

from queuewright.blueprint import build_app_engine
from queuewright.packages import runtime_files
from queuewright.spec import APP_ENGINE_VERSION, Instances

from ..accounts import Identity
from ..arguments import handler_arguments
from ..code import PackageBucket
from ..new_grants import NewGrants
from ..options import within
from .deployed import DeployedHandler

# The default of App Engine's Python runtimes:
# https://cloud.google.com/appengine/docs/standard/python3/runtime#application_startup
ENTRYPOINT = "gunicorn -b :$PORT main:app"


class AppEngineHandler(DeployedHandler):
    """A version of a service of the project's App Engine app, and its account.

    App Engine itself calls it, so its queues need no invoker. It also builds the version as the
    version's account, which therefore reads packages, and writes images and its log. The app must
    exist: its region is chosen once.

    Attributes:
        app_version: the version underneath.

    Args:
        name: the component's logical name.
        project: the id of the project.
        service: the App Engine service, such as `default`.
        source: the folder of the code.
        runtime: Google's name of the language, such as `python312`.
        packages: the bucket for the code.
        include: folders and files that are deployed beside the code, under their names.
        version: the version's id; new code goes into the same version. Default: `v1`.
        entrypoint: the command that serves. Default: Google's default for Python.
        environment: environment variables.
        instances: how many there may be, such as `{"max": 10}`.
        identity: the id of the account that it runs as. Default: derived from `name`, or from the
            oldest former name.
        key: its name in the logical names of grants; `name` ends with it. Default: `name`.
        renamed_from: its former keys, oldest first. A renamed handler stays the same on Google
            Cloud; only logical names change.

    Raises:
        SpecError: arguments that a YAML file could not have, each with a fix.
        TargetError: `source` is not a folder of code.
    """

    TYPE = "queuewright:index:AppEngineHandler"

    app_version: appengine.StandardAppVersion

    def __init__(
        self,
        name: str,
        *,
        project: str,
        service: str,
        source: Path | str,
        runtime: str,
        packages: PackageBucket,
        include: Sequence[Path] = (),
        version: str | None = None,
        entrypoint: str | None = None,
        environment: Mapping[str, pulumi.Input[str]] | None = None,
        instances: Instances | Mapping[str, int] | None = None,
        identity: Identity | None = None,
        key: str | None = None,
        renamed_from: Sequence[str] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        given = {"version": version, "entrypoint": entrypoint}
        kind = {"service": service, "source": ".", "runtime": runtime}
        kind |= {key: value for key, value in given.items() if value is not None}
        checked = handler_arguments(
            name,
            "app-engine",
            project=project,
            kind={"app_engine": kind},
            settings={"environment": environment or {}, "instances": instances or {}},
        )
        super().__init__(
            name,
            project=project,
            location="",
            key=key,
            renamed_from=renamed_from,
            identity=identity,
            opts=opts,
        )
        access, new = self.project_access, NewGrants(f"{name}-version")
        self.deploy(
            service=service,
            source=Path(source),
            runtime=runtime,
            packages=packages,
            include=include,
            version=version,
            entrypoint=entrypoint,
            environment=environment or {},
            instances=checked.instances,
            after=[
                *(
                    access.admit(
                        self, role=each.role, condition=each.condition, hooks=new.grant_hooks
                    )
                    for each in build_app_engine(project)
                ),
                packages.admit(self, hooks=new.grant_hooks),
            ],
            hooks=new.code_hooks,
        )

    def deploy(
        self,
        *,
        service: str,
        source: Path,
        runtime: str,
        packages: PackageBucket,
        include: Sequence[Path],
        version: str | None,
        entrypoint: str | None,
        environment: Mapping[str, pulumi.Input[str]],
        instances: Instances,
        after: Sequence[pulumi.Resource],
        hooks: pulumi.ResourceHookBinding | None = None,
        with_runtime: bool = False,
    ) -> None:
        """Upload the code and create the version; the constructor's arguments are not checked.

        `after` are the grants that the build and the code need, and `hooks` wait until Google
        knows them. `with_runtime` adds the library that makes dead letters.
        """
        package = packages.upload(
            self._name,
            source,
            archive=f"{service}-{self._first_name}",
            parent=self,
            include=include,
            vendored=runtime_files() if with_runtime else None,
        )
        self.app_version = appengine.StandardAppVersion(
            f"{self._name}-version",
            project=self._project,
            service=service,
            version_id=version or APP_ENGINE_VERSION,
            runtime=runtime,
            entrypoint={"shell": entrypoint or ENTRYPOINT},
            deployment={
                "zip": {
                    "source_url": pulumi.Output.concat(
                        "https://storage.googleapis.com/", package.bucket, "/", package.name
                    )
                }
            },
            env_variables=dict(environment),
            service_account=self.account.email,
            automatic_scaling={
                "standard_scheduler_settings": {
                    "min_instances": instances.min,
                    "max_instances": instances.max,
                }
            },
            # Keep the version when it is replaced or removed: the provider can only delete it
            # together with the whole service, including other versions.
            noop_on_destroy=True,
            opts=within(self, self._opts, after=after, hooks=hooks),
        )
        self.register_outputs({"account": self.account.email, "version": self.app_version.name})
