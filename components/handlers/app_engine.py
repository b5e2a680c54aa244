"""A version of an App Engine service that tasks are sent to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pulumi
from pulumi_gcp import appengine, serviceaccount

from queuewright.blueprint.names import first_key
from queuewright.spec import APP_ENGINE_VERSION, Instances

from .arguments import handler_arguments
from .identity import Identity
from .options import former_names, renamed, within
from .packages import PackageBucket

# What App Engine's Python runtimes start when nothing is said:
# https://cloud.google.com/appengine/docs/standard/python3/runtime#application_startup
ENTRYPOINT = "gunicorn -b :$PORT main:app"


class AppEngineHandler(pulumi.ComponentResource):
    """A version of a service of the project's App Engine app, and its account.

    App Engine itself calls it, so that its queue needs no invoker. The app must exist: its region
    is chosen once and for ever.

    Attributes:
        key: what the handler is called among the grants of others.
        renamed_from: what it was called there before.
        account: the service account that it runs as.
        member: the same, as IAM writes it.
        app_version: the version underneath.

    Args:
        name: the component's logical name.
        project: the id of the project.
        service: the App Engine service, such as `default`.
        source: the folder of the code.
        runtime: Google's name of the language, such as `python312`.
        packages: the bucket that the code is put into.
        version: the version's id; new code is put into the same version. Default: `v1`.
        entrypoint: the command that serves. Default: what Google starts for Python.
        environment: environment variables.
        instances: how many there may be, such as `{"max": 10}`.
        identity: what the account that it runs as is called. Default: derived from `name`, or the
            first it had.
        key: what it is called among the grants of others; `name` ends in it. Default: `name`.
        renamed_from: the keys that it had before, the first one first. All that it is made of stays
            the same; only logical names change.

    Raises:
        SpecError: arguments that no file may say either, each with a way out.
        TargetError: `source` is not a folder of code.
    """

    key: str
    renamed_from: Sequence[str]
    account: serviceaccount.Account
    member: pulumi.Output[str]
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
        version: str | None = None,
        entrypoint: str | None = None,
        environment: Mapping[str, pulumi.Input[str]] | None = None,
        instances: Instances | Mapping[str, int] | None = None,
        identity: Identity | None = None,
        key: str | None = None,
        renamed_from: Sequence[str] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        told = {"version": version, "entrypoint": entrypoint}
        kind = {"service": service, "source": ".", "runtime": runtime}
        kind |= {key: value for key, value in told.items() if value is not None}
        checked = handler_arguments(
            name,
            "app-engine",
            project=project,
            kind={"app_engine": kind},
            settings={"environment": environment or {}, "instances": instances or {}},
        )
        before = former_names(name, key, renamed_from)
        super().__init__("queuewright:index:AppEngineHandler", name, None, renamed(opts, before))
        self.key, self.renamed_from = key or name, renamed_from
        first = first_key(name, before)
        named = identity or Identity.of(first, "handler")
        self.account = named.account(f"{name}-account", project=project, opts=within(self, opts))
        self.member = self.account.member
        package = packages.upload(name, Path(source), archive=f"{service}-{first}", parent=self)
        scaling = checked.instances
        self.app_version = appengine.StandardAppVersion(
            f"{name}-version",
            project=project,
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
            env_variables=dict(environment or {}),
            service_account=self.account.email,
            automatic_scaling={
                "standard_scheduler_settings": {
                    "min_instances": scaling.min,
                    "max_instances": scaling.max,
                }
            },
            # It stays when it is replaced or goes: the provider can delete it only with the whole
            # service, whatever other versions serve there.
            noop_on_destroy=True,
            opts=within(self, opts),
        )
        self.register_outputs({"account": self.account.email, "version": self.app_version.name})
