"""Protects the pages, with headers on every response and a token for every change.

The listener has already refused foreign hosts and origins (`queuewright/origins.py`).
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

Page = Callable[[web.Request], Awaitable[web.StreamResponse]]

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
BODY_POLICY: Final = "sandbox; default-src 'none'"
"""For bodies of tasks, which may be anything."""

TOKEN_HEADER: Final = "X-Queuewright-Token"


class Guard:
    """Adds the headers, and asks for the token. The token is another one in every process."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(24)

    def page(self, answer: Page) -> Page:
        """Return a handler that only reads."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            response = await answer(request)
            self._protect(request, response)
            return response

        return guarded

    def action(self, answer: Page) -> Page:
        """Return a handler that changes something: without the token it answers 403."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            if not await self._has_token(request):
                text = "Refused: the page is of an earlier start of queuewright. Reload it."
                response: web.StreamResponse = web.Response(text=f"{text}\n", status=403)
            else:
                response = await answer(request)
            self._protect(request, response)
            return response

        return guarded

    def _protect(self, request: web.Request, response: web.StreamResponse) -> None:
        if response.prepared:
            return
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        name = _cookie(request)
        if request.cookies.get(name) != self.token and request.method in ("GET", "HEAD"):
            response.set_cookie(name, self.token, httponly=True, samesite="Strict", path="/")

    async def _has_token(self, request: web.Request) -> bool:
        sent = request.headers.get(TOKEN_HEADER)
        if sent is None:
            form = await request.post()
            field = form.get("token", "")
            sent = field if isinstance(field, str) else ""
        kept = request.cookies.get(_cookie(request), "")
        return all(hmac.compare_digest(each.encode(), self.token.encode()) for each in (sent, kept))


def _cookie(request: web.Request) -> str:
    """Cookies are shared by all ports of a host, so each port has its own."""
    return f"queuewright-{request.url.port or 80}"
