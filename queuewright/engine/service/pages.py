"""Page tokens, which are valid for two hours (ListQueuesRequest.page_token)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import Final

from queuewright.engine.protocol import refusals
from queuewright.engine.protocol.times import SECOND_US

LIFETIME_US: Final = 2 * 3_600 * SECOND_US
_SIGNATURE_BYTES: Final = 8


class PageTokens:
    """Makes page tokens, signed with `key`, and reads them back."""

    def __init__(self, key: int) -> None:
        self._key = key.to_bytes(8, "big")

    def token(self, query: str, after: str | int, now_us: int) -> str:
        """Return a token for the page of `query` that starts after the entry `after`."""
        payload = json.dumps([now_us, query, after], separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._signature(payload) + payload).decode()

    def after(self, token: str, query: str, now_us: int) -> str | int | None:
        """Return the entry after which the page starts, or None for an empty token.

        Raises:
            Refusal: INVALID_ARGUMENT if the token is not ours, expired, or for another query.
        """
        if not token:
            return None
        try:
            raw = base64.urlsafe_b64decode(token.encode())
        except (binascii.Error, ValueError):
            raise refusals.invalid("The page token is invalid.") from None
        signature, payload = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._signature(payload)):
            raise refusals.invalid("The page token is invalid.")
        made_us, made_for, after = json.loads(payload)
        if made_for != query:
            raise refusals.invalid(
                "The page token belongs to another request: parent and filter must stay the same "
                "while paging."
            )
        if now_us - made_us >= LIFETIME_US:
            raise refusals.invalid("The page token has expired: it is valid for 2 hours.")
        return str(after) if isinstance(after, str) else int(after)

    def _signature(self, payload: bytes) -> bytes:
        return hashlib.blake2b(payload, key=self._key, digest_size=_SIGNATURE_BYTES).digest()


def page_size(asked: int, most: int) -> int:
    """Return the size of a page: `asked`, but at most `most`. 0 means `most`.

    Raises:
        Refusal: INVALID_ARGUMENT if `asked` is negative.
    """
    if asked < 0:
        raise refusals.invalid("The page size must not be negative.")
    return min(asked or most, most)
