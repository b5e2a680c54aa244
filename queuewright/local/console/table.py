"""What a person sees when all is ready: the queues, the handlers, and where everything is."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from queuewright.blueprint import (
    AppEnginePlan,
    FunctionPlan,
    HandlerPlan,
    QueuePlan,
    ServicePlan,
)
from queuewright.local.handlers.command import Caught, Elsewhere
from queuewright.local.handlers.place import Station

if TYPE_CHECKING:
    from queuewright.local.environment import Environment


def ready_table(environment: Environment) -> str:
    """The queues, the handlers and the addresses of an environment that runs."""
    queues = [_queue(plan) for plan in environment.blueprint.queues.values()]
    handlers = [_handler(station) for station in environment.stations.values()]
    addresses = f"gRPC {environment.grpc_address}, REST http://{environment.http_address}"
    parts = [
        _aligned([("QUEUE", "HANDLER", "RATE", "AT ONCE", "ATTEMPTS", "STATE"), *queues]),
        _aligned([("HANDLER", "KIND", "ADDRESS", "RUNS"), *handlers]),
        _aligned([("Cloud Tasks", addresses)]),
    ]
    return "\n\n".join(("", *parts, ""))


def _queue(plan: QueuePlan) -> tuple[str, ...]:
    retry, rates = plan.retry_config, plan.rate_limits
    return (
        plan.queue_id,
        f"{plan.handler} {plan.path or ''}".strip(),
        f"{rates.max_dispatches_per_second:g}/s",
        str(rates.max_concurrent_dispatches),
        "no limit" if retry.max_attempts == -1 else str(retry.max_attempts),
        plan.desired_state.lower(),
    )


def _handler(station: Station) -> tuple[str, ...]:
    how = station.how
    if isinstance(how, Caught):
        return station.plan.key, _kind(station.plan), "caught", f"not here: {how.reason}"
    runs = how.url if isinstance(how, Elsewhere) else station.plan.source or "local.command"
    return station.plan.key, _kind(station.plan), station.address.url, runs


def _kind(plan: HandlerPlan) -> str:
    match plan.target:
        case FunctionPlan():
            return "function"
        case ServicePlan():
            return "service"
        case AppEnginePlan():
            return "app_engine"
    return "url"


def _aligned(rows: Sequence[tuple[str, ...]]) -> str:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 3))
    for row in rows:
        table.add_row(*(Text(cell, no_wrap=True) for cell in row))
    stream = io.StringIO()
    Console(file=stream, width=10_000, color_system=None).print(table)
    return "\n".join(_stripped(stream.getvalue()))


def _stripped(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield f"  {line.rstrip()}"
