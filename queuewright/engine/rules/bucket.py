"""The token bucket that limits a queue's dispatch rate. Exact; the caller passes the time in."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from queuewright.cloud_tasks.limits import MAX_BURST_SIZE

_SECOND_US: Final = 1_000_000


def default_burst(rate: float) -> int:
    """Return a bucket's capacity for a rate. **A guess**: Google does not publish its rule.

    `max(10, rate / 5)`, at most 500, fits both known values: the service shows 100 for a queue of
    500/s, and 10 was observed for a queue of 1/s.

    >>> default_burst(500.0), default_burst(1.0), default_burst(51.0)
    (100, 10, 11)
    """
    return min(MAX_BURST_SIZE, max(10, -int(-rate // 5)))


class TokenBucket:
    """Holds at most `burst` tokens and gains `rate` tokens a second. It starts full.

    It counts in whole units of 1/(denominator · 10⁶) token, so no rate ever drifts: at 1/3 a
    second, every nine seconds bring exactly three tokens.

    Args:
        rate: tokens a second, more than 0. A float means the decimal it prints as (0.1 is 1/10).
        burst: the capacity, at least 1.
        now_us: the moment when it starts.
    """

    __slots__ = ("_full", "_gain", "_level", "_token", "_updated_us")

    def __init__(self, rate: float | Fraction, burst: int, now_us: int) -> None:
        exact = Fraction(str(rate))
        if exact <= 0 or burst < 1:
            raise ValueError(f"a bucket needs a rate > 0 and a burst >= 1, not {rate} and {burst}")
        self._gain = exact.numerator
        self._token = exact.denominator * _SECOND_US
        self._full = burst * self._token
        self._level = self._full
        self._updated_us = now_us

    def take(self, now_us: int) -> bool:
        """Take a token if there is one at `now_us`; return whether there was."""
        self._fill(now_us)
        if self._level < self._token:
            return False
        self._level -= self._token
        return True

    def next_token_us(self, now_us: int) -> int:
        """Return the first moment, at or after `now_us`, when `take` succeeds."""
        self._fill(now_us)
        missing = self._token - self._level
        return now_us if missing <= 0 else now_us - (-missing // self._gain)

    def tokens(self, now_us: int) -> Fraction:
        """Return the number of tokens at `now_us`."""
        self._fill(now_us)
        return Fraction(self._level, self._token)

    def changed(self, rate: float | Fraction, burst: int, now_us: int) -> TokenBucket:
        """Return a bucket with other limits that keeps as many tokens as fit."""
        other = TokenBucket(rate, burst, now_us)
        other._level = min(other._full, int(self.tokens(now_us) * other._token))
        return other

    def _fill(self, now_us: int) -> None:
        # A clock that was set back neither adds nor removes tokens.
        elapsed_us = now_us - self._updated_us
        self._updated_us = now_us
        if elapsed_us > 0 and self._level < self._full:
            self._level = min(self._full, self._level + elapsed_us * self._gain)
