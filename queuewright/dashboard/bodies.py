"""How the body of a task is shown: JSON, a picture, text or hex. Bodies are hostile. Pure."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from queuewright.dashboard.words import visible

Kind = Literal["empty", "json", "image", "text", "binary"]

SHOWN_BYTES: Final = 64 * 1024
"""A larger body is cut; the rest can be downloaded."""
PREVIEW_CHARACTERS: Final = 160
_HEX_BYTES: Final = 4 * 1024
_LONGEST_BLOB: Final = 300
_LINE: Final = 76
"""A list or an object that fits is written on one line."""

_PICTURES: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
"""Magic numbers of the pictures that are shown. Never SVG, which can hold a script."""

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


@dataclass(frozen=True)
class Body:
    """A body, and what can be shown of it."""

    kind: Kind
    size: int
    text: str
    """As text or pretty JSON; "" for a binary one."""
    hex: str
    picture: str | None
    """Its media type, if it is a picture."""
    is_cut: bool


def picture_type(body: bytes) -> str | None:
    """Return the media type of a picture, recognised by its first bytes; None for other content.

    >>> picture_type(b"GIF89a..."), picture_type(b"<svg/>")
    ('image/gif', None)
    """
    for magic, kind in _PICTURES:
        if body.startswith(magic):
            return kind
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        return "image/webp"
    if body[4:12] in (b"ftypavif", b"ftypavis"):
        return "image/avif"
    return None


def shown_body(body: bytes, *, raw: bool = False) -> Body:
    """Return a body as it is shown; `raw` leaves JSON as it was written."""
    picture = picture_type(body)
    if picture is not None:
        return Body("image", len(body), "", hex_dump(body), picture, len(body) > _HEX_BYTES)
    if not body:
        return Body("empty", 0, "", "", None, is_cut=False)
    head = body[:SHOWN_BYTES]
    text = _text(head, is_cut=len(body) > SHOWN_BYTES)
    if text is None:
        return Body("binary", len(body), "", hex_dump(body), None, len(body) > _HEX_BYTES)
    is_cut = len(body) > SHOWN_BYTES
    pretty = None if is_cut else pretty_json(text)
    return Body(
        "text" if pretty is None else "json",
        len(body),
        visible(text if raw or pretty is None else pretty),
        hex_dump(body),
        None,
        is_cut,
    )


def preview(body: bytes) -> str:
    r"""Return the beginning of a body on one line.

    >>> preview(b'{"to":\n "ada"}'), preview(b"\x89PNG\r\n\x1a\n"), preview(b"")
    ('{"to": "ada"}', 'image/png, 8 bytes', '')
    """
    if not body:
        return ""
    picture = picture_type(body)
    if picture is not None:
        return f"{picture}, {len(body):,} bytes"
    head = body[: 4 * PREVIEW_CHARACTERS]
    text = _text(head, is_cut=len(head) < len(body))
    if text is None:
        return f"binary, {len(body):,} bytes"
    line = visible(" ".join(text.split()))
    return line if len(line) <= PREVIEW_CHARACTERS else f"{line[:PREVIEW_CHARACTERS]}…"


def pretty_json(text: str) -> str | None:
    """Return a JSON text, indented; its numbers and strings stay as written. None: it is no JSON.

    >>> print(pretty_json('{"price":1.50,"to":["ada","lin"],"empty":{}}'))
    {
      "price": 1.50,
      "to": ["ada", "lin"],
      "empty": {}
    }
    """
    try:
        if not isinstance(json.loads(text), dict | list):
            return None
    except (ValueError, RecursionError):
        return None
    tokens = iter(_TOKEN.findall(text))
    lines = _written(next(tokens), tokens, 0)
    if len(lines) == 1 and len(lines[0]) > 2:  # the outermost braces have lines of their own
        lines = _written_apart(text)
    return "\n".join(lines)


def _written_apart(text: str) -> list[str]:
    tokens = iter(_TOKEN.findall(text))
    return _written(next(tokens), tokens, 0, apart=True)


def _written(token: str, tokens: Iterator[str], depth: int, *, apart: bool = False) -> list[str]:
    """Return the lines of the value that begins with `token`."""
    if token not in "{[":
        return [_shortened(token)]
    closing = "}" if token == "{" else "]"
    items: list[list[str]] = []
    label = ""
    while (each := next(tokens)) != closing:
        if each == ",":
            continue
        if token == "{" and not label:
            label = f"{each}: "
            next(tokens)
            continue
        lines = _written(each, tokens, depth + 1)
        items.append([label + lines[0], *lines[1:]])
        label = ""
    flat = f"{token}{', '.join(item[0] for item in items)}{closing}"
    is_short = len(flat) + 2 * depth <= _LINE and all(len(item) == 1 for item in items)
    if not items or (is_short and not apart):
        return [flat]
    for item in items[:-1]:
        item[-1] += ","
    return [token, *(f"  {line}" for item in items for line in item), closing]


def _shortened(token: str) -> str:
    """Cut a long string without spaces, such as base64: nobody reads it."""
    if len(token) <= _LONGEST_BLOB or not token.startswith('"') or " " in token:
        return token
    return f'{token[:40]}…" ({len(token) - 2:,} characters)'


def hex_dump(body: bytes) -> str:
    r"""Return the first bytes as offset, hex and characters.

    >>> hex_dump(b"ab\x00")
    '00000000  61 62 00                                          ab.'
    """
    lines = []
    for offset in range(0, min(len(body), _HEX_BYTES), 16):
        row = body[offset : offset + 16]
        digits = f"{row[:8].hex(' ')}  {row[8:].hex(' ')}" if len(row) > 8 else row.hex(" ")
        text = "".join(chr(each) if 32 <= each < 127 else "." for each in row)
        lines.append(f"{offset:08x}  {digits:<48}  {text}")
    return "\n".join(lines)


def _text(body: bytes, *, is_cut: bool) -> str | None:
    """Return a body as text, or None if it isn't text. A cut body may end within a character."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        if not is_cut or error.start < len(body) - 3:
            return None
        text = body[: error.start].decode()
    return None if "\x00" in text else text


@dataclass(frozen=True)
class Picture:
    """A picture within a JSON body."""

    index: int
    """Counts the pictures of the body from 1."""
    path: str
    """Where it is, such as `attachments[0].base64`."""
    words: str
    media_type: str
    content: bytes


_MOST_PICTURES: Final = 4
_LEAST_BASE64: Final = 64


def embedded_pictures(body: bytes) -> list[Picture]:
    """Return the pictures that a JSON body has as base64.

    >>> import base64
    >>> body = json.dumps({"a": [base64.b64encode(b"GIF89a" + bytes(90)).decode()]}).encode()
    >>> [(each.path, each.media_type, len(each.content)) for each in embedded_pictures(body)]
    [('a[0]', 'image/gif', 96)]
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return []
    found: list[Picture] = []
    waiting: list[tuple[str, object]] = [("", value)]
    while waiting and len(found) < _MOST_PICTURES:
        path, each = waiting.pop(0)
        if isinstance(each, dict):
            waiting += [
                (f"{path}.{key}" if path else str(key), below) for key, below in each.items()
            ]
        elif isinstance(each, list):
            waiting += [(f"{path}[{index}]", below) for index, below in enumerate(each)]
        elif isinstance(each, str) and len(each) >= _LEAST_BASE64:
            content = _decoded(each)
            kind = picture_type(content)
            if kind is not None:
                text = visible(f"{path}, {kind}, {len(content):,} bytes")
                found.append(Picture(len(found) + 1, visible(path), text, kind, content))
    return found


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.partition("base64,")[2] or text, validate=True)
    except (binascii.Error, ValueError):
        return b""
