"""Ack ids: each names one delivery of one message of one subscription.

An id is derived from numbers that the state keeps, so it stays valid when the server restarts.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_is_ack_id = re.compile(r"([0-9]{1,18})-([0-9]{1,18})-([0-9]{1,9})", re.ASCII).fullmatch


class AckId(NamedTuple):
    """A delivery: the subscription's number, the message's, and which delivery it was, from 1."""

    subscription: int
    message: int
    delivery: int

    def __str__(self) -> str:
        return f"{self.subscription}-{self.message}-{self.delivery}"


def parse_ack_id(text: str) -> AckId | None:
    """Return the delivery that an ack id names, or None if the text is not an ack id.

    >>> parse_ack_id(str(AckId(3, 17, 1)))
    AckId(subscription=3, message=17, delivery=1)
    >>> parse_ack_id("made-up")
    """
    match = _is_ack_id(text)
    return None if match is None else AckId(*map(int, match.groups()))
