"""The request that a handler receives."""

from __future__ import annotations

from typing import Any

import pytest

from queuewright.engine.protocol import messages as m
from queuewright.engine.protocol.status import NO_ATTEMPT, TIMED_OUT, UNREACHABLE
from queuewright.engine.rules.http_request import (
    AttemptFacts,
    app_engine_request,
    http_request,
    overridden,
)
from queuewright.engine.rules.task_message import accepted

QUEUE = "projects/p/locations/l/queues/q"
IF_NOT_EXISTS = 1


def facts(**changes: int) -> AttemptFacts:
    values = {
        "schedule_us": 1_666_670_855_329_624,
        "retry_count": 0,
        "response_count": 0,
        "execution_count": 0,
        "previous": NO_ATTEMPT,
        **changes,
    }
    return AttemptFacts(queue_id="emails", task_id="t1", **values)


def http_task(**fields: Any) -> m.Task:
    task = m.Task(http_request=m.HttpRequest(**{"url": "https://h.example/a", **fields}))
    return accepted(task, QUEUE, 0).stored


def app_engine_task(**fields: Any) -> m.Task:
    task = m.Task(app_engine_http_request=m.AppEngineHttpRequest(**fields))
    return accepted(task, QUEUE, 0).stored


class Signer:
    """Returns its arguments in place of a signed token."""

    def oidc(self, email: str, audience: str, now_us: int) -> str:
        return f"oidc:{email}:{audience}:{now_us}"

    def oauth(self, email: str, scope: str, now_us: int) -> str:
        return f"oauth:{email}:{scope}:{now_us}"


def test_a_first_attempt_carries_the_documented_headers_and_no_others() -> None:
    request = http_request(http_task(body=b"x"), facts(), None, None, 0)
    assert request.method == "POST"
    assert request.body == b"x"
    assert dict(request.headers) == {
        "User-Agent": "Google-Cloud-Tasks",
        "X-CloudTasks-QueueName": "emails",
        "X-CloudTasks-TaskName": "t1",
        "X-CloudTasks-TaskRetryCount": "0",
        "X-CloudTasks-TaskExecutionCount": "0",
        "X-CloudTasks-TaskETA": "1666670855.329624",
    }


@pytest.mark.parametrize(
    ("previous", "shown"), [(500, "500"), (302, "302"), (TIMED_OUT, "504"), (UNREACHABLE, "503")]
)
def test_a_retry_has_the_result_of_the_previous_attempt_and_an_empty_reason(
    previous: int, shown: str
) -> None:
    headers = dict(http_request(http_task(), facts(previous=previous), None, None, 0).headers)
    assert headers["X-CloudTasks-TaskPreviousResponse"] == shown
    assert headers["X-CloudTasks-TaskRetryReason"] == ""


def test_an_http_target_counts_executions_and_an_app_engine_target_responses() -> None:
    counts = facts(retry_count=5, response_count=5, execution_count=3)
    http = dict(http_request(http_task(), counts, None, None, 0).headers)
    app_engine = dict(app_engine_request(app_engine_task(), counts, "http://h").headers)
    assert http["X-CloudTasks-TaskExecutionCount"] == "3"
    assert app_engine["X-AppEngine-TaskExecutionCount"] == "5"


@pytest.mark.parametrize(
    "name",
    ["Host", "content-length", "X-Google-Foo", "x-appengine-queuename", "X-CloudTasks-TaskName",
     "Transfer-Encoding", "Connection"],
)  # fmt: skip
def test_a_reserved_header_of_the_user_is_not_sent(name: str) -> None:
    request = http_request(http_task(headers={name: "evil"}), facts(), None, None, 0)
    assert "evil" not in dict(request.headers).values()


def test_other_headers_are_sent_as_they_were_written() -> None:
    request = http_request(http_task(headers={"x-MiXed": "1, 2"}), facts(), None, None, 0)
    assert ("x-MiXed", "1, 2") in request.headers


def test_the_default_audience_of_an_oidc_token_is_the_url() -> None:
    token = m.OidcToken(service_account_email="a@p")
    request = http_request(http_task(oidc_token=token), facts(), None, Signer(), 7)
    assert dict(request.headers)["Authorization"] == "Bearer oidc:a@p:https://h.example/a:7"
    token.audience = "https://h.example"
    request = http_request(http_task(oidc_token=token), facts(), None, Signer(), 7)
    assert dict(request.headers)["Authorization"] == "Bearer oidc:a@p:https://h.example:7"


def test_the_default_scope_of_an_oauth_token_is_the_whole_platform() -> None:
    token = m.OAuthToken(service_account_email="a@p")
    request = http_request(http_task(oauth_token=token), facts(), None, Signer(), 7)
    scope = "https://www.googleapis.com/auth/cloud-platform"
    assert dict(request.headers)["Authorization"] == f"Bearer oauth:a@p:{scope}:7"


def test_a_token_replaces_an_authorization_header_of_the_users() -> None:
    token = m.OidcToken(service_account_email="a@p")
    task = http_task(headers={"authorization": "Basic x"}, oidc_token=token)
    names = [name.lower() for name, _ in http_request(task, facts(), None, Signer(), 0).headers]
    assert names.count("authorization") == 1
    assert "Basic x" not in dict(http_request(task, facts(), None, None, 0).headers).values()


def test_the_queues_target_replaces_method_headers_and_token() -> None:
    target = m.HttpTarget(
        http_method=4,
        header_overrides=[
            m.HttpTarget.HeaderOverride(header=m.HttpTarget.Header(key="X-A", value="queue")),
            m.HttpTarget.HeaderOverride(header=m.HttpTarget.Header(key="Host", value="evil")),
        ],
        oidc_token=m.OidcToken(service_account_email="q@p", audience="aud"),
    )
    token = m.OidcToken(service_account_email="a@p")
    task = http_task(headers={"x-a": "task", "X-B": "b"}, oidc_token=token, body=b"x")
    request = http_request(task, facts(), target, Signer(), 0)
    headers = dict(request.headers)
    assert request.method == "PUT"
    assert headers["X-A"] == "queue"
    assert headers["X-B"] == "b"
    assert headers["Authorization"] == "Bearer oidc:q@p:aud:0"
    assert not {"x-a", "Host"} & set(headers)


def test_a_queue_that_changes_the_method_to_get_drops_the_body() -> None:
    request = http_request(http_task(body=b"x"), facts(), m.HttpTarget(http_method=2), None, 0)
    assert (request.method, request.body) == ("GET", b"")


def override(**fields: Any) -> m.UriOverride:
    path, query = fields.pop("path", None), fields.pop("query", None)
    uri = m.UriOverride(**fields)
    if path is not None:
        uri.path_override.path = path
    if query is not None:
        uri.query_override.query_params = query
    return uri


@pytest.mark.parametrize(
    ("url", "fields", "expected"),
    [
        ("https://www.google.com", {"host": "example.net"}, "https://example.net"),
        ("https://www.example.com/example", {"port": 123}, "https://www.example.com:123/example"),
        ("https://h:99/p", {"port": 0}, "https://h/p"),
        ("https://h:99/p?q=1", {"host": "g"}, "https://g:99/p?q=1"),
        ("https://h/p", {"scheme": 1}, "http://h/p"),
        ("http://h/p", {"scheme": 2}, "https://h/p"),
        ("https://h/p?q=1", {"path": "/other"}, "https://h/other?q=1"),
        ("https://h/p?q=1", {"path": "other"}, "https://h/other?q=1"),
        ("https://h/p?q=1", {"path": ""}, "https://h?q=1"),
        ("https://h/p?q=1", {"query": "r=2"}, "https://h/p?r=2"),
        ("https://h/p?q=1", {"query": ""}, "https://h/p"),
        ("http://[::1]:8/p", {"port": 9}, "http://[::1]:9/p"),
        ("http://u:w@h:8/p", {"host": "g"}, "http://u:w@g:8/p"),
        ("https://h/p", {"host": "g", "port": 8080, "scheme": 1, "path": "/x", "query": "y"},
         "http://g:8080/x?y"),
    ],
)  # fmt: skip
def test_a_uri_override_replaces_what_it_names(
    url: str, fields: dict[str, Any], expected: str
) -> None:
    assert overridden(url, override(**fields)) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://h", "https://h:81/x?y=1"),
        ("https://h/", "https://h:81/x?y=1"),
        ("https://h/p", "https://h:81/p?y=1"),
        ("https://h:9/p?q=1", "https://h:9/p?q=1"),
    ],
)
def test_a_lenient_override_only_fills_in_what_the_url_lacks(url: str, expected: str) -> None:
    uri = override(
        host="g", scheme=1, port=81, path="/x", query="y=1", uri_override_enforce_mode=IF_NOT_EXISTS
    )
    assert overridden(url, uri) == expected


def test_an_app_engine_attempt_carries_the_documented_headers() -> None:
    task = app_engine_task(relative_uri="/work?a=1", body=b"xyz", headers={"X-Own": "1"})
    request = app_engine_request(task, facts(), "http://127.0.0.1:8080/")
    assert request.url == "http://127.0.0.1:8080/work?a=1"
    assert dict(request.headers) == {
        "X-Own": "1",
        "Content-Type": "application/octet-stream",
        "User-Agent": "AppEngine-Google; (+http://code.google.com/appengine)",
        "X-AppEngine-QueueName": "emails",
        "X-AppEngine-TaskName": "t1",
        "X-AppEngine-TaskRetryCount": "0",
        "X-AppEngine-TaskExecutionCount": "0",
        "X-AppEngine-TaskETA": "1666670855.329624",
    }


@pytest.mark.parametrize(
    ("previous", "code", "reason"),
    [(500, "500", "App Error"), (TIMED_OUT, "0", "Instance Unavailable")],
)
def test_an_app_engine_retry_gives_the_reason(previous: int, code: str, reason: str) -> None:
    request = app_engine_request(app_engine_task(), facts(previous=previous), "http://h")
    headers = dict(request.headers)
    assert headers["X-AppEngine-TaskPreviousResponse"] == code
    assert headers["X-AppEngine-TaskRetryReason"] == reason
