"""Checks a new task and completes it the way Cloud Tasks shows it afterwards.

The result has the target, the deadline and the retry configuration; the store keeps the name and
the times. The stored headers are as recorded from the real service: names unchanged, `User-Agent`
set, and for App Engine also `Content-Length` and a default `Content-Type`.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from datetime import timedelta
from typing import Final, NamedTuple

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from queuewright.cloud_tasks import defaults, limits
from queuewright.cloud_tasks.headers import APP_ENGINE_USER_AGENT, HTTP_USER_AGENT
from queuewright.cloud_tasks.limits import MAX_TASK_BYTES, MAX_URL_CHARACTERS
from queuewright.engine.protocol import refusals
from queuewright.engine.protocol.headers import check_headers
from queuewright.engine.protocol.messages import (
    AppEngineHttpRequest,
    AppEngineRouting,
    HttpRequest,
    Task,
)
from queuewright.engine.protocol.names import project_of, short
from queuewright.engine.protocol.times import SECOND_US, set_timestamp, span_us, text, timestamp_us
from queuewright.engine.rules.queue_config import complete_retry
from queuewright.errors import Refusal

BASIC: Final = 1
FULL: Final = 2

_MILLISECOND: Final = timedelta(milliseconds=1)
_FARTHEST_US: Final = span_us(limits.MAX_SCHEDULE_AHEAD)
_FARTHEST_HOURS: Final = limits.MAX_SCHEDULE_AHEAD // timedelta(hours=1)
_DEFAULT_DEADLINE_MS: Final = defaults.DISPATCH_DEADLINE // _MILLISECOND
_SHORTEST_DEADLINE_MS: Final = limits.MIN_DISPATCH_DEADLINE // _MILLISECOND
_LONGEST_HTTP_DEADLINE_MS: Final = limits.MAX_HTTP_DISPATCH_DEADLINE // _MILLISECOND
_LONGEST_APP_ENGINE_DEADLINE_MS: Final = limits.MAX_APP_ENGINE_DISPATCH_DEADLINE // _MILLISECOND
_MIN_SECONDS: Final = -62_135_596_800
_MAX_SECONDS: Final = 253_402_300_799  # years 1 to 9999 (timestamp.proto)

_POST: Final = 1
_METHODS: Final = range(1, 8)
_BODY_METHODS: Final = {"HttpRequest": (1, 4, 6), "AppEngineHttpRequest": (1, 4)}
_BODY_METHOD_NAMES: Final = {
    "HttpRequest": "POST, PUT or PATCH",
    "AppEngineHttpRequest": "POST or PUT",
}
_authority = re.compile(
    r"https?://(?:[^/?#@]*@)?(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[^/?#@:\[\]\s]+))(?::(?P<port>\d*))?(?:[/?#]|$)"
).match
_is_loopback = re.compile(r"localhost|127(\.\d+){3}|::1").fullmatch


class Accepted(NamedTuple):
    """A checked task: the message to store, and when it is due."""

    stored: Task
    schedule_us: int


def accepted(task: Task, queue: str, now_us: int) -> Accepted:
    """Check and complete a task for a queue.

    Raises:
        Refusal: INVALID_ARGUMENT.
    """
    stored = Task()
    kind = task.WhichOneof("message_type")
    if kind == "http_request":
        stored.http_request.CopyFrom(task.http_request)
        complete_http_request(stored.http_request)
        longest_ms = _LONGEST_HTTP_DEADLINE_MS
    elif kind == "app_engine_http_request":
        stored.app_engine_http_request.CopyFrom(task.app_engine_http_request)
        _complete_app_engine_request(stored.app_engine_http_request, queue)
        longest_ms = _LONGEST_APP_ENGINE_DEADLINE_MS
    else:
        raise refusals.invalid("Task.payload_type is not set.")
    deadline_ms = _DEFAULT_DEADLINE_MS
    if task.HasField("dispatch_deadline"):
        zero_allowed = kind != "http_request"
        deadline_ms = _deadline_ms(task.dispatch_deadline, longest_ms, zero_allowed=zero_allowed)
    seconds, millis = divmod(deadline_ms, 1_000)
    stored.dispatch_deadline.seconds = seconds
    stored.dispatch_deadline.nanos = millis * 1_000_000
    if task.HasField("retry_config"):
        stored.retry_config.CopyFrom(task.retry_config)
        complete_retry(stored.retry_config)
    schedule_us = due_us(task.schedule_time, now_us) if task.HasField("schedule_time") else now_us
    return Accepted(stored, schedule_us)


def check_size(stored: Task, name: str, schedule_us: int, now_us: int) -> None:
    """Check the size of a task, including the fields that are added when it is shown.

    Raises:
        Refusal: INVALID_ARGUMENT `Task size too large`.
    """
    size = stored.ByteSize()
    if size <= MAX_TASK_BYTES - 1_024:
        return
    whole = Task()
    whole.CopyFrom(stored)
    whole.name = name
    set_timestamp(whole.schedule_time, schedule_us)
    whole.create_time.seconds = now_us // SECOND_US
    if whole.ByteSize() > MAX_TASK_BYTES:
        raise refusals.invalid("Task size too large")


def due_us(schedule_time: Timestamp, now_us: int) -> int:
    """Return when a new task with this schedule time is due. A time in the past means now.

    Raises:
        Refusal: INVALID_ARGUMENT.
    """
    at = schedule_time
    if not (_MIN_SECONDS <= at.seconds <= _MAX_SECONDS and 0 <= at.nanos < 10**9):
        raise refusals.invalid("Task.scheduleTime is not a valid timestamp.")
    schedule_us = timestamp_us(at)
    if schedule_us > now_us + _FARTHEST_US:
        raise refusals.invalid(
            f"The Task.scheduleTime, {text(schedule_us)}, is too far in the future. "
            f"Schedule time must be no more than {_FARTHEST_HOURS}h in the future."
        )
    return max(schedule_us, now_us)


def complete_http_request(request: HttpRequest) -> None:
    """Check and complete an HTTP target, in place.

    Raises:
        Refusal: INVALID_ARGUMENT.
    """
    url = request.url
    if not url:
        raise refusals.invalid("HttpRequest.url is required.")
    if not url.startswith(("http://", "https://")):
        raise refusals.invalid("HttpTarget.url must start with 'http://' or 'https://'.")
    host = _host(url)
    if not host:
        raise refusals.invalid(
            f"HttpRequest.url must have a host, and a port of at most 65535, but is '{url[:200]}'."
        )
    if len(encoded(url)) > MAX_URL_CHARACTERS:
        raise _too_long("HttpRequest.url")
    token = request.WhichOneof("authorization_header")
    if token is not None:
        if not url.startswith("https://") and not _is_loopback(host):
            raise refusals.invalid(
                "HttpRequest.url must start with 'https://' for request with "
                "HttpRequest.authorization_header"
            )
        chosen = request.oidc_token if token == "oidc_token" else request.oauth_token
        if not chosen.service_account_email:
            raise refusals.invalid(f"HttpRequest.{token} must have a service_account_email.")
    request.http_method = _method(request.http_method, bool(request.body), "HttpRequest")
    headers = request.headers
    check_headers(headers.items(), "HttpRequest.headers")
    _without(headers, "user-agent")
    headers["User-Agent"] = HTTP_USER_AGENT


def encoded(url: str) -> str:
    """Return a URL with spaces, control and non-ASCII characters percent-encoded.

    >>> encoded("http://a/b c/ü?q=%zz")
    'http://a/b%20c/%C3%BC?q=%zz'
    """
    if url.isascii() and url.isprintable() and " " not in url:
        return url
    return "".join(
        char if "!" <= char <= "~" else "".join(f"%{byte:02X}" for byte in char.encode())
        for char in url
    )


def complete_routing(routing: AppEngineRouting, queue: str) -> None:
    """Fill in a routing's host, which is output only (AppEngineRouting.host).

    It consists of the given parts and the domain of the project's app.
    """
    parts = [part for part in (routing.instance, routing.version, routing.service) if part]
    routing.host = ".".join([*parts, f"{short(project_of(queue))}.appspot.com"])


def _complete_app_engine_request(request: AppEngineHttpRequest, queue: str) -> None:
    uri = request.relative_uri or "/"
    if not uri.startswith("/"):
        raise refusals.invalid("AppEngineHttpRequest.relativeUri must start with '/'.")
    if any(char <= " " or char == "\x7f" for char in uri):
        raise refusals.invalid("AppEngineHttpRequest.relativeUri must not contain spaces.")
    if len(encoded(uri)) > MAX_URL_CHARACTERS:
        raise _too_long("AppEngineHttpRequest.relativeUri")
    request.relative_uri = uri
    request.http_method = _method(request.http_method, bool(request.body), "AppEngineHttpRequest")
    complete_routing(request.app_engine_routing, queue)
    headers = request.headers
    check_headers(headers.items(), "AppEngineHttpRequest.headers", max_bytes=None)
    _without(headers, "content-length")
    own = _without(headers, "user-agent")
    headers["User-Agent"] = f"{own} {APP_ENGINE_USER_AGENT}" if own else APP_ENGINE_USER_AGENT
    if request.body:
        headers["Content-Length"] = str(len(request.body))
        if not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = "application/octet-stream"


def _without(headers: MutableMapping[str, str], name: str) -> str | None:
    """Remove a header, in any case, and return its value."""
    value = None
    for given in [given for given in headers if given.lower() == name]:
        value = headers[given]
        del headers[given]
    return value


def _too_long(field: str) -> Refusal:
    return refusals.invalid(f"{field} must be at most {MAX_URL_CHARACTERS} characters long.")


def _method(method: int, has_body: bool, field: str) -> int:
    method = method or _POST
    if method not in _METHODS:
        raise refusals.invalid(f"{field}.httpMethod has the unknown value {method}.")
    if has_body and method not in _BODY_METHODS[field]:
        raise refusals.invalid(
            f"{field}.body is only allowed if the HTTP method is {_BODY_METHOD_NAMES[field]}."
        )
    return method


def _deadline_ms(deadline: Duration, longest_ms: int, *, zero_allowed: bool) -> int:
    is_valid = 0 <= deadline.nanos < 10**9
    ms = deadline.seconds * 1_000 + deadline.nanos // 1_000_000
    if ms == 0 and zero_allowed and is_valid:
        return _DEFAULT_DEADLINE_MS
    if not _SHORTEST_DEADLINE_MS <= ms <= longest_ms or not is_valid:
        raise refusals.invalid(
            f"Task.dispatchDeadline must be between {_SHORTEST_DEADLINE_MS // 1_000}s and "
            f"{longest_ms // 1_000}s."
        )
    return ms


def _host(url: str) -> str:
    """Return the host of an `http(s)://` URL, or "" if it has no valid host and port.

    >>> _host("https://u:p@[::1]:80/x"), _host("http://h"), _host("https://:80"), _host("http://[::1")
    ('::1', 'h', '', '')
    """
    match = _authority(url)
    if match is None or len(match["port"] or "") > 5 or int(match["port"] or 0) > 65_535:
        return ""
    return str(match["v6"] or match["name"]).lower()
