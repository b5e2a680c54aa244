"""Python's garbage collector in a program that creates thousands of resources."""

from __future__ import annotations

import gc

# Allocations before the youngest generation is collected, and collections of each generation
# before the next: https://docs.python.org/3/library/gc.html#gc.set_threshold.
THRESHOLDS = (50_000, 20, 100)


def calm_collector() -> None:
    """Collect garbage less often, for the rest of this process.

    Everything that Pulumi creates lives until the program ends, so collecting finds nothing. With a
    thousand queues it would take most of the time (bench/stack.py). A collector that is off or
    already collects less often is not changed.
    """
    if 0 < gc.get_threshold()[0] < THRESHOLDS[0]:
        gc.set_threshold(*THRESHOLDS)
