"""Update masks: which fields of a queue an update writes."""

from __future__ import annotations

from typing import Any

import pytest

from queuewright.engine.protocol import messages as m
from queuewright.engine.rules.masks import updated
from queuewright.engine.rules.queue_config import QueueOptions, complete
from queuewright.errors import Refusal


def queue(**fields: Any) -> m.Queue:
    config = m.Queue(name="projects/p/locations/l/queues/emails", state=1, **fields)
    complete(config, QueueOptions(), lambda _: 10)
    return config


@pytest.mark.parametrize("path", ["retry_config.max_attempts", "retryConfig.maxAttempts"])
def test_an_update_writes_only_the_fields_of_its_mask(path: str) -> None:
    current = queue(rate_limits=m.RateLimits(max_dispatches_per_second=5))
    result = updated(current, m.Queue(retry_config=m.RetryConfig(max_attempts=7)), [path])
    assert result.retry_config.max_attempts == 7
    assert result.retry_config.max_doublings == 16
    assert result.rate_limits.max_dispatches_per_second == 5


@pytest.mark.parametrize("paths", [[], ["*"]])
def test_an_empty_mask_writes_all_writable_fields(paths: list[str]) -> None:
    current = queue(rate_limits=m.RateLimits(max_dispatches_per_second=5))
    current.purge_time.seconds = 9
    result = updated(current, m.Queue(name="other", state=2), paths)
    assert not result.HasField("rate_limits")
    assert result.name == current.name
    assert result.state == 1
    assert result.purge_time.seconds == 9


def test_a_mask_of_output_only_fields_changes_nothing() -> None:
    current = queue()
    wanted = m.Queue(state=2, rate_limits=m.RateLimits(max_burst_size=3))
    paths = ["state", "name", "purgeTime", "rateLimits.maxBurstSize"]
    assert updated(current, wanted, paths) == current


def test_a_field_of_the_mask_without_a_value_is_cleared() -> None:
    current = queue(http_target=m.HttpTarget(http_method=2))
    assert not updated(current, m.Queue(), ["httpTarget"]).HasField("http_target")
    assert updated(current, m.Queue(), ["http_target.http_method"]).http_target.http_method == 0


@pytest.mark.parametrize(
    "path", ["colour", "rate_limits.colour", "name.x", "", "http_target.header_overrides.header"]
)
def test_a_mask_with_an_unknown_field_is_refused(path: str) -> None:
    with pytest.raises(Refusal, match="Invalid field path"):
        updated(queue(), m.Queue(), [path])
