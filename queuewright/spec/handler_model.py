"""What a file may say of a handler: its kinds, settings, ranges and defaults."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

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
    Memory,
    Runtime,
    SecretId,
    SecretVersion,
    Timeout,
    Url,
    Variable,
    VariableValue,
)


class FunctionSource(Closed):
    """A Cloud Run function (2nd gen): a folder, and the function in it that is called."""

    authority = "Cloud Run functions"

    source: Folder = Field(
        examples=["handlers/mailer"],
        description="The folder of the code, from the project's own folder.",
    )
    entry_point: EntryPoint = Field(examples=["handle"], description="The function that is called.")
    runtime: Runtime = Field(
        examples=["python312"], description="Google's name of the language and its version."
    )


class ServiceSource(Closed):
    """A Cloud Run service: exactly one of a folder, as `source`, and an `image`."""

    authority = "Cloud Run"

    source: Folder | None = Field(
        None,
        examples=["handlers/thumbnails"],
        description="The folder of the code. With a Dockerfile an image is built from it; "
        "without one it is deployed as it is, and `runtime` and `command` say how it runs.",
    )
    image: Image | None = Field(
        None,
        examples=["europe-docker.pkg.dev/acme-prod/app/thumbnails:1.2"],
        description="A ready image, instead of `source`.",
    )
    runtime: Runtime | None = Field(
        None,
        examples=["python312"],
        description="For a folder without a Dockerfile: Google's name of the language.",
    )
    command: Command = Field(
        (),
        examples=["gunicorn --bind :$PORT main:app", ["node", "server.js"]],
        description="For a folder without a Dockerfile: the command that serves on `$PORT`, "
        "a text for the shell or a list.",
    )


class AppEngineTarget(Closed):
    """A service of the project's App Engine app; with `source` it is deployed too.

    The app must be in the region of the queues: https://cloud.google.com/tasks/docs/dual-overview.
    """

    authority = "App Engine"

    service: AppEngineId = Field(
        "default", examples=["my-service"], description="The service that tasks go to."
    )
    version: AppEngineId | None = Field(
        None, examples=["v2"], description="Its version. Left out: the one that serves."
    )
    instance: Filled | None = Field(
        None, examples=["0"], description="One instance of it, by manual scaling only."
    )
    source: Folder | None = Field(
        None,
        examples=["handlers/ledger"],
        description="The folder of the code, to deploy it as well; needs `runtime`.",
    )
    runtime: Runtime | None = Field(
        None,
        examples=["python312"],
        description="With `source`: the language and its version.",
    )
    entrypoint: Filled | None = Field(
        None,
        examples=["gunicorn --bind :$PORT main:app"],
        description="With `source`: the command that serves.",
    )


class SecretReference(Closed):
    """Exactly one of a secret of Secret Manager and a key of encrypted Pulumi configuration."""

    authority = "Secret Manager"

    secret: SecretId | None = Field(
        None,
        examples=["smtp-password"],
        description="The id of a secret that exists in the project.",
    )
    version: SecretVersion = Field(
        "latest",
        examples=["3"],
        description="The version of `secret`; a pinned one redeploys on change.",
    )
    config: Filled | None = Field(
        None,
        examples=["smtpPassword"],
        description="Instead of `secret`: the key of an encrypted Pulumi config value.",
    )


Secret = Annotated[
    SecretReference,
    BeforeValidator(
        lambda value: {"secret": value} if isinstance(value, str) else value,
        json_schema_input_type=SecretId | SecretReference,
    ),
]


class Instances(Closed):
    """How many instances a handler may have."""

    authority = "Cloud Run"

    min: int = Field(0, ge=0, le=1000, examples=[1], description="Instances kept warm.")
    max: int = Field(100, ge=1, le=1000, examples=[50], description="Instances at most.")


class VpcAccess(Closed):
    """Direct VPC egress: the network that a handler's own requests leave by."""

    authority = "Cloud Run"

    network: Filled | None = Field(
        None, examples=["default"], description="The network; left out: that of `subnetwork`."
    )
    subnetwork: Filled | None = Field(
        None, examples=["workers"], description="The subnetwork; left out: the network's own."
    )
    tags: Annotated[tuple[Filled, ...], Field(strict=False)] = Field(
        (), examples=[["worker"]], description="Network tags of the handler's instances."
    )
    egress: Literal["private-ranges-only", "all-traffic"] = Field(
        "private-ranges-only",
        examples=["all-traffic"],
        description="Which requests leave by the network.",
    )


class LocalOverride(Closed):
    """How a handler runs on this machine, where that cannot be derived or must differ."""

    command: Command = Field(
        (),
        examples=["flask run --port $PORT"],
        description="The command that serves on `$PORT`, run in the handler's folder: "
        "a text for the shell, or a list.",
    )
    url: Url | None = Field(
        None,
        examples=["http://127.0.0.1:8080"],
        description="Something that runs already, instead of `command`; nothing is started.",
    )
    env: dict[Variable, VariableValue] = Field(
        {},
        examples=[{"OUTBOX": "../../out/mail"}],
        description="Variables that replace or add to `env` and `secrets` on this machine only.",
    )


class HandlerSpec(Closed):
    """The code that handles tasks: exactly one of `function`, `service`, `app_engine` and `url`."""

    authority = "Cloud Run"

    function: FunctionSource | None = Field(
        None,
        examples=[{"source": "handlers/mailer", "entry_point": "handle", "runtime": "python312"}],
        description="A Cloud Run function.",
    )
    service: ServiceSource | None = Field(
        None, examples=[{"source": "handlers/thumbnails"}], description="A Cloud Run service."
    )
    app_engine: AppEngineTarget | None = Field(
        None,
        examples=[{"service": "my-service", "version": "v2"}],
        description="An App Engine service.",
    )
    url: Url | None = Field(
        None, examples=["https://partner.example/hooks"], description="Somebody else's endpoint."
    )

    audience: Filled | None = Field(
        None,
        examples=["https://partner.example"],
        description="For `url`: send an OIDC token of the handler's invoker for this audience.",
    )
    headers: dict[HeaderName, HeaderValue] = Field(
        {},
        examples=[{"X-Api-Version": "2"}],
        description="For `url`: headers that every task carries.",
    )
    env: dict[Variable, VariableValue] = Field(
        {}, examples=[{"SMTP_HOST": "smtp.internal"}], description="Environment variables."
    )
    secrets: dict[Variable, Secret] = Field(
        {},
        examples=[{"SMTP_PASSWORD": "smtp-password"}],
        description="Environment variables from Secret Manager: a secret's id, "
        '`{secret: id, version: "3"}`, or `{config: key}` from encrypted Pulumi configuration.',
    )
    memory: Memory | None = Field(
        None,
        examples=["512Mi", "1Gi"],
        description="Memory of an instance. Left out: `512Mi`, for a function `256Mi`.",
    )
    cpu: Cpu | None = Field(
        None,
        ge=0.08,
        le=LARGEST_CPU,
        examples=[2, 0.5],
        description="CPUs of an instance: up to 1, or 2, 4, 6 or 8. "
        "Left out: 1 for a service, by memory for a function.",
    )
    timeout: Timeout | None = Field(
        None,
        examples=["10m"],
        description="The longest that a request may take. "
        "Left out: `5m` for a service, `1m` for a function.",
    )
    concurrency: int | None = Field(
        None,
        ge=1,
        le=1000,
        examples=[4],
        description="Requests an instance serves at once. Left out: 80, for a function 1.",
    )
    instances: Instances = Field(
        Instances(),
        examples=[{"min": 1, "max": 50}],
        description="How many instances there may be.",
    )
    ingress: Literal["all", "internal", "internal-and-cloud-load-balancing"] = Field(
        "all",
        examples=["internal"],
        description="Which networks may call; IAM is asked in any case.",
    )
    vpc: VpcAccess | None = Field(
        None,
        examples=[{"network": "default", "subnetwork": "workers"}],
        description="Direct VPC egress.",
    )
    renamed_from: HandlerKeys = Field(
        (),
        examples=["postman", ["postman", "sender"]],
        description="The key that the handler had before, or all that it had, the first one first. "
        "On Google Cloud it keeps its name, and so this stays for as long as the handler.",
    )
    local: LocalOverride = Field(
        LocalOverride(),
        examples=[{"command": "flask run --port $PORT"}],
        description="What differs on this machine.",
    )


KINDS = ("function", "service", "app_engine", "url")

_INSTANCE = ("env", "secrets", "memory", "cpu", "timeout", "concurrency", "instances", "ingress")
SETTINGS_BY_KIND: dict[str, frozenset[str]] = {
    "function": frozenset((*_INSTANCE, "vpc", "renamed_from", "local")),
    "service": frozenset((*_INSTANCE, "vpc", "renamed_from", "local")),
    "app_engine": frozenset(("env", "instances", "renamed_from", "local")),
    "url": frozenset(("audience", "headers", "renamed_from", "local")),
}
"""The settings that a handler of each kind has."""
