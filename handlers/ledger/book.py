"""An App Engine service that books orders, each exactly once.

`POST /` with a JSON body such as

    {"order": 1815, "amount": "12.50", "currency": "EUR"}

writes a file for the order to the folder `LEDGER`, by default in the temporary folder: nothing else
is writable on App Engine, and it disappears with the instance. A real ledger would use a database.

Cloud Tasks retries a task until it gets a 2xx response, so the response says whether to retry:

* 200: booked, or already booked with the same amount.
* 200 as well, with a log line of severity ERROR: dropped, because it can never be booked. The body
  is not an order, or the order is booked with another amount.
* 503: the folder cannot be written.
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
    """A task that can never be booked, however often it is retried."""


@app.post("/")
def book() -> tuple[str, int]:
    """Book the order that one task carries."""
    # App Engine removes this header from every request that comes from outside:
    # https://cloud.google.com/tasks/docs/creating-appengine-handlers#reading-headers
    if not flask.request.headers.get("X-AppEngine-QueueName"):
        return "only Cloud Tasks may book\n", 403
    task = flask.request.headers.get("X-AppEngine-TaskName", "")
    try:
        order, entry = _entry(flask.request.get_data())
        outcome = _booked(order, entry)
    except Unusable as error:
        _log("ERROR", f"{task}: dropped, retrying cannot help: {error}")
        return f"dropped: {error}\n", 200
    except OSError as error:
        _log("ERROR", f"{task}: not booked, will be retried: {error}")
        return f"not booked: {error}\n", 503
    _log("INFO", outcome)
    return f"{outcome}\n", 200


def _entry(body: bytes) -> tuple[int, str]:
    """Return an order's number and its entry in the ledger."""
    try:
        task: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unusable(f"the body is not JSON: {error}") from None
    if not isinstance(task, dict):
        raise Unusable("the body is JSON, but not an object like {“order”: …, “amount”: …}")
    order, amount, currency = (task.get(key) for key in ("order", "amount", "currency"))
    if type(order) is not int or order < 1:
        raise Unusable(f"`order` is {order!r}, not a whole number of 1 or more")
    if not isinstance(amount, str) or not re.fullmatch(AMOUNT, amount, re.ASCII):
        raise Unusable(f"`amount` is {amount!r}, not a string like 12.50")
    if not isinstance(currency, str) or not re.fullmatch("[A-Z]{3}", currency):
        raise Unusable(f"`currency` is {currency!r}, not a code like EUR")
    return order, f"{amount} {currency}"


def _booked(order: int, entry: str) -> str:
    """Write the entry unless it exists; return what happened."""
    folder = Path(os.environ.get("LEDGER") or Path(tempfile.gettempdir(), "ledger")).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{order}.txt"
    unfinished = folder / f"{uuid4()}.part"
    unfinished.write_text(f"{entry}\n", encoding="utf-8")
    try:
        path.hardlink_to(unfinished)  # atomic, and fails if the file exists
    except FileExistsError:
        before = path.read_text(encoding="utf-8").strip()
        if before != entry:
            raise Unusable(f"order {order} is already booked with {before}, not {entry}") from None
        return f"order {order} was already booked"
    finally:
        unfinished.unlink()
    return f"booked order {order}: {entry}"


def _log(severity: str, text: str) -> None:
    """Print a line; on App Engine (which sets `GAE_ENV`) as JSON, to keep the severity."""
    if "GAE_ENV" in os.environ:
        print(json.dumps({"severity": severity, "message": text}), flush=True)
    else:
        print(text if severity == "INFO" else f"{severity} {text}", flush=True)
