"""A machine as the doctor sees it: programs, packages, ports, credentials, Google's APIs."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import socket
import subprocess
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from google.auth.transport import Request
    from google.auth.transport.requests import AuthorizedSession

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
PROGRAM_TIMEOUT_S = 20.0
RESPONSE_TIMEOUT_S = 10.0
METADATA_TIMEOUT_S = 1.0
"""The metadata server of a machine on Google Cloud responds in milliseconds; elsewhere there is
none."""


@dataclass(frozen=True)
class Response:
    """Google's response to one request."""

    status: int | None
    """The HTTP status; None if there was no response."""
    data: Mapping[str, object] = field(default_factory=dict)
    reason: str = ""
    """Why there is no response, or Google's message for an error."""

    @property
    def api_is_disabled(self) -> bool:
        """Whether Google refused because the API is not enabled in the caller's project.

        https://cloud.google.com/apis/design/errors#error_info
        """
        error = self.data.get("error")
        details = error.get("details", ()) if isinstance(error, Mapping) else ()
        return any(detail.get("reason") == "SERVICE_DISABLED" for detail in details)


class Credentials(Protocol):
    """Credentials for Google's APIs."""

    @property
    def name(self) -> str:
        """Their owner, if known."""

    def ask(self, method: str, url: str, body: Mapping[str, object] | None = None) -> Response:
        """Make one request. An error is part of the response."""


class Machine(Protocol):
    """The parts of a machine that the doctor examines."""

    @property
    def python(self) -> str:
        """The version of Python, such as `3.12.4`."""

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment variables."""

    @property
    def home(self) -> Path:
        """The user's folder."""

    def find(self, program: str) -> Path | None:
        """The path of a program on the search path."""

    def output(self, *command: str) -> str | None:
        """The output of a command, stripped; None if it fails."""

    def has_package(self, name: str) -> bool:
        """Whether Python can import a package."""

    def port_is_free(self, port: int) -> bool:
        """Whether a server can listen on a port of 127.0.0.1."""

    def credentials(self) -> Credentials | str:
        """Google's application default credentials, or why there are none."""


class ThisMachine:
    """The machine that this process runs on."""

    python = platform.python_version()
    environ: Mapping[str, str] = os.environ

    @property
    def home(self) -> Path:
        """The user's folder."""
        return Path.home()

    def find(self, program: str) -> Path | None:
        """The path of a program on the search path."""
        found = shutil.which(program)
        return Path(found) if found else None

    def output(self, *command: str) -> str | None:
        """The output of a command, stripped; None if it fails or takes more than 20 s."""
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=True,
                stdin=subprocess.DEVNULL,
                timeout=PROGRAM_TIMEOUT_S,
            )
        except (OSError, ValueError, subprocess.SubprocessError):
            return None
        return done.stdout.strip()

    def has_package(self, name: str) -> bool:
        """Whether Python can import a package; the package is not imported."""
        return importlib.util.find_spec(name) is not None

    def port_is_free(self, port: int) -> bool:
        """Whether a server can listen on a port of 127.0.0.1, as `queuewright up` does."""
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
                listener.listen()
            except OSError:
                return False
        return True

    def credentials(self) -> Credentials | str:
        """Google's application default credentials, or why there are none.

        https://cloud.google.com/docs/authentication/application-default-credentials
        """
        import google.auth
        from google.auth.exceptions import DefaultCredentialsError
        from google.auth.transport.requests import AuthorizedSession

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about a missing quota project
            try:
                credentials, _ = google.auth.default(scopes=[SCOPE], request=_impatient())
            except DefaultCredentialsError as error:
                is_set = "GOOGLE_APPLICATION_CREDENTIALS" in self.environ
                return str(error).partition("\n")[0] if is_set else "none found"
        name = getattr(credentials, "service_account_email", None) or "a user's own"
        return _GoogleCredentials(name, AuthorizedSession(credentials))  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class _GoogleCredentials:
    name: str
    session: AuthorizedSession

    def ask(self, method: str, url: str, body: Mapping[str, object] | None = None) -> Response:
        import requests
        from google.auth.exceptions import GoogleAuthError, RefreshError

        try:
            response = self.session.request(  # type: ignore[no-untyped-call]
                method, url, json=body, timeout=RESPONSE_TIMEOUT_S
            )
            data = response.json()
        except RefreshError as error:
            return Response(401, reason=str(error.args[0]))
        except (GoogleAuthError, requests.RequestException, ValueError) as error:
            return Response(None, reason=f"no response from Google ({type(error).__name__})")
        message = data.get("error", {}).get("message", "") if isinstance(data, dict) else ""
        return Response(response.status_code, data if isinstance(data, dict) else {}, message)


def _impatient() -> Request:
    """A transport that does not wait long for a missing metadata server."""
    from google.auth.transport.requests import Request as Transport

    class Impatient(Transport):
        def __call__(self, *args, **kwargs):  # type: ignore[no-untyped-def]  # noqa: ANN002, ANN003, ANN204
            kwargs["timeout"] = min(kwargs.get("timeout") or RESPONSE_TIMEOUT_S, METADATA_TIMEOUT_S)
            return super().__call__(*args, **kwargs)  # type: ignore[no-untyped-call]

    return Impatient()
