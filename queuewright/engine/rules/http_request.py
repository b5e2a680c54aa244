"""What a handler receives: method, URL, headers and body of one attempt. Pure.

Headers as documented (https://cloud.google.com/tasks/docs/creating-http-target-tasks#handler,
https://cloud.google.com/tasks/docs/creating-appengine-handlers#reading_request_headers) and
recorded from the real service. The two kinds of target count executions differently: an HTTP
target's count leaves out answers of 5xx, an App Engine target's does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol
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
"""Names of `HttpMethod` by number (target.proto)."""

CLOUD_PLATFORM_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
"""The default of `OAuthToken.scope` (target.proto)."""

_BODY_METHODS: Final = ("POST", "PUT", "PATCH")
_SCHEMES: Final = ("https", "http", "https")  # UriOverride.Scheme; unspecified is HTTPS
_IF_NOT_EXISTS: Final = 1

Headers = list[tuple[str, str]]


class TokenSigner(Protocol):
    """Makes the tokens that go into `Authorization`."""

    def oidc(self, email: str, audience: str, now_us: int) -> str:
        """Return an ID token of the account for the audience."""
        ...

    def oauth(self, email: str, scope: str, now_us: int) -> str:
        """Return an access token of the account for the scope."""
        ...


@dataclass(frozen=True, slots=True)
class AttemptFacts:
    """What an attempt's headers say of the task."""

    queue_id: str
    task_id: str
    schedule_us: int
    retry_count: int
    """Attempts before this one, whatever they came to."""
    response_count: int
    """Answers before this one."""
    execution_count: int
    """Those of them that were not 5xx."""
    previous: int
    """HTTP code of the attempt before, or `NO_ATTEMPT`, `TIMED_OUT`, `UNREACHABLE`."""


@dataclass(frozen=True, slots=True)
class OutgoingRequest:
    """One request as it is sent; header names keep their capitals, nothing is added to them."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    follow_redirects: bool = False

    @property
    def address(self) -> str:
        """Method and URL, as Cloud Tasks logs them."""
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
    """Return what an HTTP target receives, with the queue's own `target` laid over the task's."""
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
        # 504 after a timeout has been seen; 503 where no answer came at all is our choice.
        code = {TIMED_OUT: 504, UNREACHABLE: 503}.get(facts.previous, facts.previous)
        headers.append((f"{CLOUD_TASKS_PREFIX}TaskPreviousResponse", str(code)))
        headers.append((f"{CLOUD_TASKS_PREFIX}TaskRetryReason", ""))
    body = request.body if name in _BODY_METHODS else b""
    return OutgoingRequest(name, url, tuple(headers), body, follow_redirects)


def app_engine_request(task: Task, facts: AttemptFacts, base_url: str) -> OutgoingRequest:
    """Return what an App Engine service at `base_url` (`http://host:port`) receives."""
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
    """Return method and URL of a task as Cloud Tasks logs them, the queue's `target` laid over it.

    Of an App Engine task the URL is the relative one.
    """
    if task.HasField("http_request"):
        return " ".join(_method_and_url(task.http_request, target))
    request = task.app_engine_http_request
    return f"{METHODS[request.http_method]} {request.relative_uri}"


def target_type(task: Task) -> Literal["HTTP", "APP_ENGINE_HTTP"]:
    """Return the kind of a task's target, as Cloud Tasks logs it."""
    return "HTTP" if task.HasField("http_request") else "APP_ENGINE_HTTP"


def overridden(url: str, override: UriOverride) -> str:
    """Return a URL with a queue's override laid over it (UriOverride in target.proto).

    In the mode IF_NOT_EXISTS only a port, path or query that the URL hasn't got is taken.
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
    """Return host and ":port" ("" without one); the host may be `[::1]`."""
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
