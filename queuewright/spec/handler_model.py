"""The grammar of a handler: its kinds, settings, ranges and defaults."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from queuewright.spec.closed import Closed
from queuewright.spec.fields import (
    LARGEST_CPU,
    AppEngineId,
    Command,
    Cpu,
    EntryPoint,
    Filled,
    Folder,
    HandlerKeys,
    HeaderName,
    HeaderValue,
    Image,
    Include,
    Memory,
    Runtime,
    SecretId,
    SecretVersion,
    Timeout,
    Url,
    Variable,
    VariableValue,
    Word,
)


class FunctionSource(Closed):
    """A Cloud Run function (2nd gen): a folder, and the function to call in it."""

    authority = "Cloud Run functions"

    source: Folder = Field(
        examples=["handlers/mailer"],
        description="The folder of the code, relative to the project's folder.",
    )
    entry_point: EntryPoint = Field(examples=["handle"], description="The function to call.")
    runtime: Runtime = Field(
        examples=["python312"], description="Google's name for the language and its version."
    )


Context = Annotated[
    Folder | None,
    Field(
        examples=["."],
        description="The folder that the image is built from, for a Dockerfile that copies files "
        "from outside of `source`: `.` is the whole project. Default: `source`.",
    ),
]
Dockerfile = Annotated[
    Folder | None,
    Field(
        examples=["docker/Dockerfile"],
        description="The Dockerfile, relative to the project's folder. Without `source`, its "
        "folder is the source. Default: `Dockerfile` in `source`.",
    ),
]


class ImageBuild(Closed):
    """Something whose image can be built from a Dockerfile."""

    @model_validator(mode="before")
    @classmethod
    def _with_source(cls, value: object) -> object:
        """A Dockerfile's folder is the source if none is given."""
        if not isinstance(value, Mapping) or not isinstance(file := value.get("dockerfile"), str):
            return value
        if value.get("source") is not None or value.get("image") is not None:
            return value
        return {**value, "source": posixpath.dirname(file) or "."}


class ServiceSource(ImageBuild):
    """A Cloud Run service, from exactly one of a folder (`source`) and an `image`."""

    authority = "Cloud Run"

    source: Folder | None = Field(
        None,
        examples=["handlers/thumbnails"],
        description="The folder of the code. With a Dockerfile, an image is built from it; "
        "without one, it is deployed as it is and needs `runtime` and `command`.",
    )
    image: Image | None = Field(
        None,
        examples=["europe-docker.pkg.dev/acme-prod/app/thumbnails:1.2"],
        description="A ready image, instead of `source`.",
    )
    runtime: Runtime | None = Field(
        None,
        examples=["python312"],
        description="For a folder without a Dockerfile: Google's name for the language.",
    )
    command: Command = Field(
        (),
        examples=["gunicorn --bind :$PORT main:app", ["node", "server.js"]],
        description="For a folder without a Dockerfile: the command that serves on `$PORT`, "
        "as text for the shell or as a list.",
    )
    context: Context = None
    dockerfile: Dockerfile = None


class AppEngineTarget(Closed):
    """A service of the project's App Engine app; with `source`, it is deployed too.

    The app must be in the region of the queues: https://cloud.google.com/tasks/docs/dual-overview.
    """

    authority = "App Engine"

    service: AppEngineId = Field(
        "default", examples=["my-service"], description="The service that tasks go to."
    )
    version: AppEngineId | None = Field(
        None, examples=["v2"], description="Its version. Default: the version that serves."
    )
    instance: Filled | None = Field(
        None, examples=["0"], description="A single instance; only with manual scaling."
    )
    source: Folder | None = Field(
        None,
        examples=["handlers/ledger"],
        description="The folder of the code, to deploy the service; needs `runtime`.",
    )
    runtime: Runtime | None = Field(
        None,
        examples=["python312"],
        description="With `source`: the language and its version.",
    )
    entrypoint: Word | None = Field(
        None,
        examples=["gunicorn --bind :$PORT main:app"],
        description="With `source`: the command that serves.",
    )


class WorkerSource(ImageBuild):
    """A Cloud Run worker pool, from exactly one of a folder (`source`) and an `image`.

    It polls pull queues; nothing calls it. Every instance is billed as long as it runs.
    """

    authority = "Cloud Run"

    source: Folder | None = Field(
        None,
        examples=["handlers/reporter"],
        description="The folder of the code. It needs a Dockerfile, from which an image is built.",
    )
    image: Image | None = Field(
        None,
        examples=["europe-docker.pkg.dev/acme-prod/app/reporter:1.2"],
        description="A ready image, instead of `source`.",
    )
    command: Command = Field(
        (),
        examples=[["python", "main.py"], "exec python main.py"],
        description="The command that polls, as a list or as text for the shell. "
        "A shell keeps SIGTERM to itself unless the text starts with `exec`. "
        "Default: the image's own.",
    )
    context: Context = None
    dockerfile: Dockerfile = None


class SecretReference(Closed):
    """Exactly one of a secret in Secret Manager and a key of encrypted Pulumi configuration."""

    authority = "Secret Manager"

    secret: SecretId | None = Field(
        None,
        examples=["smtp-password"],
        description="The id of an existing secret of the project.",
    )
    version: SecretVersion = Field(
        "latest",
        examples=["3"],
        description="The version of `secret`. Changing a pinned version redeploys the handler.",
    )
    config: Filled | None = Field(
        None,
        examples=["smtpPassword"],
        description="Instead of `secret`: the key of an encrypted value in Pulumi configuration.",
    )


Secret = Annotated[
    SecretReference,
    BeforeValidator(
        lambda value: {"secret": value} if isinstance(value, str) else value,
        json_schema_input_type=SecretId | SecretReference,
    ),
]


class Instances(Closed):
    """The number of instances of a handler."""

    authority = "Cloud Run"

    min: int = Field(
        0,
        ge=0,
        le=1000,
        examples=[1],
        description="Instances kept running. A worker keeps at least 1, which is its default.",
    )
    max: int = Field(
        100,
        ge=1,
        le=1000,
        examples=[50],
        description="The maximum number of instances. A worker scales by CPU up to it; by "
        "default, its number stays at `min`.",
    )


class VpcAccess(Closed):
    """Direct VPC egress: the network for a handler's outgoing requests."""

    authority = "Cloud Run"

    network: Filled | None = Field(
        None,
        examples=["default"],
        description="The network. Default: the network of `subnetwork`.",
    )
    subnetwork: Filled | None = Field(
        None,
        examples=["workers"],
        description="The subnetwork. Default: the network's own.",
    )
    tags: Annotated[tuple[Filled, ...], Field(strict=False)] = Field(
        (), examples=[["worker"]], description="Network tags of the handler's instances."
    )
    egress: Literal["private-ranges-only", "all-traffic"] = Field(
        "private-ranges-only",
        examples=["all-traffic"],
        description="The requests that use the network.",
    )


class LocalOverride(Closed):
    """How a handler runs on this machine, if that must differ or cannot be derived."""

    command: Command = Field(
        (),
        examples=["flask run --port $PORT"],
        description="The command that serves on `$PORT`, run in the handler's folder, "
        "as text for the shell or as a list.",
    )
    url: Url | None = Field(
        None,
        examples=["http://127.0.0.1:8080"],
        description="Instead of `command`: the URL of a server that you start yourself.",
    )
    env: dict[Variable, VariableValue] = Field(
        {},
        examples=[{"OUTBOX": "../../out/mail"}],
        description="Environment variables on this machine only; they override `env` and "
        "`secrets`.",
    )


class HandlerSpec(Closed):
    """The code that handles tasks.

    Exactly one of `function`, `service`, `worker`, `app_engine` and `url`.
    """

    authority = "Cloud Run"

    function: FunctionSource | None = Field(
        None,
        examples=[{"source": "handlers/mailer", "entry_point": "handle", "runtime": "python312"}],
        description="A Cloud Run function.",
    )
    service: ServiceSource | None = Field(
        None, examples=[{"source": "handlers/thumbnails"}], description="A Cloud Run service."
    )
    worker: WorkerSource | None = Field(
        None,
        examples=[{"source": "handlers/reporter", "command": ["python", "main.py"]}],
        description="A Cloud Run worker pool, which polls pull queues.",
    )
    app_engine: AppEngineTarget | None = Field(
        None,
        examples=[{"service": "my-service", "version": "v2"}],
        description="An App Engine service.",
    )
    url: Url | None = Field(
        None, examples=["https://partner.example/hooks"], description="An external endpoint."
    )

    audience: Filled | None = Field(
        None,
        examples=["https://partner.example"],
        description="For `url`: the audience of an OIDC token of the handler's invoker. "
        "Without it, no token is sent.",
    )
    headers: dict[HeaderName, HeaderValue] = Field(
        {},
        examples=[{"X-Api-Version": "2"}],
        description="For `url`: headers that are added to every task.",
    )
    include: Include = Field(
        (),
        examples=[["shared_lib"]],
        description="Folders and files of the project that are deployed beside the code, each "
        "under its own name, so that `import shared_lib` works. "
        "See [sharing code](../guides/shared-code.md).",
    )
    env: dict[Variable, VariableValue] = Field(
        {}, examples=[{"SMTP_HOST": "smtp.internal"}], description="Environment variables."
    )
    secrets: dict[Variable, Secret] = Field(
        {},
        examples=[{"SMTP_PASSWORD": "smtp-password"}],
        description="Environment variables with secret values: the id of a secret in Secret "
        'Manager, `{secret: id, version: "3"}`, or `{config: key}` for encrypted Pulumi '
        "configuration.",
    )
    memory: Memory | None = Field(
        None,
        examples=["512Mi", "1Gi"],
        description="Memory of an instance. Default: `512Mi` for a service or a worker, which "
        "needs that much, and `256Mi` for a function.",
    )
    cpu: Cpu | None = Field(
        None,
        ge=0.08,
        le=LARGEST_CPU,
        examples=[2, 0.5],
        description="CPUs of an instance: up to 1, or 2, 4, 6 or 8. "
        "Default: 1 for a service or a worker, by memory for a function.",
    )
    timeout: Timeout | None = Field(
        None,
        examples=["10m"],
        description="The maximum duration of a request. "
        "Default: `5m` for a service, `1m` for a function.",
    )
    concurrency: int | None = Field(
        None,
        ge=1,
        le=1000,
        examples=[4],
        description="Requests that an instance serves at once. Default: 80 for a service, 1 for a "
        "function.",
    )
    instances: Instances = Field(
        Instances(),
        examples=[{"min": 1, "max": 50}],
        description="The number of instances.",
    )
    ingress: Literal["all", "internal", "internal-and-cloud-load-balancing"] = Field(
        "all",
        examples=["internal"],
        description="The networks that may call the handler; IAM is always checked too.",
    )
    vpc: VpcAccess | None = Field(
        None,
        examples=[{"network": "default", "subnetwork": "workers"}],
        description="Direct VPC egress.",
    )
    renamed_from: HandlerKeys = Field(
        (),
        examples=["postman", ["postman", "sender"]],
        description="The handler's former key, or all its former keys, oldest first. "
        "On Google Cloud the handler keeps its name, so keep this as long as the handler exists.",
    )
    local: LocalOverride = Field(
        LocalOverride(),
        examples=[{"command": "flask run --port $PORT"}],
        description="Settings for this machine only.",
    )


KINDS = ("function", "service", "worker", "app_engine", "url")
SOURCE_KINDS = ("function", "service", "worker", "app_engine")
"""The kinds that may have a `source`, the folder of their code."""

_INSTANCE = (
    "include",
    "env",
    "secrets",
    "memory",
    "cpu",
    "timeout",
    "concurrency",
    "instances",
    "ingress",
)
SETTINGS_BY_KIND: dict[str, frozenset[str]] = {
    "function": frozenset((*_INSTANCE, "vpc", "renamed_from", "local")),
    "service": frozenset((*_INSTANCE, "vpc", "renamed_from", "local")),
    "worker": frozenset(
        ("include", "env", "secrets", "memory", "cpu", "instances", "vpc", "renamed_from", "local")
    ),
    "app_engine": frozenset(("include", "env", "instances", "renamed_from", "local")),
    "url": frozenset(("audience", "headers", "renamed_from", "local")),
}
"""The settings of each kind of handler."""
