"""v2beta2, which is refused whole: its own part, leasing from pull queues, is not emulated."""

from __future__ import annotations

from typing import Final

from queuewright.errors import Refusal

SERVICE: Final = "google.cloud.tasks.v2beta2.CloudTasks"
"""The service's name over gRPC; every method of it is refused."""


def refusal() -> Refusal:
    """Return what any call of v2beta2 is answered with."""
    text = (
        "The v2beta2 API is not emulated yet: leasing tasks from pull queues comes with a later "
        "version of queuewright. For push queues use v2, or v2beta3 for a queue's statistics."
    )
    return Refusal("UNIMPLEMENTED", text)
