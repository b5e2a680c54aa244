"""An App Engine service that books orders, each once.

`POST /` with a JSON body such as

    {"order": 1815, "amount": "12.50", "currency": "EUR"}

writes a file for the order below `LEDGER`, by default a folder among the temporary files: nothing
else can be written on App Engine, where it is gone with the instance. A ledger that lasts has a
database in its place.

Cloud Tasks repeats a task until it gets a 2xx answer. An order that is booked already with the same
amount is done: 200. What can never be booked, as it is no order, or is booked with another amount,
is dropped with 200 and a line of severity ERROR. A folder that cannot be written answers 503.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path
from uuid import uuid4

import flask

AMOUNT = r"-?\d{1,12}\.\d{2}"

app = flask.Flask(__name__)


class Unusable(Exception):
    """A task that can never be booked, however often it is repeated."""


@app.post("/")
def book() -> tuple[str, int]:
    """Book the order that one task carries."""
    # App Engine takes this header off every request that comes from outside:
    # https://cloud.google.com/tasks/docs/creating-appengine-handlers#reading-headers
    if not flask.request.headers.get("X-AppEngine-QueueName"):
        return "only Cloud Tasks may book\n", 403
    task = flask.request.headers.get("X-AppEngine-TaskName", "")
    try:
        order, entry = _entry(flask.request.get_data())
        outcome = _booked(order, entry)
    except Unusable as error:
        _log("ERROR", f"{task}: dropped, repeating it cannot help: {error}")
        return f"dropped: {error}\n", 200
    except OSError as error:
        _log("ERROR", f"{task}: not booked, to be repeated: {error}")
        return f"not booked: {error}\n", 503
    _log("INFO", outcome)
    return f"{outcome}\n", 200


def _entry(body: bytes) -> tuple[int, str]:
    """Return an order's number, and its entry as it stands in the book."""
    try:
        task: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unusable(f"the body is not JSON: {error}") from None
    if not isinstance(task, dict):
        raise Unusable("the body is JSON, but no object like {“order”: …, “amount”: …}")
    order, amount, currency = (task.get(key) for key in ("order", "amount", "currency"))
    if type(order) is not int or order < 1:
        raise Unusable(f"`order` is {order!r}, and not a number of 1 or more")
    if not isinstance(amount, str) or not re.fullmatch(AMOUNT, amount, re.ASCII):
        raise Unusable(f"`amount` is {amount!r}, and not a text like 12.50")
    if not isinstance(currency, str) or not re.fullmatch("[A-Z]{3}", currency):
        raise Unusable(f"`currency` is {currency!r}, and not a code like EUR")
    return order, f"{amount} {currency}"


def _booked(order: int, entry: str) -> str:
    """Write the entry unless there is one, and say which."""
    folder = Path(os.environ.get("LEDGER") or Path(tempfile.gettempdir(), "ledger")).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{order}.txt"
    unfinished = folder / f"{uuid4()}.part"
    unfinished.write_text(f"{entry}\n", encoding="utf-8")
    try:
        path.hardlink_to(unfinished)  # whole or not at all, and never in the place of another
    except FileExistsError:
        before = path.read_text(encoding="utf-8").strip()
        if before != entry:
            raise Unusable(f"order {order} is booked with {before}, not {entry}") from None
        return f"order {order} was booked before"
    finally:
        unfinished.unlink()
    return f"booked order {order}: {entry}"


def _log(severity: str, text: str) -> None:
    """Print a line; on App Engine (which sets `GAE_ENV`) as JSON, so that severity is kept."""
    if "GAE_ENV" in os.environ:
        print(json.dumps({"severity": severity, "message": text}), flush=True)
    else:
        print(text if severity == "INFO" else f"{severity} {text}", flush=True)
