"""The HTTP server of the REST API: what aiohttp itself refuses is answered as Google refuses.

aiohttp answers a request that it cannot read in plain text; Google's clients expect JSON.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from queuewright.engine.api.http_log import LOGGER, first_line
from queuewright.engine.api.rest_errors import envelope
from queuewright.errors import Refusal

MAX_LINE: Final = 8190
"""Bytes of the request line or of a header, as by default in aiohttp."""


def json_response(body: Mapping[str, Any], status: int, *, pretty: bool = True) -> web.Response:
    """Return a response as Google's API sends it."""
    text = json.dumps(body, indent=2 if pretty else None, ensure_ascii=False)
    return web.Response(
        body=f"{text}\n".encode(), status=status, content_type="application/json", charset="UTF-8"
    )


def refused(refusal: Refusal) -> web.Response:
    """Return the response for a refusal."""
    status, body = envelope(refusal)
    return json_response(body, status)


class RestRunner(web.AppRunner):
    """Runs an application whose errors are all JSON."""

    def __init__(self, app: web.Application) -> None:
        super().__init__(app, access_log=None, logger=LOGGER, max_line_size=MAX_LINE)

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
        )


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Connection(
            self,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # which turns it off
            logger=LOGGER,
            max_line_size=MAX_LINE,
            max_field_size=MAX_LINE,
        )


class _Connection(web.RequestHandler):
    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a request that aiohttp cannot read, or at which the application failed."""
        super().handle_error(request, status, exc, message)  # logs it
        response = refused(_refusal(status, exc, message))
        response.force_close()
        return response


def _refusal(status: int, error: BaseException | None, message: str | None) -> Refusal:
    if status == 504:
        return Refusal("DEADLINE_EXCEEDED", "The request took too long.")
    if status >= 500:
        return Refusal("INTERNAL", "Internal error encountered.")
    if isinstance(error, LineTooLong):
        what = f"the request line or a header has more than {MAX_LINE:,} bytes"
    else:
        what = first_line(message or "it cannot be read").rstrip(".")
    return Refusal("INVALID_ARGUMENT", f"Malformed HTTP request: {what}.")
