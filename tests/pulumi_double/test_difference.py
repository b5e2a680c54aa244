"""The provider's differences as tables, without the engine."""

from __future__ import annotations

import pytest

from queuewright.graph.wire import Asset, Properties
from tests.pulumi_double.difference import differences, retained, stored
from tests.pulumi_double.rules import FUNCTION, OBJECT, QUEUE, RUN_SERVICE, rule

RETRY: Properties = {"maxAttempts": 8, "minBackoff": "10s", "maxBackoff": "300s", "maxDoublings": 3}


def settled(type_token: str, before: Properties, after: Properties) -> dict[str, str]:
    """The difference between a request for `after` and the result of a request for `before`."""
    known = rule(type_token)
    return differences(stored(before, known), before, after, known)


@pytest.mark.parametrize(
    ("type_token", "before", "after", "found"),
    [
        (QUEUE, {"name": "q"}, {"name": "q"}, {}),
        (QUEUE, {"name": "q"}, {"name": "r"}, {"name": "UPDATE"}),
        # They keep their value when left out: no difference.
        (QUEUE, {"retryConfig": RETRY}, {}, {}),
        (QUEUE, {"retryConfig": RETRY}, {"retryConfig": {"maxAttempts": 8}}, {}),
        (QUEUE, {"rateLimits": {"maxDispatchesPerSecond": 5}}, {"rateLimits": {}}, {}),
        # They differ when written out.
        (
            QUEUE,
            {"retryConfig": RETRY},
            {"retryConfig": {**RETRY, "maxAttempts": 100}},
            {"retryConfig.maxAttempts": "UPDATE"},
        ),
        # The queue's target is not kept.
        (QUEUE, {"httpTarget": {"httpMethod": "POST"}}, {}, {"httpTarget": "DELETE"}),
        # An explicit zero is never sent: the difference stays.
        (
            QUEUE,
            {"retryConfig": {"maxDoublings": 0}},
            {"retryConfig": {"maxDoublings": 0}},
            {"retryConfig.maxDoublings": "UPDATE"},
        ),
        (
            QUEUE,
            {"stackdriverLoggingConfig": {"samplingRatio": 0}},
            {"stackdriverLoggingConfig": {"samplingRatio": 0}},
            {"stackdriverLoggingConfig": "ADD"},
        ),
        # These settle.
        (
            QUEUE,
            {"retryConfig": {"maxRetryDuration": "0s", "minBackoff": "0.1s", "maxAttempts": -1}},
            {"retryConfig": {"maxRetryDuration": "0s", "minBackoff": "0.1s", "maxAttempts": -1}},
            {},
        ),
        (QUEUE, {"desiredState": "PAUSED"}, {}, {"desiredState": "DELETE"}),
        # Removing the map does not remove the last variable of a function.
        (
            FUNCTION,
            {"serviceConfig": {"environmentVariables": {"A": "1"}}},
            {"serviceConfig": {}},
            {},
        ),
        (
            FUNCTION,
            {"serviceConfig": {"environmentVariables": {"A": "1", "B": "2"}}},
            {"serviceConfig": {"environmentVariables": {"A": "1"}}},
            {"serviceConfig.environmentVariables.B": "DELETE"},
        ),
        # Assets are compared by content, not by path.
        (
            OBJECT,
            {"source": Asset("asset", "path", "/tmp/a", "1")},
            {"source": Asset("asset", "path", "/tmp/b", "1")},
            {},
        ),
        (
            OBJECT,
            {"source": Asset("asset", "path", "/tmp/a", "1")},
            {"source": Asset("asset", "path", "/tmp/a", "2")},
            {"source": "UPDATE"},
        ),
        (
            RUN_SERVICE,
            {"template": {"containers": [{"image": "a", "resources": {"limits": {"cpu": "1"}}}]}},
            {"template": {"containers": [{"image": "b"}]}},
            {"template.containers[0].image": "UPDATE"},
        ),
    ],
)  # fmt: skip
def test_differences(
    type_token: str, before: Properties, after: Properties, found: dict[str, str]
) -> None:
    """Each row is a measured fact about the real provider."""
    assert settled(type_token, before, after) == found


def test_a_left_out_setting_stays_live() -> None:
    """An update without `retryConfig` keeps the old one in the cloud."""
    known = rule(QUEUE)
    live = stored({"retryConfig": RETRY}, known)
    assert stored(retained(live, {"name": "q"}, known), known)["retryConfig"] == RETRY


def test_defaults_are_googles() -> None:
    """A new queue gets them for settings that the program leaves out."""
    assert stored({"name": "q", "retryConfig": {"maxDoublings": 0}}, rule(QUEUE)) == {
        "name": "q",
        "desiredState": "RUNNING",
        "rateLimits": {
            "maxBurstSize": 100,
            "maxConcurrentDispatches": 1000,
            "maxDispatchesPerSecond": 500,
        },
        "retryConfig": {
            "maxAttempts": 100,
            "maxBackoff": "3600s",
            "maxDoublings": 16,
            "minBackoff": "0.100s",
        },
    }


def test_a_policy_of_nothing_reaches_pubsub() -> None:
    """A subscription that never expires has a policy without a time, and settles."""
    known = rule("gcp:pubsub/subscription:Subscription")
    asked: Properties = {"name": "s", "expirationPolicy": {"ttl": ""}}
    live = stored(asked, known)
    assert live["expirationPolicy"] == {"ttl": ""}
    assert differences(live, asked, asked, known) == {}
    assert differences(stored({"name": "s"}, known), {"name": "s"}, asked, known) == {
        "expirationPolicy": "ADD"
    }


def test_an_unknown_type_is_not_guessed() -> None:
    """The double reports that it has no rule."""
    with pytest.raises(LookupError, match="no rule for gcp:pubsub/schema:Schema"):
        rule("gcp:pubsub/schema:Schema")
