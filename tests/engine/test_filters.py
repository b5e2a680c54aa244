"""Filters of ListQueues."""

from __future__ import annotations

import pytest

from queuewright.engine.protocol import messages as m
from queuewright.engine.rules.filters import queue_filter
from queuewright.engine.rules.queue_config import QueueOptions, complete
from queuewright.errors import Refusal


def queue() -> m.Queue:
    config = m.Queue(name="projects/p/locations/l/queues/emails", state=1)
    complete(config, QueueOptions(), lambda _: 10)
    return config


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("state: PAUSED", False),
        ("state = RUNNING", True),
        ("state=running", True),
        ("state != PAUSED", True),
        ("rateLimits.maxDispatchesPerSecond >= 500", True),
        ("rate_limits.max_dispatches_per_second < 500", False),
        ("retryConfig.minBackoff = 0.1s", True),
        ("retryConfig.maxBackoff > 1h", None),
        ("retryConfig.maxBackoff > 3599s", True),
        ("name:EMAILS", True),
        ('name="projects/p/locations/l/queues/emails"', True),
        ("httpTarget:*", False),
        ("rateLimits:*", True),
        ("NOT state:PAUSED", True),
        ("state:PAUSED OR retryConfig.maxAttempts=100", True),
        ("state:RUNNING retryConfig.maxAttempts=7", False),
        ("state:RUNNING AND (state:PAUSED OR name:mail)", True),
        ("purgeTime > \"2020-01-01T00:00:00Z\"", False),
        ("colour = red", None),
        ("state", None),
        ("state = ", None),
        ("state = PURPLE", None),
        ("(state = RUNNING", None),
        ("state = RUNNING)", None),
        ('name = "unclosed', None),
        ("rateLimits = 5", None),
        ("(" * 500 + "state=RUNNING" + ")" * 500, None),
    ],
)  # fmt: skip
def test_a_filter_selects_queues_or_is_refused(text: str, matches: bool | None) -> None:
    if matches is None:
        with pytest.raises(Refusal, match="Invalid filter"):
            queue_filter(text)
    else:
        assert queue_filter(text)(queue()) is matches
