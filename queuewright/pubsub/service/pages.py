"""Pages of lists that are ordered by name."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from queuewright.pubsub.protocol import refusals

Entry = TypeVar("Entry")

MAX_PER_PAGE: Final = 1000


def page(
    entries: Iterable[Entry], name: Callable[[Entry], str], size: int, token: str
) -> tuple[list[Entry], str]:
    """Return the entries of a page, and the token of the next page, "" if it is the last.

    Args:
        entries: all entries, in the order of their names.
        name: returns an entry's name.
        size: the number of entries; 0 leaves it to the server.
        token: the page; "" is the first.

    Raises:
        Refusal: INVALID_ARGUMENT if the size is negative or the token is not one.
    """
    if size < 0:
        raise refusals.argument_invalid("page_size")
    after = _name(token)
    rest = [entry for entry in entries if name(entry) > after]
    shown = rest[: min(size or MAX_PER_PAGE, MAX_PER_PAGE)]
    more = len(shown) < len(rest)
    return shown, base64.urlsafe_b64encode(name(shown[-1]).encode()).decode() if more else ""


def _name(token: str) -> str:
    try:
        return base64.b64decode(token.encode(), b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise refusals.argument_invalid("page_token") from None
