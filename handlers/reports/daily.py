"""Turns a day's orders into a table with totals. Pure: does no I/O.

The body of a task is a JSON object:

========  ==========================================================================================
`day`     required: a date, `2026-11-24`
`orders`  required: a list of `{"order": 1815, "amount": "12.50", "currency": "EUR"}`, each order
          once; an amount is a string, because JSON numbers cannot represent cents exactly
========  ==========================================================================================
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

AMOUNT = r"-?\d{1,12}(\.\d{1,2})?"


class Unusable(Exception):
    """A body that can never become a report, however often it is retried."""


@dataclass(frozen=True)
class Report:
    """The orders of one day, as a table."""

    day: date
    orders: int
    table: str
    """CSV with a header line, one line per order, and one line per currency with its total."""


def report(body: bytes) -> Report:
    """Return the report for a task's body.

    Raises:
        Unusable: the body is wrong; the text says how.
    """
    try:
        task: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unusable(f"the body is not JSON: {error}") from None
    if not isinstance(task, dict):
        raise Unusable("the body is JSON, but not an object like {“day”: …, “orders”: …}")
    rows = list(_rows(task.get("orders")))
    totals: defaultdict[str, Decimal] = defaultdict(Decimal)
    for _, amount, currency in rows:
        totals[currency] += amount
    file = io.StringIO()
    lines = csv.writer(file, lineterminator="\n")
    lines.writerow(("order", "amount", "currency"))
    lines.writerows((order, f"{amount:.2f}", currency) for order, amount, currency in rows)
    lines.writerows(("total", f"{totals[each]:.2f}", each) for each in sorted(totals))
    return Report(_day(task.get("day")), len(rows), file.getvalue())


def _day(given: object) -> date:
    try:
        return date.fromisoformat(given if isinstance(given, str) else "")
    except ValueError:
        raise Unusable(f"`day` is {given!r}, not a date like 2026-11-24") from None


def _rows(orders: object) -> Iterator[tuple[int, Decimal, str]]:
    if not isinstance(orders, list):
        raise Unusable("`orders` is missing or not a list")
    seen = set()
    for entry in orders:
        if not isinstance(entry, dict):
            raise Unusable(f"{entry!r} is not an order")
        order, amount, currency = (entry.get(key) for key in ("order", "amount", "currency"))
        if type(order) is not int:
            raise Unusable(f"`order` is {order!r}, not a whole number")
        if not isinstance(amount, str) or not re.fullmatch(AMOUNT, amount, re.ASCII):
            raise Unusable(f"order {order}: `amount` is {amount!r}, not a string like 12.50")
        if not isinstance(currency, str) or not re.fullmatch("[A-Z]{3}", currency):
            raise Unusable(f"order {order}: `currency` is {currency!r}, not a code like EUR")
        if order in seen:
            raise Unusable(f"order {order} is listed twice")
        seen.add(order)
        yield order, Decimal(amount), currency
