"""What a spec file may say: the grammar, its ranges and its defaults.

The words here are the reference: the JSON schema, the reference page and every
range named in an error are generated from these classes.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    WithJsonSchema,
)

from queuewright.spec.values import (
    Duration,
    Size,
    shown,
    size,
    written_duration,
    written_size,
    wrong,
)

# Names. Sources: a queue id, google/cloud/tasks/v2/queue.proto (`Queue.name`); a Cloud Run
# service, https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services/create
# (`serviceId`: 49 characters at most); a label, https://cloud.google.com/resource-manager/docs/labels-overview;
# a project id, https://cloud.google.com/resource-manager/docs/creating-managing-projects.
QUEUE_ID = r"^[A-Za-z0-9-]{1,100}$"
HANDLER_NAME = r"^[a-z]([a-z0-9-]{0,47}[a-z0-9])?$"
PREFIX = r"^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$"
PROJECT_ID = r"^([a-z0-9.-]+\.[a-z]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$"
LOCATION_ID = r"^[a-z]+(-[a-z]+)+[0-9]+$"
LABEL_KEY = r"^[a-z][a-z0-9_-]{0,62}$"
LABEL_VALUE = r"^[a-z0-9_-]{0,63}$"
VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
MEMBER = r"^(serviceAccount|user|group|domain|principal|principalSet):\S+$"
# Set by Cloud Run and the Functions Framework themselves:
# https://cloud.google.com/run/docs/container-contract#env-vars.
RESERVED_VARIABLES = frozenset(
    {
        "PORT",
        "K_SERVICE",
        "K_REVISION",
        "K_CONFIGURATION",
        "FUNCTION_TARGET",
        "FUNCTION_SIGNATURE_TYPE",
        "GOOGLE_CLOUD_PROJECT",
        "CLOUD_TASKS_EMULATOR_HOST",
    }
)


def _matching(pattern: str, what: str, example: str) -> tuple[object, ...]:
    """Metadata that holds a text to `pattern`, and says `what` was expected."""

    def check(value: object) -> object:
        if not isinstance(value, str):
            quoted = f'"{str(value).lower() if isinstance(value, bool) else value}"'
            scalar = value is not None and not isinstance(value, dict | list)
            hint = f"write it in quotes: `{quoted}`" if scalar else None
            raise wrong(f"expected text, found {shown(value)}", hint)
        if not re.fullmatch(pattern, value):
            raise wrong(f"{shown(value)} is not {what}", f"such as `{example}`")
        return value

    return (
        BeforeValidator(check),
        WithJsonSchema({"type": "string", "pattern": pattern, "examples": [example]}),
    )


def _text(value: object) -> object:
    if isinstance(value, bool | int | float):
        quoted = str(value).lower() if isinstance(value, bool) else value
        raise wrong(f"expected text, found {shown(value)}", f'write it in quotes: `"{quoted}"`')
    return value


def _variable(name: object) -> object:
    if not isinstance(name, str) or not re.fullmatch(VARIABLE, name):
        raise wrong(
            f"{shown(name)} cannot be the name of a variable",
            "letters, digits and _, and no digit first, as in `SMTP_HOST`",
        )
    if name in RESERVED_VARIABLES or name.startswith("X_GOOGLE_"):
        raise wrong(f"`{name}` is set by the platform", f"choose another name, as in `MY_{name}`")
    return name


def _nonzero(value: object) -> object:
    """Refuse a zero that cannot be said to Google: it and `not set` are one on the wire."""
    if value in (0, timedelta()) and not isinstance(value, bool):
        least = "1ms" if isinstance(value, timedelta) else "1"
        raise wrong(
            "0 cannot be told from `not set` by Cloud Tasks",
            f"leave it out, or give `{least}` or more",
        )
    return value


def _memory(value: int) -> int:
    # https://cloud.google.com/run/docs/configuring/services/memory-limits
    if not size("128Mi") <= value <= size("32Gi"):
        raise wrong(
            f"`{written_size(value)}` is out of range",
            "Cloud Run allows at least `128Mi` and at most `32Gi`",
        )
    return value


def _timeout(value: timedelta) -> timedelta:
    # https://cloud.google.com/run/docs/configuring/request-timeout
    if not timedelta(seconds=1) <= value <= timedelta(hours=1):
        raise wrong(
            f"`{written_duration(value)}` is out of range",
            "Cloud Run allows at least `1s` and at most `1h`",
        )
    return value


ProjectId = Annotated[str, *_matching(PROJECT_ID, "a Google Cloud project id", "acme-prod")]
LocationId = Annotated[str, *_matching(LOCATION_ID, "a Google Cloud region", "europe-west1")]
Prefix = Annotated[str, *_matching(PREFIX, "a prefix of 1 to 20 of a-z, 0-9 and -", "feature-7")]
LabelKey = Annotated[str, *_matching(LABEL_KEY, "a label's key", "team")]
LabelValue = Annotated[
    str, *_matching(LABEL_VALUE, "a label's value (a-z, 0-9, _ and -)", "growth")
]
Path = Annotated[str, *_matching(r"^/\S*$", "a path that starts with `/`", "/send")]
Url = Annotated[
    str,
    *_matching(r"^https?://[^\s/]+\S*$", "an http or https URL", "https://partner.example/hooks"),
]
Runtime = Annotated[str, *_matching(r"^[a-z]+[0-9]+$", "a Google runtime", "python312")]
EntryPoint = Annotated[str, *_matching(r"^[A-Za-z_][\w.]*$", "a function's name", "handle")]
Text = Annotated[str, BeforeValidator(_text)]
Variable = Annotated[
    str, BeforeValidator(_variable), WithJsonSchema({"type": "string", "pattern": VARIABLE})
]
Command = Annotated[
    tuple[Text, ...],
    BeforeValidator(lambda value: ("/bin/sh", "-c", value) if isinstance(value, str) else value),
    Field(strict=False),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
SecretId = Annotated[str, *_matching(r"^[A-Za-z0-9_-]{1,255}$", "a secret's id", "smtp-password")]
SecretVersion = Annotated[
    str, *_matching(r"^(latest|[0-9]+)$", "a version's number in quotes, or `latest`", "3")
]


class Closed(BaseModel):
    """A map with exactly these keys; anything else is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    authority: ClassVar[str] = "queuewright"
    """Whose limits the ranges of this class are."""


class RateLimits(Closed):
    """How fast a queue dispatches."""

    authority = "Cloud Tasks"

    max_dispatches_per_second: Annotated[float, BeforeValidator(_nonzero)] = Field(
        500.0,
        gt=0,
        le=500,
        description="Attempts started per second, first ones and retries alike.",
    )
    max_concurrent_dispatches: Annotated[int, BeforeValidator(_nonzero)] = Field(
        1000, ge=1, le=5000, description="Attempts that may be under way at once."
    )


class RetryConfig(Closed):
    """When a failed task is tried again, and when it is given up.

    A task is dropped when *both* `max_attempts` and `max_retry_duration` are reached.
    """

    authority = "Cloud Tasks"

    max_attempts: Annotated[int, BeforeValidator(_nonzero)] = Field(
        100, ge=-1, le=2**31 - 1, description="Attempts in all, the first included; -1 is no limit."
    )
    max_retry_duration: Duration = Field(
        timedelta(), description="Time since the first attempt; `0s` is no limit."
    )
    min_backoff: Annotated[Duration, AfterValidator(_nonzero)] = Field(
        timedelta(milliseconds=100), description="The wait after the first failure."
    )
    max_backoff: Annotated[Duration, AfterValidator(_nonzero)] = Field(
        timedelta(hours=1), description="The longest wait between attempts."
    )
    max_doublings: Annotated[int, BeforeValidator(_nonzero)] = Field(
        16,
        ge=1,
        le=2**31 - 1,
        description="How often the wait doubles; from then on it grows by a constant step.",
    )


class LoggingConfig(Closed):
    """Which operations of a queue are written to Cloud Logging."""

    authority = "Cloud Tasks"

    sampling_ratio: float = Field(
        examples=[0.1],
        ge=0,
        le=1,
        description="The share of operations that is logged; 0 is none, 1 is all.",
    )


class QueueSpec(Closed):
    """A push queue, the handler of its tasks, and who may add to it."""

    authority = "Cloud Tasks"

    handler: Text = Field(examples=["mailer"], description="The name of a handler in this file.")
    path: Path | None = Field(
        None,
        description="Where in the handler tasks arrive. Left out: at the path of a task's own URL.",
    )
    rate_limits: RateLimits = Field(RateLimits(), description="How fast the queue dispatches.")
    retry_config: RetryConfig = Field(
        RetryConfig(), description="When a failed task is tried again."
    )
    stackdriver_logging_config: LoggingConfig = Field(
        LoggingConfig(sampling_ratio=0.0), description="Which operations are logged."
    )
    enqueuers: Annotated[tuple[Text, ...], Field(strict=False)] = Field(
        (),
        description="Who may add tasks: handlers of this file, and IAM members such as "
        "`serviceAccount:…`, `user:…` or `group:…`.",
    )
    example: JsonValue = Field(
        None,
        description="A payload that `queuewright enqueue --example` sends. Replaced as a whole.",
    )
    protect: bool = Field(
        True,
        description="Refuse an update that would delete or replace the queue: "
        "the name of a deleted queue is blocked for days.",
    )
    desired_state: Literal["RUNNING", "PAUSED"] = Field(
        "RUNNING", description="A paused queue accepts tasks and dispatches none."
    )


class FunctionSource(Closed):
    """A Cloud Run function (2nd gen): a folder, and the function in it that is called."""

    authority = "Cloud Run functions"

    source: Text = Field(
        examples=["handlers/mailer"],
        description="The folder of the code, from the project's own folder.",
    )
    entry_point: EntryPoint = Field(examples=["handle"], description="The function that is called.")
    runtime: Runtime = Field(
        examples=["python312"], description="Google's name of the language and its version."
    )


class ServiceSource(Closed):
    """A Cloud Run service: an image, or a folder to build one from."""

    authority = "Cloud Run"

    source: Text | None = Field(
        None,
        description="The folder of the code. With a Dockerfile an image is built from it; "
        "without one it is deployed as it is, and `runtime` and `command` say how it runs.",
    )
    image: Text | None = Field(None, description="A ready image, instead of `source`.")
    runtime: Runtime | None = Field(
        None, description="For a folder without a Dockerfile: Google's name of the language."
    )
    command: Command = Field(
        (), description="For a folder without a Dockerfile: the command that serves on `$PORT`."
    )


class AppEngineTarget(Closed):
    """A service of the project's App Engine app; with `source` it is deployed too."""

    authority = "App Engine"

    service: Text = Field("default", description="The service that tasks go to.")
    version: Text | None = Field(None, description="Its version. Left out: the one that serves.")
    instance: Text | None = Field(None, description="One instance of it, by manual scaling only.")
    source: Text | None = Field(None, description="The folder of the code, to deploy it as well.")
    runtime: Runtime | None = Field(
        None, description="With `source`: the language and its version."
    )
    entrypoint: Text | None = Field(None, description="With `source`: the command that serves.")


class SecretReference(Closed):
    """A value from Secret Manager, or from the stack's encrypted Pulumi configuration."""

    authority = "Secret Manager"

    secret: SecretId | None = Field(
        None, description="The id of a secret that exists in the project."
    )
    version: SecretVersion = Field(
        "latest", description="Its version; a pinned one redeploys on change."
    )
    config: Text | None = Field(
        None, description="Instead of `secret`: the key of an encrypted Pulumi config value."
    )


Secret = Annotated[
    SecretReference,
    BeforeValidator(lambda value: {"secret": value} if isinstance(value, str) else value),
]


class Instances(Closed):
    """How many instances a handler may have."""

    authority = "Cloud Run"

    min: int = Field(0, ge=0, le=1000, description="Instances kept warm.")
    max: int = Field(100, ge=1, le=1000, description="Instances at most.")


class VpcAccess(Closed):
    """Direct VPC egress: the network that a handler's own requests leave by."""

    authority = "Cloud Run"

    network: Text | None = Field(None, description="The network; left out: that of `subnetwork`.")
    subnetwork: Text | None = Field(
        None, description="The subnetwork; left out: the network's own."
    )
    tags: Annotated[tuple[Text, ...], Field(strict=False)] = Field(
        (), description="Network tags of the handler's instances."
    )
    egress: Literal["private-ranges-only", "all-traffic"] = Field(
        "private-ranges-only", description="Which requests leave by the network."
    )


class LocalOverride(Closed):
    """How a handler runs on this machine, where that cannot be derived or must differ."""

    command: Command = Field(
        (),
        description="The command that serves on `$PORT`, run in the handler's folder: "
        "a text for the shell, or a list.",
    )
    url: Url | None = Field(None, description="Something that runs already; nothing is started.")
    env: dict[Variable, Text] = Field(
        {}, description="Variables that replace or add to `env` and `secrets` on this machine only."
    )


class HandlerSpec(Closed):
    """The code that handles tasks: exactly one of `function`, `service`, `app_engine` and `url`."""

    authority = "Cloud Run"

    function: FunctionSource | None = Field(None, description="A Cloud Run function.")
    service: ServiceSource | None = Field(None, description="A Cloud Run service.")
    app_engine: AppEngineTarget | None = Field(None, description="An App Engine service.")
    url: Url | None = Field(None, description="Somebody else's endpoint.")

    audience: Text | None = Field(
        None, description="For `url`: send an OIDC token of the queue's invoker for this audience."
    )
    headers: dict[Text, Text] = Field({}, description="For `url`: headers that every task carries.")
    env: dict[Variable, Text] = Field({}, description="Environment variables.")
    secrets: dict[Variable, Secret] = Field(
        {},
        description="Environment variables from Secret Manager: a secret's id, "
        '`{secret: id, version: "3"}`, or `{config: key}` from encrypted Pulumi configuration.',
    )
    memory: Annotated[Size, AfterValidator(_memory)] | None = Field(
        None,
        description="Memory of an instance. Left out: `512Mi`, for a function `256Mi`.",
    )
    cpu: float | None = Field(
        None,
        ge=0.08,
        le=8,
        description="CPUs of an instance. Left out: 1 for a service, by memory for a function.",
    )
    timeout: Annotated[Duration, AfterValidator(_timeout)] | None = Field(
        None,
        description="The longest that a request may take, up to `1h`. "
        "Left out: `5m` for a service, `1m` for a function.",
    )
    concurrency: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="Requests an instance serves at once. Left out: 80, for a function 1.",
    )
    instances: Instances = Field(Instances(), description="How many instances there may be.")
    ingress: Literal["all", "internal", "internal-and-cloud-load-balancing"] = Field(
        "all", description="Which networks may call; IAM is asked in any case."
    )
    vpc: VpcAccess | None = Field(None, description="Direct VPC egress.")
    local: LocalOverride = Field(LocalOverride(), description="What differs on this machine.")


class SpecFile(Closed):
    """One file of `stacks/`: one environment, or what several share."""

    authority = "Google Cloud"

    extends: Text | None = Field(
        None,
        description="A file beside this one that it builds on. Maps merge key by key, a list or a "
        "scalar replaces, `null` removes.",
    )
    project: ProjectId = Field(examples=["acme-dev"], description="The Google Cloud project.")
    location: LocationId = Field(
        examples=["europe-west1"], description="The region of queues and handlers."
    )
    prefix: Prefix | None = Field(
        None, description="Put before every name, so that two stacks can share a project."
    )
    labels: dict[LabelKey, LabelValue] = Field(
        {}, description="Labels on everything that takes them."
    )
    handler_defaults: dict[str, JsonValue] = Field(
        {},
        description="Settings of every handler that has them and does not say otherwise.",
    )
    queue_defaults: dict[str, JsonValue] = Field(
        {}, description="Settings of every queue that does not say otherwise."
    )
    handlers: dict[str, HandlerSpec] = Field(
        {}, description="The code that handles tasks, by name."
    )
    queues: dict[str, QueueSpec] = Field({}, description="The queues, by id.")


RUNTIME_SETTINGS = (
    "env",
    "secrets",
    "memory",
    "cpu",
    "timeout",
    "concurrency",
    "instances",
    "ingress",
    "vpc",
)
SETTINGS_BY_KIND: dict[str, frozenset[str]] = {
    "function": frozenset((*RUNTIME_SETTINGS, "local")),
    "service": frozenset((*RUNTIME_SETTINGS, "local")),
    "app_engine": frozenset(("env", "instances", "local")),
    "url": frozenset(("audience", "headers", "local")),
}
