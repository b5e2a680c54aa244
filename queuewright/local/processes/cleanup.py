"""A small process that ends what `queuewright up` started, however `up` itself ends.

It reads `+PID` (a process group has started) and `-PID` (a group is gone) from its standard
input. The input ends when `up` does; the groups that are left then are ended: SIGTERM, and
SIGKILL after 10 seconds. It runs as a file and imports nothing of ours.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

GRACE_S = 10.0
"""As Cloud Run: https://cloud.google.com/run/docs/container-contract#instance-shutdown."""
STEP_S = 0.05


def main() -> None:
    """Keep the list of groups until the input ends, then end those that are left."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        sign, number = line[:1], int(line[1:])
        (groups.add if sign == "+" else groups.discard)(number)
    end(groups)


def end(groups: set[int]) -> None:
    """End process groups, and return when they are gone."""
    left = {group for group in groups if send(group, signal.SIGTERM)}
    give_up = time.monotonic() + GRACE_S
    while left and time.monotonic() < give_up:
        time.sleep(STEP_S)
        left = living(left)
    for group in left:
        send(group, signal.SIGKILL)


def living(groups: set[int]) -> set[int]:
    """Return the groups that have a process other than a zombie.

    In a container without an init process, a zombie is never collected.
    """
    there = {group for group in groups if send(group, 0)}
    if not there:
        return there
    try:
        command = ("ps", "-A", "-o", "pgid=,stat=")
        listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return there
    lines = (line.split() for line in listing.splitlines())
    return there & {int(group) for group, state in lines if not state.startswith("Z")}


def send(group: int, number: int) -> bool:
    """Send a signal to a process group; return whether the group exists."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS: EPERM where only a zombie is left
        return False
    return True


if __name__ == "__main__":
    main()
