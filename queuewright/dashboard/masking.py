"""Which header values are never shown. They are replaced before they leave the server."""

from __future__ import annotations

import re
from typing import Final

from queuewright.dashboard.words import SPACE

_SECRET: Final = re.compile(
    r"^(proxy-)?authorization$|^(set-)?cookie$|(^|[-_])(api)?(key|token|secret|password|signature)$",
    re.IGNORECASE,
)


def is_secret(name: str) -> bool:
    """Return whether the value of a header or a field with this name is a secret.

    >>> [is_secret(name) for name in ("Authorization", "X-Api-Key", "X-Goog-Signature", "Accept")]
    [True, True, True, False]
    """
    return _SECRET.search(name) is not None


def shown_value(name: str, value: str) -> str:
    r"""Return the value of a header as it may be shown.

    >>> shown_value("Authorization", "Bearer 123"), shown_value("Accept", "text/plain")
    ('••••\xa010\xa0characters', 'text/plain')
    """
    if is_secret(name):
        return f"••••{SPACE}{len(value)}{SPACE}characters"
    return value
