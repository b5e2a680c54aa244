"""A day's orders as a table with a total. Pure: nothing is served, written or logged here.

The body of a task is one JSON object:

========  ==========================================================================================
`day`     required: a date, `2026-11-24`
`orders`  required: a list of `{"order": 1815, "amount": "12.50", "currency": "EUR"}`, each order
          once; an amount is a text, as JSON's numbers have no exact cents
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
    """A body that can never become a report, however often it is repeated."""


@dataclass(frozen=True)
class Report:
    """The table of one day."""

    day: date
    orders: int
    table: str
    """CSV with a heading; one line for each order, then one for the total of each currency."""


def report(body: bytes) -> Report:
    """Return the report that a task's body asks for.

    Raises:
        Unusable: with the reason, in words.
    """
    try:
        task: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unusable(f"the body is not JSON: {error}") from None
    if not isinstance(task, dict):
        raise Unusable("the body is JSON, but no object like {“day”: …, “orders”: …}")
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
        raise Unusable(f"`day` is {given!r}, and not a date like 2026-11-24") from None


def _rows(orders: object) -> Iterator[tuple[int, Decimal, str]]:
    if not isinstance(orders, list):
        raise Unusable("`orders` is missing, or no list")
    seen = set()
    for entry in orders:
        if not isinstance(entry, dict):
            raise Unusable(f"{entry!r} is no order")
        order, amount, currency = (entry.get(key) for key in ("order", "amount", "currency"))
        if type(order) is not int:
            raise Unusable(f"`order` is {order!r}, and not a whole number")
        if not isinstance(amount, str) or not re.fullmatch(AMOUNT, amount, re.ASCII):
            raise Unusable(f"order {order}: `amount` is {amount!r}, and not a text like 12.50")
        if not isinstance(currency, str) or not re.fullmatch("[A-Z]{3}", currency):
            raise Unusable(f"order {order}: `currency` is {currency!r}, and not a code like EUR")
        if order in seen:
            raise Unusable(f"order {order} is listed twice")
        seen.add(order)
        yield order, Decimal(amount), currency
