"""The headers of a task: what a header may hold, and which ones Cloud Tasks sets itself.

Source: `HttpRequest.headers` in google/cloud/tasks/v2/target.proto, and RFC 9110.
"""

from __future__ import annotations

import re
from typing import Final

HTTP_USER_AGENT: Final = "Google-Cloud-Tasks"
APP_ENGINE_USER_AGENT: Final = "AppEngine-Google; (+http://code.google.com/appengine)"

CLOUD_TASKS_PREFIX: Final = "X-CloudTasks-"
"""Begins the headers that Cloud Tasks adds to the requests of HTTP tasks."""
APP_ENGINE_PREFIX: Final = "X-AppEngine-"
"""Begins the headers that Cloud Tasks adds to the requests of App Engine tasks."""

_RESERVED: Final = frozenset({"host", "content-length", "user-agent"})
_RESERVED_PREFIXES: Final = ("x-google-", APP_ENGINE_PREFIX.lower(), CLOUD_TASKS_PREFIX.lower())

TOKEN: Final = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
"""The name of a header: RFC 9110, 5.6.2. A pattern without anchors."""

is_token: Final = re.compile(TOKEN).fullmatch
has_control_character: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]").search
"""Whether a value cannot be sent: RFC 9110, 5.5. A tab is allowed."""


def is_reserved(name: str) -> bool:
    """Return whether Cloud Tasks ignores or replaces this header when a user sets it.

    >>> is_reserved("X-CloudTasks-QueueName"), is_reserved("X-Api-Key")
    (True, False)
    """
    lower = name.lower()
    return lower in _RESERVED or lower.startswith(_RESERVED_PREFIXES)
