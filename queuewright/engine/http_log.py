"""The log of HTTP listeners: a request that is not HTTP is one line, and no traceback.

Whoever sent it is answered 400, and it is no bug of the program that listens.
"""

from __future__ import annotations

import logging
from typing import Final

from aiohttp.http_exceptions import HttpProcessingError

LOGGER: Final = logging.getLogger("queuewright.http")
"""For `aiohttp.web.Server` and `AppRunner`; what else goes wrong keeps its traceback."""


class _InOneLine(logging.Filter):
    """Rewrites the record of a malformed request."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, that of a malformed request in our words."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            said = str(error.message).partition("\n")[0].strip().rstrip(":")
            record.msg = "a malformed HTTP request was refused: %s"
            record.args = (said if said.isprintable() else ascii(said),)
            record.exc_info = record.exc_text = None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


LOGGER.addFilter(_InOneLine())
