"""Tokens as handlers see them: the claims are Google's, and the signature is removed."""

from __future__ import annotations

import base64
import json
from typing import Final

from queuewright.local.door.access import without_signature

_ISSUER: Final = "https://accounts.google.com"
_LIFETIME_S: Final = 3600


class UnsignedTokens:
    """Makes tokens that nobody checks: in a test's process nothing listens.

    Cloud Run removes the signature before a handler gets a token, so handlers see the same.
    """

    def oidc(self, email: str, audience: str, now_us: int) -> str:
        """Return an ID token of the account for the audience."""
        now_s = now_us // 1_000_000
        claims = {
            "aud": audience,
            "azp": email,
            "email": email,
            "email_verified": True,
            "exp": now_s + _LIFETIME_S,
            "iat": now_s,
            "iss": _ISSUER,
            "sub": email,
        }
        return without_signature(f"{_part({'alg': 'RS256', 'typ': 'JWT'})}.{_part(claims)}.-")

    def oauth(self, email: str, scope: str, now_us: int) -> str:
        """Return an access token of the account for the scope."""
        return f"ya29.{_part({'email': email, 'scope': scope, 'iat': now_us // 1_000_000})}"


def _part(content: dict[str, object]) -> str:
    encoded = base64.urlsafe_b64encode(json.dumps(content).encode())
    return encoded.rstrip(b"=").decode("ascii")
