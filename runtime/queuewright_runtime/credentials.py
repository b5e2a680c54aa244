"""Who this process is for Google's APIs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from queuewright_runtime.errors import ApiError
from queuewright_runtime.metadata import MetadataToken

SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def access_token() -> Callable[[], str]:
    """Return a function that returns an access token.

    Where google-auth and requests are installed, it finds the credentials as all of Google's
    clients do: a key file, a developer's login, a workload identity, or the metadata server. Else
    the metadata server is asked, which is there on Google Cloud.
    """
    try:
        return _DefaultToken()
    except ImportError:
        return MetadataToken()


class _DefaultToken:
    """Returns a token of Google's Application Default Credentials.

    Raises:
        ImportError: google-auth or requests is not installed.
    """

    def __init__(self) -> None:
        from google.auth.transport.requests import Request

        self._request = Request
        self._lock = threading.Lock()
        self._credentials: Any = None

    def __call__(self) -> str:
        import google.auth
        from google.auth.exceptions import GoogleAuthError

        with self._lock:
            try:
                if self._credentials is None:
                    self._credentials, _ = google.auth.default(scopes=[SCOPE])
                if not self._credentials.valid:
                    self._credentials.refresh(self._request())
            except GoogleAuthError as error:
                text = (
                    f"there are no Google credentials: {error}; on a developer's machine, run "
                    "`gcloud auth application-default login`"
                )
                raise ApiError("UNAUTHENTICATED", text, http_status=401) from error
            return str(self._credentials.token)
