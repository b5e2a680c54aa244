"""Calls a WSGI application (PEP 3333)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from wsgiref.types import WSGIApplication

from queuewright.engine import OutgoingRequest
from queuewright.testing.reply import Reply, reply


def call_wsgi(app: WSGIApplication, request: OutgoingRequest) -> Reply:
    """Call an application with a request. An exception that it raises is a response 500."""
    from werkzeug.test import EnvironBuilder, run_wsgi_app

    parts = urlsplit(request.url)
    builder = EnvironBuilder(
        method=request.method,
        base_url=f"{parts.scheme}://{parts.netloc}/",
        path=parts.path or "/",
        query_string=parts.query,
        headers=list(request.headers),
        data=request.body,
    )
    with _unhandled(app) as errors:
        try:
            body, status, headers = run_wsgi_app(app, builder.get_environ(), buffered=True)
        except Exception as error:
            return Reply(500, error=error)
        finally:
            builder.close()
    code = int(status.split(None, 1)[0])
    return reply(code, headers, b"".join(body), errors[-1] if errors else None)


@contextmanager
def _unhandled(app: object) -> Iterator[list[BaseException]]:
    """Collect the exceptions that Flask turns into a response 500, until the block ends."""
    errors: list[BaseException] = []
    flask = sys.modules.get("flask")
    if flask is None or not isinstance(app, flask.Flask):
        yield errors
        return

    def note(_app: object, exception: BaseException, **_: Any) -> None:  # noqa: ANN401 - a signal's
        errors.append(exception)

    connect: Callable[[Callable[..., None], object], object] = flask.got_request_exception.connect
    connect(note, app)
    try:
        yield errors
    finally:
        flask.got_request_exception.disconnect(note, app)
