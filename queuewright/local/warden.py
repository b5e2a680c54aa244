"""A tiny process that outlives `queuewright up` by an instant, and leaves none of its children.

It reads `+PID` (a process group that has started) and `-PID` (one that is gone) from its
standard input. The input ends when `up` does, in whatever way; what is left then is ended:
SIGTERM, and SIGKILL after the grace. Run as a file; imports nothing of ours.
"""

from __future__ import annotations

import os
import signal
import sys
import time

GRACE_S = (
    10.0  # as Cloud Run: https://cloud.google.com/run/docs/container-contract#instance-shutdown
)
STEP_S = 0.02


def main() -> None:
    """Watch until the input ends, then clear up."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        sign, number = line[:1], int(line[1:])
        (groups.add if sign == "+" else groups.discard)(number)
    end(groups)


def end(groups: set[int]) -> None:
    """End process groups, and return when they are gone."""
    signalled = {group for group in groups if send(group, signal.SIGTERM)}
    give_up = time.monotonic() + GRACE_S
    while signalled and time.monotonic() < give_up:
        time.sleep(STEP_S)
        signalled = {group for group in signalled if send(group, 0)}
    for group in signalled:
        send(group, signal.SIGKILL)


def send(group: int, number: int) -> bool:
    """Send a signal to a process group; whether there is one to send it to."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS: EPERM where only a zombie is left
        return False
    return True


if __name__ == "__main__":
    main()
