"""The log of HTTP listeners: a malformed request is logged as one line, without a traceback.

The sender gets a 400. A malformed request is not a bug of the listener.
"""

from __future__ import annotations

import logging
from typing import Final

from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web import RequestPayloadError

LOGGER: Final = logging.getLogger("queuewright.http")
"""For `aiohttp.web.Server` and `AppRunner`. All other errors keep their traceback."""


class _InOneLine(logging.Filter):
    """Shortens the log record of a malformed request."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass every record; rewrite that of a malformed request."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError | RequestPayloadError):
            record.msg = "a malformed HTTP request was refused: %s"
            record.args = (first_line(str(error)),)
            record.exc_info = record.exc_text = None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


def first_line(said: str) -> str:
    r"""Return the reason without the status before it and the excerpt after it.

    >>> first_line("400, message:\n  Invalid character in Content-Length:\n\n    ^")
    'Invalid character in Content-Length'
    """
    line = said.removeprefix("400, message:").strip().partition("\n")[0].rstrip(":")
    return line if line.isprintable() else ascii(line)


LOGGER.addFilter(_InOneLine())
