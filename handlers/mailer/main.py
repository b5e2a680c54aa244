"""A Cloud Run function that sends a mail for each task.

`POST /send` with a JSON body such as

    {"to": "ada@example.com", "subject": "Welcome", "text": "It works."}

renders a mail and sends it by SMTP. Without `SMTP_HOST` it writes an `.eml` file instead, which any
mail program can open. `message.py` describes the body, `delivery.py` the environment variables.

Cloud Tasks retries a task until it gets a 2xx response, and this queue keeps dead letters:

* 200: delivered.
* 503: the mail server is unreachable, busy or not configured. The task is retried, and becomes a
  dead letter after the last attempt.
* A `PermanentError`: retrying could never help (not JSON, no recipient, an address that the mail
  server rejects permanently). The task becomes a dead letter at once.

A task may be delivered twice. Both mails then have the same `Message-ID`, and both `.eml` files the
same name.
"""

from __future__ import annotations

import hashlib
import json
import os
import re

import flask
from delivery import TemporaryError, deliver, sender
from message import compose

from queuewright_runtime import PermanentError


def handle(request: flask.Request) -> tuple[str, int]:
    """Deliver the mail of one task. The functions framework calls this."""
    if request.path != "/send":
        return f"no such path: {request.path}; send mails to /send\n", 404
    if request.method != "POST":
        return "send a task with POST\n", 405
    body = request.get_data()
    identity = _identity(request, body)
    try:
        mail, remarks = compose(body, sender=sender(), identity=identity)
        for remark in remarks:
            _log("WARNING", f"{identity}: {remark}")
        outcome = deliver(mail, identity)
    except PermanentError as error:
        _log("ERROR", f"{identity}: retrying cannot help: {error}")
        raise
    except TemporaryError as error:
        _log("ERROR", f"{identity}: not sent, will be retried: {error}")
        return f"not sent: {error}\n", 503
    _log("INFO", f"{identity}: {outcome}")
    return f"{outcome}\n", 200


def _identity(request: flask.Request, body: bytes) -> str:
    """A name for the mail: the same at every delivery of the task, and valid as a file name.

    A task's id has 1 to 500 letters, digits, `-` and `_`; file systems allow 255 bytes.
    A request that is not from a task gets a name derived from its body.
    """
    queue = request.headers.get("X-CloudTasks-QueueName", "")
    task = request.headers.get("X-CloudTasks-TaskName", "")
    if re.fullmatch(r"[A-Za-z0-9-]{1,100}", queue) and re.fullmatch(r"[\w-]{1,100}", task, re.A):
        return f"{queue}-{task}"
    source = f"{queue}/{task}".encode() if task else body
    return f"mail-{hashlib.sha256(source).hexdigest()[:20]}"


def _log(severity: str, text: str) -> None:
    """Print a line; on Cloud Run (which sets `K_SERVICE`) as JSON, to keep the severity."""
    if "K_SERVICE" in os.environ:
        print(json.dumps({"severity": severity, "message": text}), flush=True)
    else:
        print(text if severity == "INFO" else f"{severity} {text}", flush=True)
