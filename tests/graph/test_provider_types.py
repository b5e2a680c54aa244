"""Inputs that the provider or Google would refuse, found before a deployment."""

from __future__ import annotations

import pytest

from queuewright.graph.formats import format_problems
from queuewright.graph.provider_types import type_problems
from queuewright.graph.wire import Asset, Properties
from queuewright.testing import capture
from tests.graph.programs import emails_and_mailer

QUEUE = "gcp:cloudtasks/queue:Queue"
SERVICE = "gcp:cloudrunv2/service:Service"
OBJECT = "gcp:storage/bucketObject:BucketObject"
MEMBER = "gcp:cloudtasks/queueIamMember:QueueIamMember"


@pytest.mark.parametrize(
    ("type_token", "inputs", "problems"),
    [
        (QUEUE, {"location": "l", "rateLimits": {"maxDispatchesPerSecond": 0.5}}, []),
        (QUEUE, {}, ["location: missing"]),
        (QUEUE, {"location": "l", "nmae": "q"}, ["nmae: unknown; did you mean `name`?"]),
        (
            QUEUE,
            {"location": "l", "httpTarget": {"http_method": "POST"}},
            ["httpTarget.http_method: unknown; did you mean `httpMethod`?"],
        ),
        (
            QUEUE,
            {"location": "l", "httpTarget": {"oidcToken": {"audience": "a"}}},
            ["httpTarget.oidcToken.serviceAccountEmail: missing"],
        ),
        (
            QUEUE,
            {"location": "l", "rateLimits": {"maxConcurrentDispatches": "5"}},
            ["rateLimits.maxConcurrentDispatches: expected int, got str '5'"],
        ),
        (
            QUEUE,
            {"location": "l", "rateLimits": {"maxConcurrentDispatches": True}},
            ["rateLimits.maxConcurrentDispatches: expected int, got bool True"],
        ),
        (
            QUEUE,
            {"location": "l", "rateLimits": {"maxBurstSize": 7}},
            ["rateLimits.maxBurstSize: only Google sets it"],
        ),
        (
            QUEUE,
            {"location": "l", "retryConfig": ["10s"]},
            ["retryConfig: expected the fields of QueueRetryConfigArgs, got list ['10s']"],
        ),
        (
            SERVICE,
            {"location": "l", "template": {"containers": [{"image": "i", "envs": [{"nam": "x"}]}]}},
            [
                "template.containers[0].envs[0].nam: unknown; did you mean `name`?",
                "template.containers[0].envs[0].name: missing",
            ],
        ),
        (
            SERVICE,
            {"location": "l", "template": {"containers": {"image": "i"}}},
            ["template.containers: expected a list, got dict {'image': 'i'}"],
        ),
        (SERVICE, {"location": "l", "template": {}, "labels": {"team": 3}},
         ["labels.team: expected str, got int 3"]),
        (OBJECT, {"bucket": "b", "source": "a.zip"},
         ["source: expected an asset, got str 'a.zip'"]),
        (OBJECT, {"bucket": "b", "source": Asset("asset", "path", "a.zip")}, []),
        ("docker-build:index:Image", {"push": False, "tagz": []},
         ["tagz: unknown; did you mean `tags`?"]),
    ],
)  # fmt: skip
def test_types(type_token: str, inputs: Properties, problems: list[str]) -> None:
    """Unknown keys, missing fields, wrong types and output-only fields."""
    assert type_problems(type_token, inputs) == problems


@pytest.mark.parametrize(
    ("type_token", "inputs", "problems"),
    [
        (
            QUEUE,
            {"retryConfig": {"minBackoff": "10", "maxBackoff": "5m", "maxRetryDuration": "0s"}},
            [
                "retryConfig.minBackoff: '10' is not a duration in seconds such as 0.100s",
                "retryConfig.maxBackoff: '5m' is not a duration in seconds such as 0.100s",
            ],
        ),
        (
            QUEUE,
            {"rateLimits": {"maxDispatchesPerSecond": 501, "maxConcurrentDispatches": 5000}},
            ["rateLimits.maxDispatchesPerSecond: 501 is not 0 to 500, and not 0"],
        ),
        (
            QUEUE,
            {"retryConfig": {"maxDoublings": 0}, "stackdriverLoggingConfig": {"samplingRatio": 0}},
            [
                "retryConfig.maxDoublings: 0 is not 0 to 2.14748e+09, and not 0",
                "stackdriverLoggingConfig.samplingRatio: 0 is not 0 to 1, and not 0",
            ],
        ),
        (
            QUEUE,
            {"httpTarget": {"uriOverride": {"host": "https://x.run.app"}}},
            [
                "httpTarget.uriOverride.host: 'https://x.run.app' is not a host name without "
                "scheme, port or path"
            ],
        ),
        (
            SERVICE,
            {"template": {"containers": [{"resources": {"limits": {"memory": "256MB"}}}]}},
            ["template.containers[0].resources.limits.memory: '256MB' is not a size such as 512Mi"],
        ),
        (
            MEMBER,
            {"member": "web@acme.iam.gserviceaccount.com", "role": "cloudtasks.enqueuer"},
            [
                "member: 'web@acme.iam.gserviceaccount.com' is not a member such as "
                "serviceAccount:NAME@PROJECT.iam.gserviceaccount.com",
                "role: 'cloudtasks.enqueuer' is not a role such as roles/run.invoker",
            ],
        ),
        (
            "gcp:serviceaccount/account:Account",
            {"accountId": "run"},
            ["accountId: 'run' is not 6 to 30 of a-z, 0-9 and -, a letter first"],
        ),
        (
            "gcp:pubsub/subscription:Subscription",
            {
                "name": "goog-1",
                "ackDeadlineSeconds": 5,
                "messageRetentionDuration": "7d",
                "retryPolicy": {"minimumBackoff": "10", "maximumBackoff": "600s"},
                "deadLetterPolicy": {"maxDeliveryAttempts": 4},
                "expirationPolicy": {"ttl": "never"},
            },
            [
                "name: 'goog-1' is not a name of Pub/Sub",
                "ackDeadlineSeconds: 5 is not 10 to 600",
                "messageRetentionDuration: '7d' is not a duration in seconds such as 0.100s",
                "retryPolicy.minimumBackoff: '10' is not a duration in seconds such as 0.100s",
                "deadLetterPolicy.maxDeliveryAttempts: 4 is not 5 to 100",
                "expirationPolicy.ttl: 'never' is not empty, or seconds",
            ],
        ),
        ("gcp:pubsub/subscription:Subscription", {"expirationPolicy": {"ttl": ""}}, []),
        (
            "gcp:cloudrunv2/workerPool:WorkerPool",
            {
                "scaling": {"scalingMode": "AUTO"},
                "template": {"containers": [{"resources": {"limits": {"memory": "1G"}}}]},
            },
            [
                "scaling.scalingMode: 'AUTO' is not MANUAL or AUTOMATIC",
                "template.containers[0].resources.limits.memory: '1G' is not a size such as 512Mi",
            ],
        ),
    ],
)
def test_formats(type_token: str, inputs: Properties, problems: list[str]) -> None:
    """Units, ranges and spellings that a type does not have."""
    assert format_problems(type_token, inputs) == problems


def test_a_right_program_has_no_problems() -> None:
    """Also in a preview."""
    for preview in (False, True):
        graph = capture(emails_and_mailer(), config={"token": "t"}, preview=preview)
        assert graph.input_problems() == []


def test_a_problem_names_its_resource() -> None:
    """The text starts with the resource's type and name."""
    graph = capture(emails_and_mailer(), config={"token": "t"})
    graph["emails"].inputs["desiredState"] = "STOPPED"
    assert graph.input_problems() == [
        "gcp:cloudtasks/queue:Queue::emails: desiredState: 'STOPPED' is not RUNNING or PAUSED"
    ]


def test_a_type_that_no_package_knows_is_an_error() -> None:
    """Neither a misspelt type nor a missing package is ignored."""
    with pytest.raises(LookupError, match="is not a resource of pulumi-gcp"):
        type_problems("gcp:cloudtasks/queue:Quue", {})
    with pytest.raises(LookupError, match="pulumi-nowhere is not installed"):
        type_problems("nowhere:index:Thing", {})
