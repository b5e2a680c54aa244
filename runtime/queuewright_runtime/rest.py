"""Calls of Google's REST APIs with the standard library: connections, tokens, errors, retries."""

from __future__ import annotations

import json
import os
import random
import select
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from queuewright_runtime.errors import ApiError
from queuewright_runtime.metadata import MetadataToken

EMULATOR_URL = "CLOUD_TASKS_EMULATOR_URL"
"""The environment variable with the `http://host:port` of a local engine's REST API."""
CLOUD_TASKS = "https://cloudtasks.googleapis.com"

TIMEOUT_S = 10.0
ATTEMPTS = 6
FIRST_BACKOFF_S = 0.1
LONGEST_BACKOFF_S = 5.0
IDLE_S = 60.0
"""A connection that was idle for longer is not used again."""

PASSING = frozenset({429, 500, 502, 503, 504})
"""The HTTP statuses that a later attempt may not get: https://google.aip.dev/194."""


class Rest:
    """A REST API of Google's, or of a local server. Threads may share it.

    It keeps connections open, one for each call at the same time. It takes no proxy.

    Args:
        base_url: `https://host/v2`, without a slash at the end.
        token: returns an access token; None sends none.
        timeout_s: how long to wait for a connection or for bytes of an answer.
        attempts: how often an idempotent call is tried at most; at least 1.
        patience_s: no attempt starts later than this after the first.
        sleep: waits for a number of seconds.
        chance: returns a number from 0 to 1, for the jitter.
    """

    def __init__(
        self,
        base_url: str,
        token: Callable[[], str] | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        attempts: int = ATTEMPTS,
        patience_s: float = float("inf"),
        sleep: Callable[[float], object] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.base_url = base_url
        self._token = token
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._patience_s = patience_s
        self._sleep = sleep
        self._chance = chance
        self._idle: list[tuple[HTTPConnection, float, int]] = []
        """The open connections, since when they are idle, and the process that opened them."""

    def close(self) -> None:
        """Close the connections that are idle; the next call opens another."""
        while self._idle:
            self._idle.pop()[0].close()

    def __del__(self) -> None:
        if hasattr(self, "_idle"):
            self.close()

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        is_idempotent: bool,
    ) -> dict[str, Any]:
        """Return the answer to a request, as JSON.

        Args:
            method: `GET`, `POST`, ….
            path: what follows the base URL and a slash: `projects/…/queues/emails:pause`.
            body: the message; None sends no body.
            is_idempotent: the call may be repeated after an error that may pass (429, 500, 502,
                503, 504, or no answer), with exponential backoff and jitter. A connection that
                could not be opened is tried again in any case.

        Raises:
            ApiError: the answer is an error, or there was none.
        """
        start, attempt = time.monotonic(), 0
        while True:
            attempt += 1
            try:
                return self._attempt(method, path, body)
            except ApiError as error:
                may_pass = error.is_unsent or (is_idempotent and is_passing(error))
                pause_s = backoff_s(attempt, self._chance())
                late = time.monotonic() + pause_s > start + self._patience_s
                if not may_pass or attempt >= self._attempts or late:
                    raise
            self._sleep(pause_s)

    def create_task(self, queue: str, task: Mapping[str, Any]) -> dict[str, Any]:
        """Create a task, and return it as the API shows it.

        Args:
            queue: `projects/…/locations/…/queues/…`.
            task: a task in the API's JSON: `{"name": …, "httpRequest": {"body": BASE64, …}}`.
                With a name, the call is idempotent and repeated on errors that may pass.

        Raises:
            ApiError: the task was not created; `ALREADY_EXISTS`: there is or was one of this name,
                which an earlier attempt of this very call may have created.
        """
        return self.call(
            "POST", f"{queue}/tasks", {"task": task}, is_idempotent=bool(task.get("name"))
        )

    def _attempt(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        headers = {"Accept": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token()}"
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            headers["Content-Type"] = "application/json"
        url = f"{self.base_url}/{path}"
        target = f"{urlsplit(self.base_url).path}/{path}"
        with self._connection() as connection:
            try:
                connection.request(method, target, content, headers)
                response = connection.getresponse()
                status, answer = response.status, response.read()
            except (OSError, HTTPException) as error:
                connection.close()
                text = f"{method} {url}: no answer: {error or type(error).__name__}"
                raise ApiError("UNAVAILABLE", text) from error
        if status >= 300:
            raise api_error(status, answer)
        return _json(answer, url)

    @contextmanager
    def _connection(self) -> Iterator[HTTPConnection]:
        """An open connection for one request; it is kept if it is still open afterwards."""
        connection = self._idle_connection() or self._new_connection()
        try:
            yield connection
        except ApiError:
            raise
        except BaseException:
            connection.close()
            raise
        if connection.sock is not None:
            self._idle.append((connection, time.monotonic(), os.getpid()))

    def _idle_connection(self) -> HTTPConnection | None:
        while self._idle:
            try:
                connection, since, process = self._idle.pop()
            except IndexError:  # another thread was faster
                return None
            if process != os.getpid():  # a fork: the parent uses it
                continue
            if time.monotonic() - since < IDLE_S and not _is_closed_by_peer(connection):
                return connection
            connection.close()
        return None

    def _new_connection(self) -> HTTPConnection:
        address = urlsplit(self.base_url)
        kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
        connection = kind(address.hostname or "", address.port, timeout=self._timeout_s)
        try:
            connection.connect()
        except OSError as error:
            text = f"there is no connection to {self.base_url}: {error}"
            raise ApiError("UNAVAILABLE", text, is_unsent=True) from error
        return connection


def cloud_tasks(
    *,
    timeout_s: float = TIMEOUT_S,
    attempts: int = ATTEMPTS,
    patience_s: float = float("inf"),
) -> Rest:
    """Return Cloud Tasks' API v2: the engine at `$CLOUD_TASKS_EMULATOR_URL`, else Google's.

    On Google's, the caller is the service account of this process. The arguments are those of
    `Rest`.
    """
    local = os.environ.get(EMULATOR_URL)
    return Rest(
        f"{local.rstrip('/') if local else CLOUD_TASKS}/v2",
        None if local else MetadataToken(),
        timeout_s=timeout_s,
        attempts=attempts,
        patience_s=patience_s,
    )


def is_passing(error: ApiError) -> bool:
    """Return whether a later attempt may not meet the error."""
    return error.http_status is None or error.http_status in PASSING


def backoff_s(attempt: int, chance: float) -> float:
    """Return the pause after an attempt, from 1, in seconds: full jitter.

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/

    >>> [backoff_s(attempt, 1.0) for attempt in (1, 2, 3, 20)]
    [0.1, 0.2, 0.4, 5.0]
    >>> backoff_s(3, 0.5)
    0.2
    """
    return chance * min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2.0 ** min(attempt - 1, 10))


def api_error(status: int, answer: bytes) -> ApiError:
    """Return the error that an answer describes (https://google.aip.dev/193).

    >>> api_error(409, b'{"error": {"status": "ALREADY_EXISTS", "message": "Taken."}}')
    ApiError('ALREADY_EXISTS: Taken.')
    >>> api_error(502, b"<html>")
    ApiError('UNKNOWN: HTTP status 502: <html>')
    """
    try:
        error = json.loads(answer)["error"]
        code, text = str(error["status"]), str(error.get("message", ""))
    except (ValueError, LookupError, TypeError, AttributeError):
        code = "UNKNOWN"
        text = f"HTTP status {status}: {answer[:200].decode(errors='replace')}"
    return ApiError(code, text, http_status=status)


def _json(answer: bytes, url: str) -> dict[str, Any]:
    try:
        found = json.loads(answer or b"{}")
    except ValueError as error:
        raise ApiError("UNKNOWN", f"{url} did not answer with JSON") from error
    if not isinstance(found, dict):
        raise ApiError("UNKNOWN", f"{url} did not answer with a JSON object")
    return found


def _is_closed_by_peer(connection: HTTPConnection) -> bool:
    """An idle connection that can be read has ended, or carries what nobody asked for."""
    if connection.sock is None:
        return True
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))
