"""What follows from a spec, as plain data that both targets are built from.

Nothing here is optional where Google has a default: each default is written
out, because a field that is left out of an update keeps its old value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from urllib.parse import urlsplit

from queuewright.errors import Location
from queuewright.spec import Instances, RateLimits, RetryConfig, VpcAccess


@dataclass(frozen=True)
class Reason:
    """Why something is in the blueprint: in words, and the line of YAML it comes from."""

    text: str
    path: str
    """As people write it: `queues.emails.enqueuers[0]`."""
    location: Location

    def __str__(self) -> str:
        return f"{self.text} ({self.location})"


@dataclass(frozen=True)
class AccountPlan:
    """A service account that the stack owns."""

    key: str
    """Unique among the accounts of the blueprint; stable, so it names the Pulumi resource too."""
    account_id: str
    """6–30 characters: https://cloud.google.com/iam/docs/service-accounts-create."""
    email: str
    display_name: str
    reason: Reason

    @property
    def member(self) -> str:
        """The account as IAM writes it."""
        return f"serviceAccount:{self.email}"


Kind = Literal["project", "queue", "handler", "secret", "account", "bucket", "repository"]


@dataclass(frozen=True)
class Grant:
    """One role for one principal on one resource."""

    role: str
    member: str
    """As IAM writes it: `serviceAccount:…`, `user:…`, `group:…`."""
    account: str | None
    """The key of the `AccountPlan`, where the member is an account of the stack."""
    kind: Kind
    resource: str
    """The key of the queue or handler, the secret's id, the account's key; the project's id."""
    reason: Reason
    condition: str | None = None
    """A CEL expression that narrows the grant; None is none."""


@dataclass(frozen=True)
class SecretPlan:
    """Where the value of one secret variable comes from: Secret Manager, or Pulumi config.

    `config` set: the stack makes the secret `secret` and its version from that key.
    """

    secret: str
    version: str
    config: str | None


@dataclass(frozen=True)
class RuntimePlan:
    """How an instance of a handler runs: the settings that functions and services share."""

    account: str
    """The key of its `AccountPlan`."""
    environment: Mapping[str, str]
    """`env` of the spec, and a `QUEUE_…` with the full name of each queue that it may add to."""
    secrets: Mapping[str, SecretPlan]
    memory: int
    """Bytes."""
    cpu: float
    timeout: timedelta
    concurrency: int
    instances: Instances
    ingress: Literal["all", "internal", "internal-and-cloud-load-balancing"]
    vpc: VpcAccess | None


@dataclass(frozen=True)
class FunctionPlan:
    """A Cloud Run function of the 2nd generation."""

    source: str
    """A folder, relative to the project's own."""
    entry_point: str
    runtime_name: str
    """Google's name of the language: `python312`."""
    runtime: RuntimePlan


@dataclass(frozen=True)
class ServicePlan:
    """A Cloud Run service; exactly one of `source` and `image`."""

    source: str | None
    image: str | None
    runtime_name: str | None
    """With `command`: for a folder without a Dockerfile."""
    command: tuple[str, ...]
    runtime: RuntimePlan


@dataclass(frozen=True)
class AppEnginePlan:
    """A service of the project's App Engine app; with `source` the stack deploys a version."""

    service: str
    version: str | None
    instance: str | None
    source: str | None
    runtime_name: str | None
    entrypoint: str | None
    environment: Mapping[str, str]
    instances: Instances
    account: str | None
    """The key of the `AccountPlan` that a deployed version runs as."""


@dataclass(frozen=True)
class UrlPlan:
    """Somebody else's endpoint."""

    url: str
    audience: str | None
    headers: Mapping[str, str]


@dataclass(frozen=True)
class LocalPlan:
    """What differs on this machine."""

    command: tuple[str, ...]
    url: str | None
    environment: Mapping[str, str]


@dataclass(frozen=True)
class HandlerPlan:
    """The code that handles tasks, whatever its kind."""

    key: str
    name: str
    """Its name on Google Cloud, the prefix included."""
    renamed_from: tuple[str, ...]
    """The keys that it had before, the first one first: its `name` is derived from that."""
    target: FunctionPlan | ServicePlan | AppEnginePlan | UrlPlan
    local: LocalPlan
    reason: Reason

    @property
    def source(self) -> str | None:
        """The folder of its code, if the code is ours."""
        return None if isinstance(self.target, UrlPlan) else self.target.source

    @property
    def account(self) -> str | None:
        """The key of the account that it runs as, if the stack gives it one."""
        if isinstance(self.target, FunctionPlan | ServicePlan):
            return self.target.runtime.account
        return self.target.account if isinstance(self.target, AppEnginePlan) else None


@dataclass(frozen=True)
class HandlerRoute:
    """Tasks go to a handler of the stack, at `path` if there is one, with the invoker's token.

    Scheme and host are those of the handler's URL, which only the target knows; the
    token's audience is its root URL. Always enforced, whatever a task's own URL says.
    """

    handler: str
    path: str | None


@dataclass(frozen=True)
class UrlRoute:
    """Tasks go to an endpoint that is not ours. Always enforced."""

    scheme: Literal["HTTP", "HTTPS"]
    host: str
    port: int | None
    path: str | None
    query: str | None
    audience: str | None
    """With an audience, the invoker's token is sent."""
    headers: Mapping[str, str]

    @classmethod
    def of(
        cls,
        url: str,
        *,
        path: str | None = None,
        audience: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> UrlRoute:
        """The route to a URL; `path` goes below the URL's own.

        >>> UrlRoute.of("https://partner.example/hooks", path="/orders").path
        '/hooks/orders'
        """
        parts = urlsplit(url)
        own = "" if parts.path == "/" else parts.path
        joined = own.rstrip("/") + path if path else own
        return cls(
            scheme="HTTPS" if parts.scheme == "https" else "HTTP",
            host=parts.hostname or "",
            port=parts.port,
            path=joined or None,
            query=parts.query or None,
            audience=audience,
            headers=headers or {},
        )


@dataclass(frozen=True)
class AppEngineRoute:
    """Tasks go to an App Engine service; the path is each task's own."""

    service: str
    version: str | None = None
    instance: str | None = None


@dataclass(frozen=True)
class QueuePlan:
    """A push queue, with every default written out."""

    key: str
    queue_id: str
    name: str
    """In full: `projects/P/locations/L/queues/Q`."""
    renamed_from: tuple[str, ...]
    """The keys that it had before, the first one first: its `queue_id` is derived from that."""
    handler: str
    path: str | None
    rate_limits: RateLimits
    retry_config: RetryConfig
    sampling_ratio: float
    desired_state: Literal["RUNNING", "PAUSED"]
    protect: bool
    route: HandlerRoute | UrlRoute | AppEngineRoute
    invoker: str | None
    """The key of the account whose token its tasks carry, if they carry one."""
    variable: str
    """The variable that tells an enqueuing handler the queue's full name: `QUEUE_EMAILS`."""
    example: object
    reason: Reason


@dataclass(frozen=True)
class Blueprint:
    """Everything that one environment consists of."""

    environment: str
    project: str
    location: str
    prefix: str | None
    labels: Mapping[str, str]
    handlers: Mapping[str, HandlerPlan]
    queues: Mapping[str, QueuePlan]
    accounts: Mapping[str, AccountPlan]
    grants: tuple[Grant, ...]
    apis: tuple[str, ...]
    """Services to enable, such as `cloudtasks.googleapis.com`, sorted."""
    build_account: str | None = None
    """The key of the account that builds functions and images, if there is something to build."""
    bucket: str | None = None
    """The name of the bucket for packages, if there are any."""
    repository: str | None = None
    """The id of the Artifact Registry repository for images, if any are built."""

    def grants_of(self, member: str) -> tuple[Grant, ...]:
        """Every grant of one member."""
        return tuple(grant for grant in self.grants if grant.member == member)
