"""How many connections this process may open: its share of the file descriptors."""

from __future__ import annotations

import contextlib
import resource
import sys
from typing import Final

_WANTED: Final = 10_240 if sys.platform == "darwin" else 65_536
"""On macOS OPEN_MAX (sys/syslimits.h), which `setrlimit` does not exceed, whatever the hard limit
is. Elsewhere enough for ten queues, each with as many attempts at a time as Google allows."""

_FOR_OTHERS: Final = 128
"""Kept for listeners, clients' connections, the state file and the libraries."""

_FEWEST: Final = 16


def connections(descriptors_each: int) -> int:
    """Return the maximum number of connections to handlers.

    Args:
        descriptors_each: the file descriptors that each connection uses in this process.
    """
    return max(_FEWEST, (raised_limit() - _FOR_OTHERS) // descriptors_each)


def raised_limit() -> int:
    """Raise the soft limit on file descriptors as far as possible, and return it.

    By default it is 1,024 on most Linux systems and 256 on macOS.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED if hard == resource.RLIM_INFINITY else min(hard, _WANTED)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted if soft == resource.RLIM_INFINITY else soft
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft
