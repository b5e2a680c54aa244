"""A Cloud Run service that makes a thumbnail of the image in a task's body, and mails it.

`POST /` with the bytes of an image writes a JPEG to the folder `THUMBNAILS` and adds a task to
another queue, whose handler sends the thumbnail by mail. On Cloud Run the folder disappears with
the instance, unless a bucket is mounted there; nothing is lost, as the mail has the thumbnail too.

================  ================================================================================
`THUMBNAILS`      the folder; default `out/thumbnails` in the working directory
`THUMBNAIL_SIZE`  the longer side in pixels, 16 to 800; default 320
`QUEUE_EMAILS`    the full name of the queue for the mail; if unset, no mail
`MAIL_TO`         the recipient of the mail; required with `QUEUE_EMAILS`
================  ================================================================================

Cloud Tasks retries a task until it gets a 2xx response. A body that is not an image will not be one
next time either: it is dropped with 200 and a log line of severity ERROR. For every other failure
the response is 5xx, and the task is retried. A second delivery writes the same file and adds no
second mail.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import flask
from google.api_core.exceptions import GoogleAPICallError, RetryError
from mail import enqueue
from picture import Unusable, thumbnail

SIZES = range(16, 801)  # the thumbnail must fit into the mail's task, which holds 1 MiB

app = flask.Flask(__name__)


@app.post("/")
def make() -> tuple[str, int]:
    """Make the thumbnail of the posted image."""
    image = flask.request.get_data()
    task = flask.request.headers.get("X-CloudTasks-TaskName", "")
    digest = hashlib.sha256(image).hexdigest()
    try:
        small = thumbnail(image, _size())
    except Unusable as error:
        _log("ERROR", f"{task}: dropped, retrying cannot help: {error}")
        return f"dropped: {error}\n", 200
    path = _folder() / f"{digest[:20]}.jpg"
    path.write_bytes(small.jpeg)
    _log("INFO", f"wrote {path}, {small.width} × {small.height} pixels")

    queue, to = os.environ.get("QUEUE_EMAILS"), os.environ.get("MAIL_TO")
    if not queue:
        return f"wrote {path.name}; QUEUE_EMAILS is not set, so no mail\n", 200
    if not to:
        _log("ERROR", "QUEUE_EMAILS is set, so MAIL_TO must be set too")
        return "MAIL_TO is not set\n", 500
    name = "thumbnail-" + hashlib.sha256(f"{task}/{digest}".encode()).hexdigest()[:32]
    try:
        new = enqueue(queue, name, to=to, thumbnail=small, filename=path.name)
    except (GoogleAPICallError, RetryError) as error:
        _log("ERROR", f"{task}: no mail enqueued on {queue}, will be retried: {error}")
        return f"no mail enqueued: {error}\n", 503
    outcome = f"enqueued the mail {name}" if new else f"the mail {name} was already enqueued"
    _log("INFO", outcome)
    return f"wrote {path.name}; {outcome}\n", 200


def _size() -> int:
    size = int(os.environ.get("THUMBNAIL_SIZE") or 320)
    if size not in SIZES:
        raise ValueError(f"THUMBNAIL_SIZE is {size}; it can be {SIZES[0]} to {SIZES[-1]}")
    return size


def _folder() -> Path:
    folder = Path(os.environ.get("THUMBNAILS") or "out/thumbnails").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _log(severity: str, text: str) -> None:
    """Print a line; on Cloud Run (which sets `K_SERVICE`) as JSON, to keep the severity."""
    if "K_SERVICE" in os.environ:
        print(json.dumps({"severity": severity, "message": text}), flush=True)
    else:
        print(text if severity == "INFO" else f"{severity} {text}", flush=True)
