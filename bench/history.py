"""What the history costs the engine: `.venv/bin/python bench/history.py [--rounds N] [--queues N]`.

Engines with a history and with a listener that does nothing alternate, each with 20 queues that
may dispatch 500/s each, the most that a queue may have. With 40 queues, that is more than two cores
can do, and the processor sets the rate. Engine, handler and client are processes of their own.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from typing import Final

from engine import QUEUE, Api, _cpu_s, arrivals, child, state_folder

from queuewright.engine.protocol import messages

LISTENERS: Final = ("idle", "history")
RATE: Final = 500
SECONDS: Final = 3


def dispatched(listener: str, queues: int) -> tuple[float, float]:
    """Return how many tasks an engine dispatches in a second, and its CPU time for each in µs."""
    with (
        state_folder() as state,
        child("engine", state, "", listener) as engine,
        child("handler") as handler,
    ):
        api = Api(engine.port)
        names = [f"{QUEUE}{number}" for number in range(queues)]
        for name in names:
            api.create_queue(name, RATE)
            api("PauseQueue", messages.PauseQueueRequest(name=name))
            api.fill(name, RATE * (SECONDS + 2), lambda _: time.time(), handler.port)
        for name in names:
            api("ResumeQueue", messages.ResumeQueueRequest(name=name))
        begin = time.time() + 1
        time.sleep(1)
        before = _cpu_s(engine.pid)
        time.sleep(SECONDS)
        cpu_s = _cpu_s(engine.pid) - before
        count = sum(begin <= at < begin + SECONDS for at, _, _ in arrivals(handler))
    return count / SECONDS, cpu_s / count * 1e6


def main() -> None:
    """Print the figures; the exit code is 1 if the history costs too much."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--queues", type=int, default=20)
    options = parser.parse_args()
    rates: dict[str, list[float]] = {listener: [] for listener in LISTENERS}
    costs: dict[str, list[float]] = {listener: [] for listener in LISTENERS}
    for _ in range(options.rounds):  # alternating, so that what disturbs the machine meets all
        for listener in LISTENERS:
            rate, cost_us = dispatched(listener, options.queues)
            rates[listener].append(rate)
            costs[listener].append(cost_us)
    for listener in LISTENERS:
        rate, cost_us = statistics.median(rates[listener]), statistics.median(costs[listener])
        print(f"{listener:<10}{rate:>10,.0f}/s{cost_us:>10.0f} µs of CPU for each")
    ratio = statistics.median(
        ours / theirs for ours, theirs in zip(rates["history"], rates["idle"], strict=True)
    )
    print(f"with history / without  {ratio:.3f}  >= 0.9")
    sys.exit(ratio < 0.9)


if __name__ == "__main__":
    main()
