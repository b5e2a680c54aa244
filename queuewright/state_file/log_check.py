"""Checks SQLite's write-ahead log for damage, which SQLite itself passes over in silence.

SQLite reads the log up to the first frame that is wrong and ignores the rest, because that is what
the end of a log looks like: a transaction that a killed process did not finish, or frames of
before the log was started again. Damage is certain only if a whole transaction follows, or if the
log ends exactly with a transaction that is wrong. The format: https://sqlite.org/fileformat2.html,
"WAL File Format".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

_HEADER: Final = struct.Struct(">8I")
_FRAME: Final = struct.Struct(">6I")
_MAGIC: Final = 0x377F0682
"""The last bit says that checksums are of big-endian words."""

HEADER_BYTES: Final = _HEADER.size
"""A log of no more than this holds nothing."""

Sum = tuple[int, int]


@dataclass(frozen=True)
class Damage:
    """Damage of a log."""

    good_bytes: int
    """What precedes the damage and can be read: whole transactions. 0 if the header is damaged."""
    lost: int | None
    """The number of transactions that follow, at least; None if the header is damaged."""


class _Frame(NamedTuple):
    summed: bytes
    """The part under the checksum."""
    salts: Sum
    stored: Sum
    """The checksum in the frame."""
    ends_transaction: bool


def damage(log: Path) -> Damage | None:
    """Return the damage of a log, or None if there is none for certain.

    Raises:
        OSError: the log cannot be read.
    """
    if not log.is_file():
        return None
    with log.open("rb") as file:
        size = log.stat().st_size
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return None
        magic, _, page_size, _, *salts, first, second = _HEADER.unpack(header)
        words = struct.Struct(">2I" if magic & 1 else "<2I")
        summed = _checksum(words, header[:24], (0, 0))
        if magic | 1 != _MAGIC | 1 or summed != (first, second):
            return Damage(0, None) if size > _HEADER.size + _FRAME.size else None
        is_whole = (size - _HEADER.size) % (_FRAME.size + page_size) == 0
        frames = _frames(file, page_size)
        return _damage_of(frames, words, (salts[0], salts[1]), summed, is_whole)


def _damage_of(
    frames: Iterator[_Frame], words: struct.Struct, salts: Sum, first: Sum, is_whole: bool
) -> Damage | None:
    """Return the damage among the frames.

    `first` is the checksum of the header; `is_whole` tells whether the file ends with a frame.
    """
    position = good_bytes = _HEADER.size
    lost, is_bad, ends_badly = 0, False, False
    chained: Sum | None = first  # what the checksums come to by what is in the frames
    stored: Sum = first  # what the frame before says
    for frame in frames:
        position += _FRAME.size + len(frame.summed) - 8
        is_current = frame.salts == salts
        if is_bad and not is_current and chained is None:
            ends_badly, stored = False, frame.stored
            continue
        by_chain = None if chained is None else _checksum(words, frame.summed, chained)
        follows_chain = by_chain == frame.stored
        if is_current and follows_chain and not is_bad:
            if frame.ends_transaction:
                good_bytes = position
        else:
            is_first, is_bad = not is_bad, True
            follows = is_current and _checksum(words, frame.summed, stored) == frame.stored
            if frame.ends_transaction and (follows or follows_chain):
                lost += 1
            ends_badly = is_first and is_current and frame.ends_transaction
            if not is_first and not follows_chain:
                by_chain = None
        chained, stored = by_chain, frame.stored
    if not lost and ends_badly and is_whole:
        lost = 1
    return Damage(good_bytes, lost) if lost else None


def _frames(file: BinaryIO, page_size: int) -> Iterator[_Frame]:
    """Yield the whole frames."""
    while len(head := file.read(_FRAME.size)) == _FRAME.size:
        page = file.read(page_size)
        if len(page) < page_size:
            return
        _, pages, *rest = _FRAME.unpack(head)
        yield _Frame(head[:8] + page, (rest[0], rest[1]), (rest[2], rest[3]), pages != 0)


def _checksum(words: struct.Struct, content: bytes, before: Sum) -> Sum:
    """Return the checksum of `content`, which continues the one `before` it."""
    first, second = before
    for one, other in words.iter_unpack(content):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + other + first) & 0xFFFFFFFF
    return first, second
