"""The body of a task, from and to Python's values."""

from __future__ import annotations

import json
from pathlib import Path

from queuewright.spec import dotted, payload_errors, read_schema


def body_of(payload: object) -> tuple[bytes, str | None]:
    """Return a task's body, and its Content-Type if that follows from the payload.

    Bytes stay as they are, None is an empty body, and everything else becomes JSON, a text too, as
    in `queuewright.client`.

    Raises:
        TypeError: the payload cannot be JSON.
        ValueError: it has a number that JSON does not know, such as `nan`.

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
    return json.dumps(payload, ensure_ascii=False, allow_nan=False).encode(), "application/json"


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


def payload_problem(root: Path, schema: str | None, body: bytes) -> str | None:
    """Return what is wrong with a body by the JSON schema of its queue; None if nothing is.

    Args:
        root: the project's folder.
        schema: the schema's file, relative to it; None: there is none.
        body: the task's body.
    """
    if schema is None:
        return None
    try:
        payload = json.loads(body)
    except ValueError:
        return "it is not JSON"
    errors = payload_errors(read_schema(schema, root), payload)
    said = (f"{dotted(path)}: {message}" if path else message for path, message in errors)
    return "; ".join(said) or None
