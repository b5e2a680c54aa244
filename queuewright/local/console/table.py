"""The table that `up` prints when everything runs: queues, handlers and addresses."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from queuewright.blueprint import PullQueuePlan, QueuePlan
from queuewright.cloud_tasks.retry import UNLIMITED

QUEUE_TITLES = ("QUEUE", "HANDLER", "RATE", "AT ONCE", "ATTEMPTS", "STATE")
HANDLER_TITLES = ("HANDLER", "KIND", "ADDRESS", "RUNS")


def ready_table(
    queues: Iterable[QueuePlan | PullQueuePlan],
    handlers: Iterable[tuple[str, str, str, str]],
    addresses: Sequence[tuple[str, str]],
) -> str:
    """Return the table.

    Args:
        queues: the queues.
        handlers: each as its key, kind, address, and what it runs.
        addresses: each as an API and where it listens.
    """
    parts = [
        _aligned([QUEUE_TITLES, *map(_queue, queues)]),
        _aligned([HANDLER_TITLES, *handlers]),
        _aligned(addresses),
    ]
    return "\n\n".join(("", *parts, ""))


def _queue(plan: QueuePlan | PullQueuePlan) -> tuple[str, ...]:
    if isinstance(plan, PullQueuePlan):
        dead = plan.dead_letters
        attempts = str(dead.max_attempts) if dead is not None else "no limit"
        return (plan.queue_id, plan.worker or "–", "pull", "–", attempts, "running")
    retry, rates = plan.allowed, plan.rate_limits
    return (
        plan.queue_id,
        f"{plan.handler} {plan.path or ''}".strip(),
        f"{rates.max_dispatches_per_second:g}/s",
        str(rates.max_concurrent_dispatches),
        "no limit" if retry.max_attempts == UNLIMITED else str(retry.max_attempts),
        plan.desired_state.lower(),
    )


def _aligned(rows: Sequence[tuple[str, ...]]) -> str:
    table = Table.grid(padding=(0, 3))
    for row in rows:
        table.add_row(*(Text(cell, no_wrap=True) for cell in row))
    stream = io.StringIO()
    Console(file=stream, width=10_000, color_system=None).print(table)
    return "\n".join(f"  {line.rstrip()}" for line in stream.getvalue().splitlines())
