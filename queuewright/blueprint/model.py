"""The blueprint: plain data from which both targets are built.

Every setting has a value, Google's default if the spec names none: a setting that is left out of
an update would keep its old value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from typing import ClassVar, Final, Literal
from urllib.parse import urlsplit

from queuewright.errors import Location
from queuewright.spec import Instances, RateLimits, RetryConfig, VpcAccess

DEAD_LETTERS_VARIABLE: Final = "QUEUEWRIGHT_DEAD_LETTERS"
"""The variable that tells a handler where the dead letters of its queues go."""

HandlerKind = Literal["function", "service", "worker", "app_engine", "url"]


@dataclass(frozen=True)
class Reason:
    """Why something is in the blueprint, and the line of YAML that asks for it."""

    text: str
    path: str
    """In the YAML, such as `queues.emails.enqueuers[0]`."""
    location: Location

    def __str__(self) -> str:
        return f"{self.text} ({self.location})"


@dataclass(frozen=True)
class AccountPlan:
    """A service account of the stack."""

    key: str
    """Unique in the blueprint, and stable: Pulumi's names are derived from it."""
    account_id: str
    """6 to 30 characters: https://cloud.google.com/iam/docs/service-accounts-create."""
    email: str
    display_name: str
    reason: Reason

    @property
    def member(self) -> str:
        """The account as an IAM member."""
        return f"serviceAccount:{self.email}"


@dataclass(frozen=True)
class Condition:
    """A condition under which a grant holds."""

    title: str
    expression: str
    """In CEL: https://cloud.google.com/iam/docs/conditions-overview."""


GuardedKind = Literal[
    "bucket",
    "dead_letter_queue",
    "dead_letter_topic",
    "delay_queue",
    "handler",
    "project",
    "queue",
    "repository",
    "secret",
    "subscription",
    "topic",
]
"""What a role is granted on. A push queue may have a dead-letter queue. A pull queue has a topic
and a subscription; it may have a dead-letter topic, and a queue for its delays."""


@dataclass(frozen=True)
class GrantPlan:
    """One role for one member on one resource."""

    role: str
    member: str
    """An IAM member: `serviceAccount:…`, `user:…`, `group:…`."""
    account: str | None
    """The key of the `AccountPlan`, if the member is an account of the stack."""
    kind: GuardedKind
    resource: str
    """The key of the queue or handler, the id of the secret or repository, the bucket's name or
    the project's id."""
    reason: Reason
    condition: Condition | None = None
    agent: str | None = None
    """The service whose agent the member is, such as `pubsub.googleapis.com`. Its address has the
    project's number, which only Google Cloud knows; `member` has `PROJECT_NUMBER` instead."""


@dataclass(frozen=True)
class SecretPlan:
    """The source of a secret variable: Secret Manager, or Pulumi's configuration.

    With `config`, the stack creates the secret and a version with the value of that key.
    """

    secret: str
    version: str
    config: str | None


@dataclass(frozen=True)
class InstancePlan:
    """How an instance of a function or a service runs."""

    memory: int
    """Bytes."""
    cpu: float
    timeout: timedelta
    concurrency: int
    """Requests at the same time."""
    instances: Instances
    ingress: Literal["all", "internal", "internal-and-cloud-load-balancing"]
    vpc: VpcAccess | None


@dataclass(frozen=True)
class RuntimePlan(InstancePlan):
    """An instance together with its account and its variables."""

    account: str
    """The key of its `AccountPlan`."""
    environment: Mapping[str, str]
    """`env` of the spec, and the variables that tell of each queue it may add tasks to."""
    secrets: Mapping[str, SecretPlan]


@dataclass(frozen=True)
class ImageBuildPlan:
    """How an image is built from a Dockerfile."""

    context: str
    """The folder that is sent to the build, relative to the project's."""
    dockerfile: str
    """In the context; relative to the project's folder."""


class _OnCloudRun:
    """What a function and a service share."""

    runtime: RuntimePlan

    @property
    def account(self) -> str:
        return self.runtime.account

    @property
    def environment(self) -> Mapping[str, str]:
        return self.runtime.environment

    @property
    def secrets(self) -> Mapping[str, SecretPlan]:
        return self.runtime.secrets


@dataclass(frozen=True)
class FunctionPlan(_OnCloudRun):
    """A Cloud Run function (2nd gen)."""

    source: str
    """A folder, relative to the project's."""
    entry_point: str
    runtime_name: str
    """Google's name of the language: `python312`."""
    runtime: RuntimePlan

    kind: ClassVar[HandlerKind] = "function"
    noun: ClassVar = "function"


@dataclass(frozen=True)
class ServicePlan(_OnCloudRun):
    """A Cloud Run service, with either `source` or `image`."""

    source: str | None
    image: str | None
    runtime_name: str | None
    """With `command`, for a folder without a Dockerfile."""
    command: tuple[str, ...]
    runtime: RuntimePlan
    build: ImageBuildPlan | None
    """How its image is built, unless it is ready or the source is deployed without a build."""

    kind: ClassVar[HandlerKind] = "service"
    noun: ClassVar = "service"


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

    kind: ClassVar[HandlerKind] = "app_engine"
    noun: ClassVar = "App Engine"
    runtime: ClassVar[None] = None
    secrets: ClassVar[Mapping[str, SecretPlan]] = {}


@dataclass(frozen=True)
class UrlPlan:
    """An endpoint outside of the stack."""

    url: str
    audience: str | None
    headers: Mapping[str, str]

    kind: ClassVar[HandlerKind] = "url"
    noun: ClassVar = "url"
    source: ClassVar[None] = None
    runtime_name: ClassVar[None] = None
    runtime: ClassVar[None] = None
    account: ClassVar[None] = None
    environment: ClassVar[Mapping[str, str]] = {}
    secrets: ClassVar[Mapping[str, SecretPlan]] = {}


@dataclass(frozen=True)
class WorkerSettings:
    """How the instances of a worker run."""

    memory: int
    """Bytes."""
    cpu: float
    instances: Instances
    """At least 1. If `max` is more than `min`, their number follows the CPU they use."""
    vpc: VpcAccess | None


@dataclass(frozen=True)
class WorkerPlan(WorkerSettings):
    """A Cloud Run worker pool, with either `source` or `image`. Nothing calls it."""

    source: str | None
    """The folder of its code."""
    image: str | None
    build: ImageBuildPlan | None
    """How its image is built, unless it is ready."""
    command: tuple[str, ...]
    """Instead of the image's own, if not empty."""
    account: str
    """The key of its `AccountPlan`."""
    environment: Mapping[str, str]
    """`env` of the spec, a `SUBSCRIPTION_…` with the full name of the subscription of each queue
    that it polls, and a `QUEUE_…` for each queue that it may add tasks to."""
    secrets: Mapping[str, SecretPlan]

    kind: ClassVar[HandlerKind] = "worker"
    noun: ClassVar = "worker"
    runtime_name: ClassVar[None] = None
    runtime: ClassVar[None] = None


HandlerTarget = FunctionPlan | ServicePlan | WorkerPlan | AppEnginePlan | UrlPlan


@dataclass(frozen=True)
class LocalPlan:
    """How a handler runs on this machine, if that differs."""

    command: tuple[str, ...]
    url: str | None
    environment: Mapping[str, str]


@dataclass(frozen=True)
class HandlerPlan:
    """Code that handles tasks, of any kind."""

    key: str
    name: str
    """Its name on Google Cloud, with the prefix."""
    renamed_from: tuple[str, ...]
    """Its former keys, oldest first: `name` is derived from the first."""
    target: HandlerTarget
    invoker: str | None
    """The key of the `AccountPlan` whose token its tasks carry, if they carry one."""
    member: str | None
    """The IAM member that its code acts as on Google Cloud, if that is known."""
    local: LocalPlan
    reason: Reason
    include: tuple[str, ...] = ()
    """The folders and files that are deployed beside its code, each under its own name; relative
    to the project's folder."""

    @property
    def kind(self) -> HandlerKind:
        """Its kind, as the YAML names it."""
        return self.target.kind

    @property
    def noun(self) -> str:
        """Its kind, for people: `function`, `service`, `worker`, `App Engine` or `url`."""
        return str(self.target.noun)

    @property
    def source(self) -> str | None:
        """The folder of its code, if the stack deploys it from a folder."""
        return self.target.source

    @property
    def build(self) -> ImageBuildPlan | None:
        """How its image is built, if one is."""
        return self.target.build if isinstance(self.target, ServicePlan | WorkerPlan) else None

    @property
    def folder(self) -> str | None:
        """The folder whose files are deployed: its `source`, or the context of its image."""
        return self.build.context if self.build is not None else self.source

    @property
    def runtime_name(self) -> str | None:
        """Google's name of its language, such as `python312`, if known."""
        return self.target.runtime_name

    @property
    def keeps_dead_letters(self) -> bool:
        """Whether a queue of it keeps dead letters, so that its code needs our library."""
        return DEAD_LETTERS_VARIABLE in self.environment

    @property
    def runtime(self) -> RuntimePlan | None:
        """How its instances run, for a function or a service."""
        return self.target.runtime

    @property
    def account(self) -> str | None:
        """The key of the `AccountPlan` that it runs as, if the stack deploys it."""
        return self.target.account

    @property
    def environment(self) -> Mapping[str, str]:
        """Its environment variables, without secrets."""
        return self.target.environment

    @property
    def secrets(self) -> Mapping[str, SecretPlan]:
        """Its secret variables."""
        return self.target.secrets


@dataclass(frozen=True)
class HandlerRoute:
    """Tasks go to a handler of the stack, at `path` if there is one, with the invoker's token.

    The scheme, the host and the token's audience come from the handler's URL, which depends on the
    target. The queue always overrides a task's own URL.
    """

    handler: str
    path: str | None

    kind: ClassVar = "handler"


@dataclass(frozen=True)
class UrlRoute:
    """Tasks go to an endpoint outside of the stack. Always overrides a task's own URL."""

    scheme: Literal["HTTP", "HTTPS"]
    host: str
    port: int | None
    path: str | None
    query: str | None
    audience: str | None
    """If set, tasks carry the invoker's token for this audience."""
    headers: Mapping[str, str]

    kind: ClassVar = "url"

    @classmethod
    def of(
        cls,
        url: str,
        *,
        path: str | None = None,
        audience: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> UrlRoute:
        """The route to a URL; `path` is appended to the URL's own path.

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
    """Tasks go to an App Engine service, each to its own path."""

    service: str
    version: str | None = None
    instance: str | None = None

    kind: ClassVar = "app_engine"


Route = HandlerRoute | UrlRoute | AppEngineRoute


@dataclass(frozen=True)
class QueueSettings:
    """The settings of a push queue, except for its address and its target."""

    queue_id: str
    path: str | None
    rate_limits: RateLimits
    retry_config: RetryConfig
    sampling_ratio: float
    desired_state: Literal["RUNNING", "PAUSED"]
    protect: bool
    dead_letters: DeadQueuePlan | None
    """Where the tasks go that its handler gives up; None: they are gone."""


@dataclass(frozen=True)
class DeadQueuePlan(QueueSettings):
    """The paused queue that keeps the dead letters of a push queue."""

    name: str
    """In full."""
    max_attempts: int
    """A task becomes a dead letter when this many attempts have failed; the queue that it comes
    from makes some more."""
    keep: timedelta
    """The age at which a dead letter is gone."""


@dataclass(frozen=True)
class QueuePlan(QueueSettings):
    """A push queue."""

    key: str
    name: str
    """In full: `projects/P/locations/L/queues/Q`."""
    renamed_from: tuple[str, ...]
    """Its former keys, oldest first: `queue_id` is derived from the first."""
    handler: str
    """The key of its handler."""
    route: Route
    invoker: str | None
    """The key of the account whose token its tasks carry, if they carry one: its handler's."""
    variable: str
    """The variable that gives a handler the queue's full name: `QUEUE_EMAILS`."""
    dispatch_deadline: timedelta | None
    """How long an attempt may take, for producers to ask for; None: Google's default."""
    producer_variables: Mapping[str, str]
    """All variables that tell a producer about the queue: `QUEUE_EMAILS`, `DEADLINE_EMAILS`, and
    for App Engine `APP_ENGINE_EMAILS`."""
    payload: str | None
    """The file with the JSON schema of its payloads, relative to the project's folder."""
    example: object
    reason: Reason
    places: Mapping[str, Location] = field(default_factory=dict, compare=False)
    """Where the file has each of its settings, by path: `retry_config.max_attempts`."""

    @property
    def allowed(self) -> RetryConfig:
        """When a task is given up, as the spec says."""
        if self.dead_letters is None:
            return self.retry_config
        attempts = self.dead_letters.max_attempts
        return self.retry_config.model_copy(update={"max_attempts": attempts})

    @property
    def dead_queue(self) -> QueuePlan | None:
        """The queue of its dead letters as a queue like others: with its route and its token."""
        dead = self.dead_letters
        if dead is None:
            return None
        settings = {each.name: getattr(dead, each.name) for each in fields(QueueSettings)}
        return replace(self, **settings, name=dead.name, example=None)


@dataclass(frozen=True)
class DeadLetterPlan:
    """Where the tasks go that a pull queue gives up."""

    topic_id: str
    subscription_id: str | None
    """Keeps them; None: they are dropped, because nothing is subscribed to the topic."""
    max_attempts: int
    """A task is given up when this many attempts have failed."""
    keep: timedelta
    """The age at which a dead letter is deleted."""


@dataclass(frozen=True)
class DelayQueueSettings(QueueSettings):
    """The push queue that keeps a pull queue's delayed tasks, and publishes each when it is due.

    A task's body is a request to publish one message, in the JSON of Pub/Sub's API. `path` is the
    one of the topic's `publish` method.
    """

    host: str
    """Where requests go, by https."""
    scope: str
    """Of the access token that they carry."""


@dataclass(frozen=True)
class DelayQueuePlan(DelayQueueSettings):
    """The push queue that keeps the delayed tasks of a pull queue of the stack."""

    name: str
    """In full: `projects/P/locations/L/queues/Q`."""
    account: str
    """The key of the account that publishes."""
    variable: str
    """The variable that gives an enqueuer the full name: `QUEUE_REPORTS_DELAYS`."""


@dataclass(frozen=True)
class PullQueueSettings:
    """The settings of a pull queue: of a topic, its subscription, and its dead letters."""

    queue_id: str
    """The id of the topic and of the subscription."""
    regions: tuple[str, ...]
    """Where Pub/Sub stores its tasks."""
    lease: timedelta
    min_backoff: timedelta
    max_backoff: timedelta
    keep: timedelta
    ordering: bool
    dead_letters: DeadLetterPlan | None
    """None: tasks are handed out until they are done or too old."""
    protect: bool


@dataclass(frozen=True)
class PullQueuePlan(PullQueueSettings):
    """A pull queue: its tasks wait until a worker polls them."""

    key: str
    topic: str
    """In full, `projects/P/topics/T`: where enqueuers publish."""
    subscription: str
    """In full, `projects/P/subscriptions/S`: what its worker polls."""
    dead_letter_topic: str | None
    """In full."""
    dead_letter_subscription: str | None
    """In full."""
    renamed_from: tuple[str, ...]
    """Its former keys, oldest first: `queue_id` is derived from the first."""
    delays: DelayQueuePlan | None
    """What keeps its delayed tasks; None: a task cannot have a delay."""
    worker: str | None
    """The key of the worker that polls it; None: someone outside of the stack does."""
    variable: str
    """The variable that gives an enqueuer the topic's full name: `QUEUE_REPORTS`."""
    subscription_variable: str
    """The variable that gives the worker the subscription's full name: `SUBSCRIPTION_REPORTS`."""
    payload: str | None
    """The file with the JSON schema of its payloads, relative to the project's folder."""
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
    """The push queues."""
    pull_queues: Mapping[str, PullQueuePlan]
    accounts: Mapping[str, AccountPlan]
    grants: tuple[GrantPlan, ...]
    apis: tuple[str, ...]
    """The services to enable, such as `cloudtasks.googleapis.com`, sorted."""
    build_account: str | None = None
    """The key of the account that builds functions, if there are any."""
    bucket: str | None = None
    """The name of the bucket for packages, if there are any."""
    repository: str | None = None
    """The id of the Artifact Registry repository for images, if any are built."""

    def grants_of(self, member: str) -> tuple[GrantPlan, ...]:
        """Every grant of one member."""
        return tuple(grant for grant in self.grants if grant.member == member)
