"""The machine's clocks, moved by hand."""

from __future__ import annotations

import time

import pytest


class Clocks:
    """The machine's two clocks, by hand, in the place of `time`."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.wall_s, self.steady_s = 1_700_000_000.0, 1_000.0
        self.held_up: list[float] = []
        """How long the process is held up between its looks at the two clocks."""
        patch.setattr(time, "time_ns", lambda: int(self.wall_s * 1e9))
        patch.setattr(time, "monotonic_ns", self._steady_ns)

    def _steady_ns(self) -> int:
        self.pass_s(self.held_up.pop(0) if self.held_up else 0)
        return int(self.steady_s * 1e9)

    def pass_s(self, seconds: float) -> None:
        self.wall_s += seconds
        self.steady_s += seconds
