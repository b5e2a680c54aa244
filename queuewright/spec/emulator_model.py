"""The grammar of the file of `queuewright emulator --config`, with ranges and defaults."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from queuewright.cloud_tasks import limits
from queuewright.spec.closed import Closed
from queuewright.spec.fields import (
    AppEngineId,
    EmulatedLocationId,
    EmulatedProjectId,
    Filled,
    HeaderName,
    HeaderValue,
    Host,
    Retention,
    Url,
)
from queuewright.spec.queue_model import LoggingConfig, RateLimits, RetryConfig
from queuewright.spec.values import Duration


class PathOverride(Closed):
    """A path that replaces a task's own."""

    authority = "Cloud Tasks"

    path: str = Field(examples=["/send"], description="The path; empty removes the task's own.")


class QueryOverride(Closed):
    """A query that replaces a task's own."""

    authority = "Cloud Tasks"

    query_params: str = Field(
        examples=["source=tasks"], description="The query; empty removes the task's own."
    )


class UriOverride(Closed):
    """Parts of a URL that replace those of a task's own URL."""

    authority = "Cloud Tasks"

    scheme: Literal["HTTP", "HTTPS"] | None = Field(
        None, examples=["HTTP"], description="The scheme."
    )
    host: Host | None = Field(None, examples=["127.0.0.1"], description="The host.")
    port: int | None = Field(None, ge=1, le=65_535, examples=[8080], description="The port.")
    path_override: PathOverride | None = Field(
        None, examples=[{"path": "/send"}], description="The path."
    )
    query_override: QueryOverride | None = Field(
        None, examples=[{"query_params": "source=tasks"}], description="The query."
    )
    uri_override_enforce_mode: Literal["ALWAYS", "IF_NOT_EXISTS"] = Field(
        "ALWAYS",
        examples=["IF_NOT_EXISTS"],
        description="`IF_NOT_EXISTS` only adds the parts that the task's own URL lacks.",
    )


class OidcToken(Closed):
    """An ID token that is sent with every task."""

    authority = "Cloud Tasks"

    service_account_email: Filled = Field(
        examples=["invoker@acme-dev.iam.gserviceaccount.com"],
        description="The service account; it need not exist.",
    )
    audience: Filled = Field(
        examples=["http://127.0.0.1:8080"], description="The audience of the token."
    )


class OAuthToken(Closed):
    """An access token that is sent with every task."""

    authority = "Cloud Tasks"

    service_account_email: Filled = Field(
        examples=["invoker@acme-dev.iam.gserviceaccount.com"],
        description="The service account; it need not exist.",
    )
    scope: Filled = Field(
        examples=["https://www.googleapis.com/auth/cloud-platform"], description="The scope."
    )


class HttpTarget(Closed):
    """A queue's overrides for its HTTP tasks, in the terms of Google's `HttpTarget`."""

    authority = "Cloud Tasks"

    uri_override: UriOverride | None = Field(
        None, examples=[{"host": "127.0.0.1", "port": 8080}], description="Parts of the URL."
    )
    http_method: Literal["POST", "GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"] | None = Field(
        None, examples=["PUT"], description="The method."
    )
    header_overrides: dict[HeaderName, HeaderValue] = Field(
        {}, examples=[{"X-Api-Version": "2"}], description="Headers, by name."
    )
    oidc_token: OidcToken | None = Field(
        None,
        examples=[
            {
                "service_account_email": "invoker@acme-dev.iam.gserviceaccount.com",
                "audience": "http://127.0.0.1:8080",
            }
        ],
        description="An ID token.",
    )
    oauth_token: OAuthToken | None = Field(
        None,
        examples=[
            {
                "service_account_email": "invoker@acme-dev.iam.gserviceaccount.com",
                "scope": "https://www.googleapis.com/auth/cloud-platform",
            }
        ],
        description="An access token, instead of `oidc_token`.",
    )


class EmulatedRateLimits(RateLimits):
    """How fast a queue dispatches, and how many attempts start at once."""

    max_burst_size: int | None = Field(
        None,
        ge=1,
        le=500,
        examples=[1],
        description="Attempts that may start at once after a pause. "
        "Default: a fifth of `max_dispatches_per_second`, and at least 10.",
    )


class EmulatedQueue(Closed):
    """A queue of the emulator, with Google's defaults."""

    authority = "Cloud Tasks"

    pull: bool = Field(
        False,
        examples=[True],
        description="Workers lease the queue's tasks through v2beta2; the queue sends nothing. "
        "Of its `retry_config`, only `max_attempts` counts: leases, by default without a limit.",
    )
    url: Url | None = Field(
        None,
        examples=["http://127.0.0.1:8080/send"],
        description="Sends every task here, whatever its own URL is; short for an `http_target`. "
        "A URL without a path keeps each task's path.",
    )
    http_target: HttpTarget | None = Field(
        None,
        examples=[{"uri_override": {"host": "127.0.0.1", "port": 8080}}],
        description="Overrides for the queue's tasks, instead of `url`.",
    )
    rate_limits: EmulatedRateLimits = Field(
        EmulatedRateLimits(),
        examples=[{"max_dispatches_per_second": 5}],
        description="How fast the queue dispatches.",
    )
    retry_config: RetryConfig = Field(
        RetryConfig(),
        examples=[{"max_attempts": 8, "min_backoff": "10s"}],
        description="When a failed task is retried.",
    )
    stackdriver_logging_config: LoggingConfig | None = Field(
        None,
        examples=[{"sampling_ratio": 0.1}],
        description="The share of tasks that `--log-format cloud-logging` logs. "
        "Default: all tasks.",
    )
    desired_state: Literal["RUNNING", "PAUSED"] = Field(
        "RUNNING",
        examples=["PAUSED"],
        description="A paused queue accepts tasks but dispatches none.",
    )


class EmulatorSettings(Closed):
    """Choices that Google's documentation leaves open, or that differ on your own machine."""

    task_name_reuse: Duration = Field(
        limits.TASK_NAME_REUSE,
        examples=["1h"],
        description="How long the name of a finished or deleted task stays taken.",
    )
    queue_name_reuse: Duration = Field(
        limits.QUEUE_NAME_REUSE,
        examples=["0s"],
        description="How long the name of a deleted queue stays taken.",
    )
    retention: Retention = Field(
        limits.TASK_RETENTION,
        examples=["10d"],
        description="The age at which a task is deleted, dispatched or not.",
    )
    follow_redirects: bool = Field(
        False, examples=[True], description="Follow redirects of HTTP targets."
    )
    throttling: bool = Field(
        False, examples=[True], description="Slow a queue down on 429, 503 and `Retry-After`."
    )
    missing_queue_is_precondition: bool = Field(
        False,
        examples=[True],
        description="Answer FAILED_PRECONDITION to a task for a missing queue, as in earlier "
        "years, instead of NOT_FOUND.",
    )
    app_engine_url: dict[AppEngineId, Url] = Field(
        {},
        examples=[{"default": "http://127.0.0.1:8081"}],
        description="The URLs of the App Engine services, by name.",
    )


class EmulatorFile(Closed):
    """The file of `queuewright emulator --config`."""

    project: EmulatedProjectId | None = Field(
        None, examples=["acme-dev"], description="The project of queues named by their id."
    )
    location: EmulatedLocationId | None = Field(
        None, examples=["europe-west1"], description="The location of queues named by their id."
    )
    settings: EmulatorSettings = Field(
        EmulatorSettings(),
        examples=[{"task_name_reuse": "1h"}],
        description="Settings of the emulator.",
    )
    queues: dict[str, EmulatedQueue] = Field(
        {},
        examples=[{"emails": {"url": "http://127.0.0.1:8080/send"}}],
        description="The queues, each by its id or full name.",
    )
