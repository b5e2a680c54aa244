"""The body of a task, from and to Python's values. Pure."""

from __future__ import annotations

import json


def body_of(payload: object) -> tuple[bytes, str | None]:
    """Return a task's body, and its Content-Type if that follows from the payload.

    Bytes and texts stay as they are, None is an empty body, and everything else becomes JSON.

    Raises:
        TypeError: the payload cannot be JSON.

    >>> body_of({"to": "ada@example.com"})
    (b'{"to": "ada@example.com"}', 'application/json')
    >>> body_of(b"x"), body_of(None)
    ((b'x', None), (b'', None))
    """
    match payload:
        case None:
            return b"", None
        case bytes():
            return payload, None
        case str():
            return payload.encode(), "text/plain; charset=utf-8"
    return json.dumps(payload, ensure_ascii=False).encode(), "application/json"


def payload_of(body: bytes) -> object:
    r"""Return the value of a body: parsed if it is JSON, else a text, else bytes.

    >>> payload_of(b'{"order": 1815}'), payload_of(b"hello"), payload_of(b"\xff"), payload_of(b"")
    ({'order': 1815}, 'hello', b'\xff', None)
    """
    if not body:
        return None
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return body
    try:
        return json.loads(text)
    except ValueError:
        return text
