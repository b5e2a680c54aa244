"""Publishes delayed tasks when they are due: Pub/Sub's `publish` over HTTP, for Cloud Tasks.

On Google Cloud, the queue that keeps the delays of a pull queue calls Pub/Sub's REST API with an
access token. Here it calls this endpoint, which takes the same request:
https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/publish.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError

from queuewright.cloud_tasks import pubsub
from queuewright.engine import Clock, Signer
from queuewright.errors import Refusal
from queuewright.local.door.listener import HOST, bound, listening, names_a_path
from queuewright.origins import RequestFilter, browser_objection
from queuewright.pubsub import Client, PubSub
from queuewright.pubsub.protocol import PublishRequest

_PATH: Final = re.compile(r"/v1/(?P<topic>projects/[^/]+/topics/[^/:]+):publish")
_STATUS: Final[Mapping[str, int]] = {
    "INVALID_ARGUMENT": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
}


class PublishEndpoint:
    """Where queues publish their delayed tasks. Made by `PublishEndpoint.listen`."""

    def __init__(
        self,
        port: int,
        server: PubSub,
        signer: Signer,
        clock: Clock,
        request_filter: RequestFilter,
        on_refused: Callable[[str], None],
    ) -> None:
        self.url = f"http://{HOST}:{port}"
        self._server = server
        self._signer = signer
        self._clock = clock
        self._filter = request_filter
        self._on_refused = on_refused

    @classmethod
    @asynccontextmanager
    async def listen(
        cls,
        server: PubSub,
        signer: Signer,
        clock: Clock,
        *,
        allowed_hosts: Collection[str] = (),
        on_refused: Callable[[str], None] = lambda _: None,
    ) -> AsyncIterator[PublishEndpoint]:
        """Listen on a free port until the block ends.

        Args:
            server: where messages are published, as the account that the token names.
            signer: made the tokens.
            clock: their time.
            allowed_hosts: see `RequestFilter`, which refuses foreign web pages.
            on_refused: gets a sentence about each request that is refused.
        """
        with bound() as listener:
            port = listener.getsockname()[1]
            request_filter = RequestFilter(allowed_hosts)
            endpoint = cls(port, server, signer, clock, request_filter, on_refused)
            async with listening(listener, endpoint._answer):
                yield endpoint

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        headers = request.headers
        objection = self._filter.objection(headers) or browser_objection(request.method, headers)
        try:
            if objection is not None:
                raise Refusal("PERMISSION_DENIED", objection)
            return web.json_response(await self._published(request))
        except Refusal as refusal:
            status = _STATUS.get(refusal.code, 500)
            self._on_refused(f"a delayed task was not published: {refusal.message}")
            error = {"code": status, "message": refusal.message, "status": refusal.code}
            return web.json_response({"error": error}, status=status)

    async def _published(self, request: web.BaseRequest) -> dict[str, object]:
        found = _PATH.fullmatch(request.path) if names_a_path(request) else None
        if found is None or request.method != "POST":
            raise Refusal("NOT_FOUND", f"only topics' `publish` is here, not `{request.path}`")
        client = self._client(request)
        try:
            body = json.loads(await request.read())
            message = ParseDict(body, PublishRequest())
        except (ValueError, ParseError, RecursionError) as error:
            raise Refusal("INVALID_ARGUMENT", f"the body is no PublishRequest: {error}") from None
        message.topic = found["topic"]
        return MessageToDict(await self._server.publish(message, client))

    def _client(self, request: web.BaseRequest) -> Client:
        """Who calls, according to the access token."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise Refusal("UNAUTHENTICATED", "the request has no access token")
        claims = self._signer.verify_access(token, pubsub.SCOPE, self._clock.now_us())
        email = str(claims["email"])
        return Client(email, f"serviceAccount:{email}")
