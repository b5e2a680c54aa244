"""A handler's log lines as Cloud Logging reads them: JSON with a severity and a message, or text.

Source: https://cloud.google.com/run/docs/logging#using-json.
"""

from __future__ import annotations

import json


def entry(line: str) -> dict[str, object]:
    """Return the fields of a structured line; none of any other line."""
    if not line.startswith("{"):
        return {}
    try:
        fields: dict[str, object] = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return fields


def structured(line: str) -> tuple[str, str]:
    """Return the severity and the message of a log line, which may be JSON.

    >>> structured('{"severity": "ERROR", "message": "no such address"}')
    ('ERROR', 'no such address')
    >>> structured("plain text")
    ('', 'plain text')
    """
    fields = entry(line)
    message = fields.get("message")
    if not isinstance(message, str):
        return "", line
    return str(fields.get("severity", "")).upper(), message
