"""`docs/concepts/push-and-pull.md`: its figures are those of the code and of the benchmark."""

from __future__ import annotations

import re
from pathlib import Path

from queuewright.cloud_tasks import pubsub

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "concepts" / "push-and-pull.md").read_text("utf-8")


def test_its_limits_are_pubsubs() -> None:
    """Attempts, retention and leases."""
    least, most = pubsub.MIN_DELIVERY_ATTEMPTS, pubsub.MAX_DELIVERY_ATTEMPTS
    assert f"| {least} to {most}, or no limit |" in TEXT
    days, longest = pubsub.DEFAULT_RETENTION.days, pubsub.MAX_RETENTION.days
    assert f"| {days} days by default, up to {longest} |" in TEXT
    lease = pubsub.MIN_ACK_DEADLINE.seconds, pubsub.MAX_ACK_DEADLINE.seconds // 60
    assert "{} seconds to {} minutes".format(*lease) in TEXT


def test_its_speeds_are_those_of_the_benchmark() -> None:
    """The table in the Pub/Sub guide has what `bench/pubsub.py` printed."""
    table = (DOCS / "guides" / "pubsub-emulator.md").read_text("utf-8")
    measured = re.findall(r"^\| .* \| ([\d,]+)/s \|", table, re.M)[:4]
    _, _, section = TEXT.partition("## How fast it is here")
    published, fake_published, streamed, fake_streamed = measured
    assert f"publishes {published} messages a second" in section
    assert f"streams {streamed}," in section
    assert f"took {fake_published} and handed out {fake_streamed} " in section
