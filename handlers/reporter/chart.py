"""Draws a month's sales as a bar chart. Pure: does no I/O.

The body of a task is a JSON object:

==========  ========================================================================================
`month`     required: a month, `2026-10`
`currency`  required: a code, `EUR`
`sales`     required: a list of numbers, 0 or more, one per day from the first; at most the month's
            days, at least one
==========  ========================================================================================
"""

from __future__ import annotations

import io
import json
import math
import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date

from PIL import Image, ImageDraw, ImageFont

SIZE = (960, 540)
LEFT, TOP, RIGHT, BOTTOM = 80, 70, 940, 490
"""The edges of the plot, in pixels."""
PAPER, INK, GRID, BAR = "#ffffff", "#1f2933", "#d9dee3", "#2f6f9f"
MOST = 1e12  # so that labels stay short


class Unusable(Exception):
    """A body that can never become a chart, however often it is retried."""


@dataclass(frozen=True)
class Sales:
    """The sales of a month, one amount per day from the first."""

    month: date
    """The month's first day."""
    currency: str
    amounts: tuple[float, ...]


def sales(body: bytes) -> Sales:
    """Return the sales that a task's body describes.

    Raises:
        Unusable: the body is wrong; the text says how.
    """
    try:
        task: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unusable(f"the body is not JSON: {error}") from None
    if not isinstance(task, dict):
        raise Unusable("the body is JSON, but not an object like {“month”: …, “sales”: …}")
    month, currency, amounts = (task.get(key) for key in ("month", "currency", "sales"))
    first = _first_day(month)
    if not isinstance(currency, str) or not re.fullmatch("[A-Z]{3}", currency):
        raise Unusable(f"`currency` is {currency!r}, not a code like EUR")
    days = monthrange(first.year, first.month)[1]
    if not isinstance(amounts, list) or not 1 <= len(amounts) <= days:
        raise Unusable(f"`sales` is not a list of 1 to {days} amounts, one per day of {month}")
    for day, amount in enumerate(amounts, 1):
        if type(amount) not in (int, float) or not 0 <= amount <= MOST:
            raise Unusable(f"`sales` of day {day} is {amount!r}, not a number from 0 to {MOST:.0f}")
    return Sales(first, currency, tuple(map(float, amounts)))


def chart(given: Sales) -> bytes:
    """Return the chart as a PNG of 960 × 540 pixels, the same for the same sales."""
    image = Image.new("RGB", SIZE, PAPER)
    draw = ImageDraw.Draw(image)
    title, label = ImageFont.load_default(24), ImageFont.load_default(14)
    draw.text((LEFT, 16), f"Sales in {given.month:%B %Y}", INK, title)
    total = f"{sum(given.amounts):,.2f} {given.currency}"
    draw.text((RIGHT, 24), total, INK, label, anchor="ra")
    step = grid_step(max(given.amounts))
    top = step * max(1, math.ceil(max(given.amounts) / step))
    for line in range(round(top / step) + 1):
        y = _height(line * step, top)
        draw.line((LEFT, y, RIGHT, y), GRID)
        draw.text((LEFT - 10, y), f"{line * step:,g}", INK, label, anchor="rm")
    width = (RIGHT - LEFT) / monthrange(given.month.year, given.month.month)[1]
    for day, amount in enumerate(given.amounts, 1):
        x = LEFT + (day - 1) * width
        if amount:
            bar = (round(x + width * 0.15), _height(amount, top), round(x + width * 0.85), BOTTOM)
            draw.rectangle(bar, BAR)
        if day == 1 or day % 5 == 0:
            draw.text((x + width / 2, BOTTOM + 10), str(day), INK, label, anchor="ma")
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def grid_step(largest: float) -> float:
    """Return the distance of the grid's lines: 1, 2 or 5 times a power of ten, at most 5 of them.

    >>> [grid_step(each) for each in (0, 3, 42, 480, 1200)]
    [1.0, 1.0, 10.0, 100.0, 500.0]
    """
    if largest <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(largest / 5))
    return next(
        each * power for each in (1.0, 2.0, 5.0, 10.0) if largest <= 5 * each * power * (1 + 1e-9)
    )


def _height(amount: float, top: float) -> int:
    """Return where an amount is, in pixels from the upper edge."""
    return round(BOTTOM - amount / top * (BOTTOM - TOP))


def _first_day(month: object) -> date:
    if isinstance(month, str) and re.fullmatch(r"\d{4}-\d{2}", month, re.ASCII):
        try:
            return date.fromisoformat(f"{month}-01")
        except ValueError:
            pass
    raise Unusable(f"`month` is {month!r}, not a month like 2026-10")
