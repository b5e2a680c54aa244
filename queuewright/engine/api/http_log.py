"""The log of HTTP listeners: a request that is not HTTP is one line, and no traceback.

Whoever sent it is answered 400, and it is no bug of the program that listens.
"""

from __future__ import annotations

import logging
from typing import Final

from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web import RequestPayloadError

LOGGER: Final = logging.getLogger("queuewright.http")
"""For `aiohttp.web.Server` and `AppRunner`; what else goes wrong keeps its traceback."""


class _InOneLine(logging.Filter):
    """Rewrites the record of a malformed request."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, that of a malformed request in our words."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError | RequestPayloadError):
            record.msg = "a malformed HTTP request was refused: %s"
            record.args = (_first_line(str(error)),)
            record.exc_info = record.exc_text = None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


def _first_line(said: str) -> str:
    r"""What is wrong, without the status before it and the drawing of the place behind it.

    >>> _first_line("400, message:\n  Invalid character in Content-Length:\n\n    ^")
    'Invalid character in Content-Length'
    """
    line = said.removeprefix("400, message:").strip().partition("\n")[0].rstrip(":")
    return line if line.isprintable() else ascii(line)


LOGGER.addFilter(_InOneLine())
