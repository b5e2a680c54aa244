"""The ids of unnamed tasks.

Cloud Tasks gives such tasks an unsigned decimal of about 20 digits. Ours is the task's number in
the store, scrambled by a keyed one-to-one function of 64 bits. So these ids need no index, and
every id that was ever used can be recognised.
"""

from __future__ import annotations

from typing import Final

_BITS: Final = 64
_MASK: Final = (1 << _BITS) - 1
# Odd, hence invertible modulo 2^64; from splitmix64's finalizer (Steele, Lea and Flood, 2014).
_FACTORS: Final = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_INVERSES: Final = tuple(pow(factor, -1, 1 << _BITS) for factor in _FACTORS)
_DIGITS: Final = 20


class TaskIds:
    """Converts numbers to ids and back, with a key of 64 bits.

    >>> ids = TaskIds(key=7)
    >>> ids.text(1), ids.number(ids.text(1))
    ('07720390038203545672', 1)
    """

    __slots__ = ("_key",)

    def __init__(self, key: int) -> None:
        self._key = key & _MASK

    def text(self, number: int) -> str:
        """Return the id of the task `number` (0 <= number < 2^64)."""
        value = (number ^ self._key) & _MASK
        for factor in _FACTORS:
            value = (value ^ (value >> 32)) * factor & _MASK
        return f"{value:0{_DIGITS}d}"

    def number(self, text: str) -> int | None:
        """Return the number for an id, or None if the text is not an id."""
        if len(text) != _DIGITS or not (text.isascii() and text.isdecimal()):
            return None
        value = int(text)
        if value > _MASK:
            return None
        for inverse in reversed(_INVERSES):
            value = value * inverse & _MASK
            value ^= value >> 32
        return value ^ self._key
