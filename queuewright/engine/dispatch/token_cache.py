"""Caches tokens for a second, because signing is expensive."""

from __future__ import annotations

from collections.abc import Callable

from queuewright.engine.protocol.times import SECOND_US
from queuewright.engine.rules.http_request import TokenSigner


class TokenCache:
    """A signer that signs each token at most once a second.

    A cached token is byte for byte the one that would be signed anew: RS256 is deterministic and
    the claims have whole seconds.
    """

    def __init__(self, signer: TokenSigner) -> None:
        self._signer = signer
        self._second = 0
        self._tokens: dict[tuple[str, str, str], str] = {}

    def oidc(self, email: str, audience: str, now_us: int) -> str:
        """Return an ID token of the account for the audience."""
        return self._token("oidc", self._signer.oidc, email, audience, now_us)

    def oauth(self, email: str, scope: str, now_us: int) -> str:
        """Return an access token of the account for the scope."""
        return self._token("oauth", self._signer.oauth, email, scope, now_us)

    def _token(
        self, kind: str, sign: Callable[[str, str, int], str], email: str, what: str, now_us: int
    ) -> str:
        second = now_us // SECOND_US
        if second != self._second:
            self._second = second
            self._tokens.clear()
        key = (kind, email, what)
        if key not in self._tokens:
            self._tokens[key] = sign(email, what, now_us)
        return self._tokens[key]
