"""The paths of the small charts: answers over time, and the attempts of a task. Pure.

All bars of a kind are one path, so that a step changes one attribute.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from queuewright.dashboard import words

STEP_US: Final = 10 * words.SECOND_US
"""The span of one bar."""
BARS: Final = 60


@dataclass(frozen=True)
class Frame:
    """The geometry of a chart of answers; the base line is drawn at `base`."""

    step: float
    stroke: float
    base: float
    up: float
    """The height of the tallest answered bar."""
    down: float
    height: float
    headroom: float
    """The scale grows up to so many times to show the limit."""

    @property
    def width(self) -> float:
        """The width of all bars."""
        return self.step * BARS


SMALL: Final = Frame(step=3, stroke=2, base=22, up=20, down=8, height=32, headroom=2)
LARGE: Final = Frame(step=12, stroke=8, base=50, up=46, down=20, height=72, headroom=6)


@dataclass(frozen=True)
class Chart:
    """A drawn chart of answers."""

    frame: Frame
    up: str
    """The path of the answered bars."""
    down: str
    """The path of the failed ones."""
    limit_y: float | None
    """Where the limit is; None if it is out of scale, or nothing came near it."""
    top: float
    """The rate at the top of the chart, answers a second."""


def ceiling(value: float) -> float:
    """Return the next of 1, 2, 5 × 10ⁿ, at least 0.1.

    >>> ceiling(0), ceiling(0.12), ceiling(3.4), ceiling(1100)
    (0.1, 0.2, 5.0, 2000.0)
    """
    if value <= 0.1:
        return 0.1
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if value <= step * power * (1 + 1e-9))


def chart(answered: Sequence[int], failed: Sequence[int], limit: float, frame: Frame) -> Chart:
    """Return the chart of the last `BARS` steps, the latest at the right.

    Args:
        answered: answers with 2xx in each step, oldest first.
        failed: failed attempts in each step.
        limit: the rate that is allowed, a second.
        frame: the geometry.
    """
    step_s = STEP_US / words.SECOND_US
    most = max(answered, default=0) / step_s
    top = ceiling(max(most, max(failed, default=0) / step_s))
    if limit <= top * frame.headroom and most > 0:
        top = max(top, ceiling(limit))
    scale = frame.up / top / step_s
    base = frame.base
    return Chart(
        frame=frame,
        up=_bars(answered, frame, base - 1, -1, scale, frame.up),
        down=_bars(failed, frame, base + 1, 1, scale, frame.down),
        limit_y=round(base - 1 - frame.up * limit / top, 1) if limit <= top and most > 0 else None,
        top=top,
    )


def _bars(
    counts: Sequence[int], frame: Frame, start: float, way: int, scale: float, most: float
) -> str:
    parts = []
    offset = BARS - len(counts)
    for index, count in enumerate(counts):
        if count:
            x = (index + offset + 0.5) * frame.step
            height = min(most, max(1.0, count * scale))
            parts.append(f"M{x:g} {start:g}v{way * round(height, 1):g}")
    return "".join(parts)


MOST_MARKS: Final = 40
"""Of more attempts, the strip shows the last ones."""
KEPT_MARKS: Final = 12


@dataclass(frozen=True)
class Mark:
    """An attempt on the strip. Positions are percentages of its width."""

    x: float
    end: float
    """Where it ended; a bar is drawn if that is visibly later."""
    label: str
    state: str
    """`ok`, `bad`, `run` or `plan`."""
    time: str
    """The time below it; "" shows none."""
    anchor: str
    """How that text is aligned: `s`, `m` or `e`."""


@dataclass(frozen=True)
class Wait:
    """The wait between two attempts: its rail, and its length in words if there is room."""

    x1: float
    x2: float
    text: str
    text_x: float
    is_planned: bool


@dataclass(frozen=True)
class Strip:
    """The attempts of a task along time."""

    marks: tuple[Mark, ...]
    waits: tuple[Wait, ...]
    now_x: float | None
    earlier: int
    """Attempts that are left out at the left."""
    is_logarithmic: bool


@dataclass(frozen=True)
class Point:
    """An attempt for the strip."""

    number: int
    start_us: int
    end_us: int | None
    state: str
    label: str = ""


LEFT, RIGHT = 1.8, 98.0
_ROOM: Final = 3.4
"""Per cent that a text over a wait needs; about 28 px of 830."""


def strip(points: Sequence[Point], now_us: int) -> Strip | None:
    """Return the strip of attempts, oldest first; a planned one comes last. None without any."""
    if not points:
        return None
    earlier = len(points) - KEPT_MARKS if len(points) > MOST_MARKS else 0
    shown = points[earlier:]
    first_us, last = shown[0].start_us, shown[-1]
    is_over = last.state in ("ok", "bad")
    end_us = max(last.start_us, last.end_us or last.start_us, first_us + 1)
    if not is_over and last.state != "plan":
        end_us = max(end_us, now_us)
    gaps = [max(1, after.start_us - before.start_us) for before, after in itertools.pairwise(shown)]
    is_log = bool(gaps) and max(gaps) > 400 * min(gaps)

    def scaled(at_us: int) -> float:
        away = max(0, at_us - first_us)
        return math.log1p(away / words.SECOND_US) if is_log else float(away)

    whole = scaled(end_us) or 1.0

    def x(at_us: int) -> float:
        if len(shown) == 1 and is_over:
            return LEFT
        return round(LEFT + (RIGHT - LEFT) * min(1.0, scaled(at_us) / whole), 2)

    marks = []
    for index, point in enumerate(shown):
        is_end = index == len(shown) - 1
        has_time = index == 0 or is_end or (len(shown) > 2 and index == len(shown) - 2)
        at = x(point.start_us)
        crowded = has_time and 0 < index < len(shown) - 1 and (at < 14 or at > 86)
        marks.append(
            Mark(
                x=at,
                end=x(point.end_us) if point.end_us is not None else at,
                label=point.label or str(point.number),
                state=point.state,
                time=words.clock(point.start_us) if has_time and not crowded else "",
                anchor="s" if index == 0 else "e" if at > 90 else "m",
            )
        )
    waits = []
    for before, after in itertools.pairwise(shown):
        since_us = before.end_us or before.start_us
        x1, x2 = x(since_us), x(after.start_us)
        text = words.wait(after.start_us - since_us) if x2 - x1 >= _ROOM else ""
        waits.append(Wait(x1, x2, text, (x1 + x2) / 2, is_planned=after.state == "plan"))
    is_ahead = last.state == "plan" and first_us <= now_us < last.start_us
    now_x = x(now_us) if is_ahead and x(now_us) < RIGHT - _ROOM else None
    if now_x is not None and waits:
        waits[-1] = _beside(waits[-1], now_x)
    return Strip(tuple(marks), tuple(waits), now_x, earlier, is_log)


def _beside(wait: Wait, now_x: float) -> Wait:
    """Move the text of a wait away from the line at `now_x`, to the side with more room."""
    if abs(wait.text_x - now_x) >= _ROOM:
        return wait
    left, right = (wait.x1 + now_x) / 2, (now_x + wait.x2) / 2
    at = left if now_x - wait.x1 > wait.x2 - now_x else right
    return replace(wait, text_x=at, text=wait.text if abs(at - now_x) >= _ROOM else "")
