"""Access tokens of this process's service account, from Google's metadata server."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException

from queuewright_runtime.errors import ApiError

HOST = "metadata.google.internal"
HOST_VARIABLE = "GCE_METADATA_HOST"
"""Google's own clients read it, too."""
PATH = "/computeMetadata/v1/instance/service-accounts/default/token"
"""https://cloud.google.com/compute/docs/access/authenticate-workloads"""
MARGIN_S = 225.0
"""How long before its end a token is replaced; google-auth's `REFRESH_THRESHOLD`."""
TIMEOUT_S = 3.0


class MetadataToken:
    """Returns a token when called, the same one until shortly before it ends. Threads may share it.

    Args:
        clock: returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._until = 0.0

    def __call__(self) -> str:
        """Return a token.

        Raises:
            ApiError: there is no metadata server, as outside of Google Cloud.
        """
        with self._lock:
            if not self._token or self._clock() >= self._until:
                self._token, lifetime_s = _fetched()
                self._until = self._clock() + lifetime_s - MARGIN_S
            return self._token


def _fetched() -> tuple[str, float]:
    """Return a new token, and for how many seconds it is good."""
    connection = HTTPConnection(os.environ.get(HOST_VARIABLE) or HOST, timeout=TIMEOUT_S)
    try:
        connection.request("GET", PATH, headers={"Metadata-Flavor": "Google"})
        response = connection.getresponse()
        status, answer = response.status, response.read()
        if status != 200:
            raise ApiError(
                "UNAUTHENTICATED" if status < 500 else "UNAVAILABLE",
                f"the metadata server at {connection.host} gave no token: HTTP status {status}",
                http_status=status,
            )
        found = json.loads(answer)
        return str(found["access_token"]), float(found["expires_in"])
    except (OSError, HTTPException) as error:
        raise ApiError(
            "UNAVAILABLE",
            f"there is no metadata server at {connection.host}, so there is no token: {error}; "
            "it exists on Google Cloud only",
            is_unsent=True,
        ) from error
    except (ValueError, LookupError, TypeError) as error:
        raise ApiError("UNKNOWN", f"the metadata server sent no token: {error!r}") from error
    finally:
        connection.close()
