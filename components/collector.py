"""Python's garbage collector, while a program makes thousands of resources."""

from __future__ import annotations

import gc

# So many new objects, and so many rounds of the younger generations, before it looks at the next:
# https://docs.python.org/3/library/gc.html#gc.set_threshold. bench/stack.py shows the effect.
THRESHOLDS = (50_000, 20, 100)


def calm_collector() -> None:
    """Let the collector look seldom, for the rest of this process.

    All that Pulumi makes of a resource lives until the program ends. To look through it again and
    again finds nothing, and takes most of the time of a program with a thousand queues.
    A collector that is off, or looks even less often, is left as it is.
    """
    if 0 < gc.get_threshold()[0] < THRESHOLDS[0]:
        gc.set_threshold(*THRESHOLDS)
