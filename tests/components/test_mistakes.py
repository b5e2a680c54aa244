"""Mistakes in a component, each caught before a deployment."""

from __future__ import annotations

from pathlib import Path

import pulumi
import pytest
from pulumi_gcp import (
    artifactregistry,
    cloudfunctionsv2,
    cloudrunv2,
    cloudtasks,
    pubsub,
    serviceaccount,
    storage,
)

from tests.components.conftest import captured
from tests.components.edits import Edit, edit_arguments

MISTAKES: dict[str, tuple[type[pulumi.CustomResource], Edit, str]] = {
    "a misspelt key deep inside": (
        cloudtasks.Queue,
        lambda queue: queue["retry_config"].update(max_atempts=3),
        "tasks-emails-queue: retryConfig.max_atempts: unknown; did you mean `maxAttempts`?",
    ),
    "a key in Python's spelling of the wire": (
        cloudrunv2.Service,
        lambda service: service["template"].update(serviceaccount="x"),
        "template.serviceaccount: unknown; did you mean `serviceAccount`?",
    ),
    "a duration without its unit": (
        cloudtasks.Queue,
        lambda queue: queue["retry_config"].update(min_backoff="10"),
        "retryConfig.minBackoff: '10' is not a duration in seconds such as 0.100s",
    ),
    "a number as a text": (
        cloudtasks.Queue,
        lambda queue: queue["rate_limits"].update(max_concurrent_dispatches="many"),
        "rateLimits.maxConcurrentDispatches: expected int, got str 'many'",
    ),
    "a missing field of a token": (
        cloudtasks.Queue,
        lambda queue: (
            (queue["http_target"] or {}).get("oidc_token", {}).pop("service_account_email", None)
        ),
        "httpTarget.oidcToken.serviceAccountEmail: missing",
    ),
    "a whole URL for a host": (
        cloudtasks.Queue,
        lambda queue: (queue["http_target"] or {"uri_override": {}})["uri_override"].update(
            host="https://mailer.run.app"
        ),
        "host: 'https://mailer.run.app' is not a host name without scheme, port or path",
    ),
    "an explicit zero": (
        cloudtasks.Queue,
        lambda queue: queue.update(stackdriver_logging_config={"sampling_ratio": 0.0}),
        "stackdriverLoggingConfig.samplingRatio: 0 is not 0 to 1, and not 0",
    ),
    "a field that only Google sets": (
        cloudtasks.Queue,
        lambda queue: queue["rate_limits"].update(max_burst_size=10),
        "rateLimits.maxBurstSize: only Google sets it",
    ),
    "a size in the wrong unit": (
        cloudrunv2.Service,
        lambda service: service["template"]["containers"][0]["resources"]["limits"].update(
            memory="512MB"
        ),
        "memory: '512MB' is not a size such as 512Mi",
    ),
    "an ingress of the other product": (
        cloudfunctionsv2.Function,
        lambda function: function["service_config"].update(ingress_settings="INGRESS_TRAFFIC_ALL"),
        "serviceConfig.ingressSettings: 'INGRESS_TRAFFIC_ALL' is not ALLOW_ALL",
    ),
    "a member without its kind": (
        cloudtasks.QueueIamMember,
        lambda grant: grant.update(member="ops@example.com"),
        "member: 'ops@example.com' is not a member such as serviceAccount:",
    ),
    "a role without its prefix": (
        cloudrunv2.ServiceIamMember,
        lambda grant: grant.update(role="run.invoker"),
        "role: 'run.invoker' is not a role such as roles/run.invoker",
    ),
    "a path where a file belongs": (
        storage.BucketObject,
        lambda made: made.update(source="mailer.zip"),
        "source: expected an asset, got str 'mailer.zip'",
    ),
    "an account's id that is too long": (
        serviceaccount.Account,
        lambda account: account.update(account_id="a-name-of-more-than-thirty-letters"),
        "is not 6 to 30 of a-z, 0-9 and -, a letter first",
    ),
    "an expiration policy without its time": (
        pubsub.Subscription,
        lambda subscription: subscription.update(expiration_policy={}),
        "expirationPolicy.ttl: missing",
    ),
    "a lease with a unit": (
        pubsub.Subscription,
        lambda subscription: subscription.update(ack_deadline_seconds="60s"),
        "ackDeadlineSeconds: expected int, got str '60s'",
    ),
    "a timeout of what nothing calls": (
        cloudrunv2.WorkerPool,
        lambda pool: pool["template"].update(timeout="60s"),
        "template.timeout: unknown",
    ),
    "a label in capitals": (
        artifactregistry.Repository,
        lambda repository: repository.update(labels={"team": "Growth"}),
        "labels.team: 'Growth' is not at most 63 of a-z, 0-9, _ and -",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_mistake_is_caught(
    monkeypatch: pytest.MonkeyPatch, projects: dict[str, Path], mistake: str
) -> None:
    """The problem has the resource, the path and the reason."""
    kind, edit, problem = MISTAKES[mistake]
    edit_arguments(monkeypatch, kind, edit)
    problems = captured(projects["all"], "all").input_problems()
    assert any(problem in each for each in problems), problems
