"""The REST listener. It also serves the keys that verify the engine's tokens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from queuewright.engine.api import beta2, beta3
from queuewright.engine.api.methods import Version, v2
from queuewright.engine.api.rest_errors import envelope
from queuewright.engine.api.rest_json import shown
from queuewright.engine.api.rest_listener import json_response, refused
from queuewright.engine.api.rest_request import Query, http_method, message, query, task_headers
from queuewright.engine.api.rest_routes import BUFFER_TASK, matched
from queuewright.engine.dispatch.tokens import Signer
from queuewright.engine.service.service import Caller, Service
from queuewright.errors import Refusal
from queuewright.origins import RequestFilter, browser_objection

MAX_BODY: Final = 10 * 1024 * 1024
"""Bytes of a request's body. Google's front end states this number in its refusals."""

BODY_TIMEOUT_S: Final = 30.0
"""How long a request's body may take to arrive; after that, the connection is closed."""

_LOG: Final = logging.getLogger(__name__)


def application(
    service: Service,
    caller: Caller,
    *,
    signer: Signer | None = None,
    pages: Iterable[web.AbstractRouteDef] = (),
    allowed_hosts: Collection[str] = (),
    any_address: bool = False,
    max_body: int = MAX_BODY,
    body_timeout_s: float = BODY_TIMEOUT_S,
) -> web.Application:
    """Return the HTTP application that serves `service` to `caller`.

    Args:
        service: answers the calls of every version of the API.
        caller: the caller of every request; an HTTP listener has only one.
        signer: its public keys are served. None serves no keys.
        pages: routes that take precedence over the API, for a dashboard.
        allowed_hosts: names that `Host` may have besides loopback addresses and `localhost`.
            Requests of foreign web pages are refused, for the API and `pages` alike.
        any_address: `Host` may be the address of another interface: see `RequestFilter`.
        max_body: the maximum size of a request's body in bytes.
        body_timeout_s: how long a body may take to arrive.
    """
    api = _Api(
        {
            "v2": v2(service),
            "v2beta3": beta3.version(service),
            "v2beta2": beta2.version(service),
        },
        caller,
        max_body,
        body_timeout_s,
    )
    app = web.Application(
        client_max_size=max_body,
        middlewares=[_filtered(RequestFilter(allowed_hosts, any_address))],
    )
    app.add_routes(pages)
    if signer is not None:
        app.add_routes(_key_routes(signer))
    app.router.add_route("*", "/{path:.*}", api.answer)
    return app


@dataclass(frozen=True)
class _Api:
    versions: Mapping[str, Version]
    caller: Caller
    max_body: int
    body_timeout_s: float

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a request: 200 with a message, or the envelope of a refusal."""
        asked = Query({})
        try:
            asked = query(request.rel_url.raw_query_string)
            status, body = 200, await self._called(request, asked)
        except Refusal as refusal:
            status, body = envelope(refusal, enums_as_numbers=asked.enums_as_numbers)
        except Exception:
            _LOG.exception("%s %s failed", request.method, request.path)
            status, body = envelope(Refusal("INTERNAL", "Internal error encountered."))
        return json_response(body, status, pretty=asked.pretty)

    async def _called(self, request: web.Request, asked: Query) -> dict[str, Any]:
        method = http_method(request.method, request.headers)
        path = request.rel_url.raw_path
        prefix, _, rest = path.removeprefix("/").partition("/")
        version = self.versions.get(prefix)
        match = matched(method, rest)
        if version is None or match is None or not version.serves(match.route.rpc):
            raise Refusal("NOT_FOUND", f"Method not found: {method} {path}")
        if match.route.rpc == BUFFER_TASK:
            _refuse(browser_objection(request.method, request.headers))
        body = await self._body(request)
        if match.route.rpc == BUFFER_TASK:
            queue, task_id = match.variables["queue"], match.variables.get("task_id", "")
            headers = task_headers(request.headers)
            task = await version.buffer_task(queue, task_id, headers, body, self.caller)
            return {"task": shown(task, enums_as_numbers=asked.enums_as_numbers)}
        request_class, call = version.methods[match.route.rpc]
        answer = await call(message(request_class, match, asked, body), self.caller)
        return shown(answer, enums_as_numbers=asked.enums_as_numbers)

    async def _body(self, request: web.Request) -> bytes:
        try:
            async with asyncio.timeout(self.body_timeout_s):
                return await request.read()
        except web.HTTPRequestEntityTooLarge as error:
            text = f"Request payload size exceeds the limit: {self.max_body} bytes."
            raise Refusal("INVALID_ARGUMENT", text) from error
        except TimeoutError as error:
            raise Refusal("DEADLINE_EXCEEDED", "The request's body did not arrive.") from error
        except (web.RequestPayloadError, ConnectionError) as error:
            raise Refusal("INVALID_ARGUMENT", "The request's body is incomplete.") from error


def _filtered(request_filter: RequestFilter) -> Middleware:
    """Return a middleware that answers 403 where the filter objects."""

    @web.middleware
    async def refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            _refuse(request_filter.objection(request.headers))
        except Refusal as refusal:
            return refused(refusal)
        if request.match_info.http_exception is not None:
            # `CONNECT` and `OPTIONS *` have no path, so they fit no route.
            return refused(
                Refusal("NOT_FOUND", f"Method not found: {request.method} {request.path}")
            )
        return await handler(request)

    return refuse


def _refuse(objection: str | None) -> None:
    if objection is not None:
        raise Refusal("PERMISSION_DENIED", f"Refused: {objection}.")


def _key_routes(signer: Signer) -> list[web.AbstractRouteDef]:
    """Return routes for our keys, on the same paths where Google serves its keys."""

    async def discovery(request: web.Request) -> web.Response:
        return json_response(signer.discovery(_base_url(request)), 200)

    async def key_set(_: web.Request) -> web.Response:
        return json_response(signer.jwks(), 200)

    async def certificates(_: web.Request) -> web.Response:
        return json_response(signer.certificates(), 200)

    return [
        web.get("/.well-known/openid-configuration", discovery),
        web.get("/oauth2/v3/certs", key_set),
        web.get("/oauth2/v1/certs", certificates),
    ]


def _base_url(request: web.Request) -> str:
    """Return the address the client is connected to. The `Host` header could name any other."""
    host, port = request.get_extra_info("sockname")[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
