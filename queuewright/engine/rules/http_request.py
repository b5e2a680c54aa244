"""The request that a handler receives in one attempt: method, URL, headers and body.

The headers are as documented
(https://cloud.google.com/tasks/docs/creating-http-target-tasks#handler,
https://cloud.google.com/tasks/docs/creating-appengine-handlers#reading_request_headers) and as
recorded from the real service. The execution count of an HTTP target leaves out 5xx answers; that
of an App Engine target includes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, NamedTuple, Protocol
from urllib.parse import urlsplit, urlunsplit

from queuewright.cloud_tasks.headers import (
    APP_ENGINE_PREFIX,
    APP_ENGINE_USER_AGENT,
    CLOUD_TASKS_PREFIX,
    HTTP_USER_AGENT,
    is_reserved,
)
from queuewright.engine.protocol.headers import is_framing
from queuewright.engine.protocol.messages import (
    HttpRequest,
    HttpTarget,
    OAuthToken,
    OidcToken,
    Task,
    UriOverride,
)
from queuewright.engine.protocol.status import NO_ATTEMPT, TIMED_OUT, UNREACHABLE
from queuewright.engine.protocol.times import SECOND_US
from queuewright.engine.rules.task_message import encoded

METHODS: Final = ("", "POST", "GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS")
"""The names of `HttpMethod` by number (target.proto)."""

CLOUD_PLATFORM_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
"""The default of `OAuthToken.scope` (target.proto)."""

_BODY_METHODS: Final = ("POST", "PUT", "PATCH")
_SCHEMES: Final = ("https", "http", "https")  # UriOverride.Scheme; unspecified is HTTPS
_IF_NOT_EXISTS: Final = 1

Headers = list[tuple[str, str]]


class TokenSigner(Protocol):
    """Signs the tokens for the `Authorization` header."""

    def oidc(self, email: str, audience: str, now_us: int) -> str:
        """Return an ID token of the account for the audience."""
        ...

    def oauth(self, email: str, scope: str, now_us: int) -> str:
        """Return an access token of the account for the scope."""
        ...


class AttemptFacts(NamedTuple):
    """The facts about a task that an attempt's headers carry."""

    queue_id: str
    task_id: str
    schedule_us: int
    retry_count: int
    """Attempts before this one, whatever their result."""
    response_count: int
    """Answers to earlier attempts."""
    execution_count: int
    """Answers to earlier attempts, without 5xx."""
    previous: int
    """HTTP code of the previous attempt, or `NO_ATTEMPT`, `TIMED_OUT`, `UNREACHABLE`."""


@dataclass(frozen=True, slots=True)
class OutgoingRequest:
    """A request to send. Header names keep their case, and the sender adds no headers."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    follow_redirects: bool = False

    @property
    def address(self) -> str:
        """The method and the URL, as Cloud Tasks logs them."""
        return f"{self.method} {self.url}"


def http_request(
    task: Task,
    facts: AttemptFacts,
    target: HttpTarget | None,
    signer: TokenSigner | None,
    now_us: int,
    *,
    follow_redirects: bool = False,
) -> OutgoingRequest:
    """Return the request for an HTTP target; the queue's `target` overrides the task's own."""
    request = task.http_request
    name, url = _method_and_url(request, target)
    headers = _allowed(request.headers)
    token = _token(request)
    if target is not None:
        for override in target.header_overrides:
            if _is_sent(override.header.key):
                headers = _replaced(headers, override.header.key, override.header.value)
        token = _token(target) or token
    headers.append(("User-Agent", HTTP_USER_AGENT))
    if token is not None:
        headers = [(name, value) for name, value in headers if name.lower() != "authorization"]
        if signer is not None:
            headers.append(("Authorization", f"Bearer {_signed(token, url, signer, now_us)}"))
    headers += _facts(CLOUD_TASKS_PREFIX, facts, facts.execution_count)
    if facts.previous != NO_ATTEMPT:
        # 504 after a timeout was observed; 503 for no answer at all is our choice.
        code = {TIMED_OUT: 504, UNREACHABLE: 503}.get(facts.previous, facts.previous)
        headers.append((f"{CLOUD_TASKS_PREFIX}TaskPreviousResponse", str(code)))
        headers.append((f"{CLOUD_TASKS_PREFIX}TaskRetryReason", ""))
    body = request.body if name in _BODY_METHODS else b""
    return OutgoingRequest(name, url, tuple(headers), body, follow_redirects)


def app_engine_request(task: Task, facts: AttemptFacts, base_url: str) -> OutgoingRequest:
    """Return the request for an App Engine service at `base_url` (`http://host:port`)."""
    request = task.app_engine_http_request
    agent = request.headers.get("User-Agent", APP_ENGINE_USER_AGENT)
    headers = [*_allowed(request.headers), ("User-Agent", agent)]
    headers += _facts(APP_ENGINE_PREFIX, facts, facts.response_count)
    if facts.previous != NO_ATTEMPT:
        answered = facts.previous > 0
        reason = "App Error" if answered else "Instance Unavailable"
        headers.append((f"{APP_ENGINE_PREFIX}TaskPreviousResponse", str(max(facts.previous, 0))))
        headers.append((f"{APP_ENGINE_PREFIX}TaskRetryReason", reason))
    url = encoded(base_url.rstrip("/") + request.relative_uri)
    return OutgoingRequest(METHODS[request.http_method], url, tuple(headers), request.body)


def target_address(task: Task, target: HttpTarget | None) -> str:
    """Return a task's method and URL as Cloud Tasks logs them; the queue's `target` overrides them.

    For an App Engine task the URL is relative.
    """
    if task.HasField("http_request"):
        return " ".join(_method_and_url(task.http_request, target))
    request = task.app_engine_http_request
    return f"{METHODS[request.http_method]} {request.relative_uri}"


def target_type(task: Task) -> Literal["HTTP", "APP_ENGINE_HTTP"]:
    """Return the kind of a task's target, as Cloud Tasks logs it."""
    return "HTTP" if task.HasField("http_request") else "APP_ENGINE_HTTP"


def overridden(url: str, override: UriOverride) -> str:
    """Return a URL with a queue's override applied (UriOverride in target.proto).

    In the mode IF_NOT_EXISTS, only the parts that the URL lacks are overridden.
    """
    scheme, netloc, path, query, fragment = urlsplit(url)
    user, at, host_port = netloc.rpartition("@")
    host, port = _host_and_port(host_port)
    missing_only = override.uri_override_enforce_mode == _IF_NOT_EXISTS
    if override.HasField("scheme") and not (missing_only and scheme):
        scheme = _SCHEMES[override.scheme]
    if override.HasField("host") and not (missing_only and host):
        host = override.host
    if override.HasField("port") and not (missing_only and port):
        port = f":{override.port}" if override.port else ""
    if override.HasField("path_override") and not (missing_only and path.strip("/")):
        path = override.path_override.path
        path = f"/{path}" if path and not path.startswith("/") else path
    if override.HasField("query_override") and not (missing_only and query):
        query = override.query_override.query_params.removeprefix("?")
    return urlunsplit((scheme, f"{user}{at}{host}{port}", path, query, fragment))


def _method_and_url(request: HttpRequest, target: HttpTarget | None) -> tuple[str, str]:
    url, method = request.url, request.http_method
    if target is not None:
        url = overridden(url, target.uri_override) if target.HasField("uri_override") else url
        method = target.http_method or method
    return METHODS[method], encoded(url)


def _host_and_port(netloc: str) -> tuple[str, str]:
    """Return the host and ":port", or "" without a port. The host may be `[::1]`."""
    host, colon, port = netloc.rpartition(":")
    return (host, f":{port}") if colon and port.isdecimal() else (netloc, "")


def _facts(prefix: str, facts: AttemptFacts, execution_count: int) -> Headers:
    seconds, micros = divmod(facts.schedule_us, SECOND_US)
    return [
        (f"{prefix}QueueName", facts.queue_id),
        (f"{prefix}TaskName", facts.task_id),
        (f"{prefix}TaskRetryCount", str(facts.retry_count)),
        (f"{prefix}TaskExecutionCount", str(execution_count)),
        (f"{prefix}TaskETA", f"{seconds}.{micros:06d}"),
    ]


def _allowed(headers: Mapping[str, str]) -> Headers:
    # Not `items()`: protobuf's maps make it in Python, at twice the cost.
    return [(name, headers[name]) for name in headers if _is_sent(name)]


@lru_cache(maxsize=1024)
def _is_sent(name: str) -> bool:
    return not (is_reserved(name) or is_framing(name))


def _replaced(headers: Headers, name: str, value: str) -> Headers:
    kept = [(other, old) for other, old in headers if other.lower() != name.lower()]
    return [*kept, (name, value)]


def _token(message: HttpRequest | HttpTarget) -> OidcToken | OAuthToken | None:
    if message.HasField("oidc_token"):
        return message.oidc_token
    return message.oauth_token if message.HasField("oauth_token") else None


def _signed(token: OidcToken | OAuthToken, url: str, signer: TokenSigner, now_us: int) -> str:
    email = token.service_account_email
    if isinstance(token, OidcToken):
        return signer.oidc(email, token.audience or url, now_us)
    return signer.oauth(email, token.scope or CLOUD_PLATFORM_SCOPE, now_us)
