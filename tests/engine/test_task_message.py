"""Which tasks are valid, and how they are completed."""

from __future__ import annotations

from typing import Any

import pytest

from queuewright.cloud_tasks.limits import MAX_TASK_BYTES
from queuewright.engine.protocol import messages as m
from queuewright.engine.rules.task_message import accepted, check_size
from queuewright.errors import Refusal

QUEUE = "projects/p/locations/l/queues/q"
NOW = 1_800_000_000_000_000
DAY = 86_400


def http(**fields: Any) -> m.Task:
    return m.Task(http_request=m.HttpRequest(**{"url": "https://h/", **fields}))


def app_engine(**fields: Any) -> m.Task:
    return m.Task(app_engine_http_request=m.AppEngineHttpRequest(**fields))


def due(seconds: int, nanos: int = 0) -> m.Task:
    task = http()
    task.schedule_time.seconds = seconds
    task.schedule_time.nanos = nanos
    return task


def deadline(task: m.Task, seconds: int, nanos: int = 0) -> m.Task:
    task.dispatch_deadline.seconds = seconds
    task.dispatch_deadline.nanos = nanos
    return task


@pytest.mark.parametrize(
    ("task", "text"),
    [
        (m.Task(), "Task.payload_type is not set."),
        (http(url=""), "HttpRequest.url is required."),
        (http(url="ftp://h"), "HttpTarget.url must start with 'http://' or 'https://'."),
        (http(url="HTTP://h"), "HttpTarget.url must start with 'http://' or 'https://'."),
        (http(url="http://"), "HttpRequest.url must have a host"),
        (http(url="http://[::1"), "HttpRequest.url must have a host"),
        (http(url="http://ex ample.com/"), "HttpRequest.url must have a host"),
        (http(url="http://h:65536/"), "a host, and a port of at most 65535"),
        (http(url="http://h/" + "a" * 2075), "HttpRequest.url must be at most 2083"),
        (http(url="http://h/" + "ü" * 1000), "HttpRequest.url must be at most 2083"),
        (http(http_method=99), "HttpRequest.httpMethod has the unknown value 99."),
        (http(http_method=2, body=b"x"), "HttpRequest.body is only allowed if"),
        (http(http_method=5, body=b"x"), "HttpRequest.body is only allowed if"),
        (http(headers={"a b": "x"}), "'a b' is not the name of an HTTP header."),
        (http(headers={"": "x"}), "'' is not the name of an HTTP header."),
        (http(headers={"a": "x\r\ny: z"}), "contains a control character"),
        (http(headers={"a": "x" * 81_920}), "HttpRequest.headers must be less than 81920 bytes"),
        (http(url="http://h", oidc_token=m.OidcToken(service_account_email="a")),
         "HttpRequest.url must start with 'https://' for request with "
         "HttpRequest.authorization_header"),
        (http(oidc_token=m.OidcToken()), "must have a service_account_email"),
        (app_engine(relative_uri="x"), "AppEngineHttpRequest.relativeUri must start with '/'."),
        (app_engine(relative_uri="/a b"), "AppEngineHttpRequest.relativeUri must not contain"),
        (app_engine(relative_uri="/" * 2084), "AppEngineHttpRequest.relativeUri must be at most"),
        (app_engine(http_method=6, body=b"x"), "AppEngineHttpRequest.body is only allowed if"),
        (deadline(http(), 14), "Task.dispatchDeadline must be between 15s and 1800s."),
        (deadline(http(), 0), "Task.dispatchDeadline must be between 15s and 1800s."),
        (deadline(http(), 1801), "Task.dispatchDeadline must be between 15s and 1800s."),
        (deadline(app_engine(), 86_416), "Task.dispatchDeadline must be between 15s and 86415s."),
        (
            deadline(app_engine(), 1, -(10**9)),
            "Task.dispatchDeadline must be between 15s and 86415s.",
        ),
        (deadline(app_engine(), 0, -1), "Task.dispatchDeadline must be between 15s and 86415s."),
        (due(NOW // 10**6 + 30 * DAY, 1000),
         "is too far in the future. Schedule time must be no more than 720h in the future."),
        (due(2**62), "Task.scheduleTime is not a valid timestamp."),
        (due(0, -1), "Task.scheduleTime is not a valid timestamp."),
    ],
)  # fmt: skip
def test_an_invalid_task_is_refused(task: m.Task, text: str) -> None:
    with pytest.raises(Refusal) as refused:
        accepted(task, QUEUE, NOW)
    assert refused.value.code == "INVALID_ARGUMENT"
    assert text in refused.value.message


def test_the_refusal_has_the_requested_time() -> None:
    with pytest.raises(Refusal, match=r"The Task\.scheduleTime, 2027-02-14T08:00:01Z, is too far"):
        accepted(due(NOW // 10**6 + 30 * DAY + 1), QUEUE, NOW)


@pytest.mark.parametrize("url", ["http://h/%zz", "https://h:8/p?q#f", "http://a_b/", "http://h"])
def test_unusual_urls_are_accepted(url: str) -> None:
    assert accepted(http(url=url), QUEUE, NOW).stored.http_request.url == url


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "[::1]:80"])
def test_a_token_may_go_to_a_handler_on_this_machine_without_tls(host: str) -> None:
    token = m.OidcToken(service_account_email="a@p")
    accepted(http(url=f"http://{host}/", oidc_token=token), QUEUE, NOW)


def test_a_host_that_only_starts_like_localhost_needs_https() -> None:
    token = m.OidcToken(service_account_email="a@p")
    with pytest.raises(Refusal, match="https://"):
        accepted(http(url="http://127.0.0.1.evil.example/", oidc_token=token), QUEUE, NOW)


def test_an_http_task_is_a_post_of_ten_minutes_with_our_user_agent() -> None:
    stored = accepted(http(headers={"user-AGENT": "mine", "x-Own": "1"}), QUEUE, NOW).stored
    assert stored.http_request.http_method == 1
    assert stored.dispatch_deadline.seconds == 600
    assert dict(stored.http_request.headers) == {"User-Agent": "Google-Cloud-Tasks", "x-Own": "1"}


def test_an_app_engine_task_gains_the_recorded_headers() -> None:
    stored = accepted(app_engine(body=b"abc"), QUEUE, NOW).stored.app_engine_http_request
    assert stored.relative_uri == "/"
    assert dict(stored.headers) == {
        "Content-Length": "3",
        "Content-Type": "application/octet-stream",
        "User-Agent": "AppEngine-Google; (+http://code.google.com/appengine)",
    }


def test_an_app_engine_task_keeps_its_content_type_and_prepends_its_user_agent() -> None:
    task = app_engine(body=b"a", headers={"content-type": "text/plain", "user-agent": "Me"})
    headers = accepted(task, QUEUE, NOW).stored.app_engine_http_request.headers
    assert dict(headers) == {
        "Content-Length": "1",
        "content-type": "text/plain",
        "User-Agent": "Me AppEngine-Google; (+http://code.google.com/appengine)",
    }


def test_the_host_of_a_routing_is_made_of_what_it_names() -> None:
    routing = m.AppEngineRouting(service="s", version="v", host="evil")
    stored = accepted(app_engine(app_engine_routing=routing), QUEUE, NOW).stored
    assert stored.app_engine_http_request.app_engine_routing.host == "v.s.p.appspot.com"


def test_a_schedule_time_that_is_unset_or_past_means_now() -> None:
    assert accepted(http(), QUEUE, NOW).schedule_us == NOW
    assert accepted(due(1), QUEUE, NOW).schedule_us == NOW


def test_times_are_truncated_to_what_cloud_tasks_keeps() -> None:
    later = due(NOW // 10**6 + 10, 123_456_789)
    assert accepted(later, QUEUE, NOW).schedule_us == NOW + 10_123_456
    stored = accepted(deadline(http(), 20, 999_999_999), QUEUE, NOW).stored
    assert stored.dispatch_deadline.nanos == 999_000_000


def test_thirty_days_ahead_is_not_too_far() -> None:
    assert accepted(due(NOW // 10**6 + 30 * DAY), QUEUE, NOW).schedule_us == NOW + 30 * DAY * 10**6


def test_an_app_engine_deadline_of_zero_is_the_default() -> None:
    stored = accepted(deadline(app_engine(), 0), QUEUE, NOW).stored
    assert stored.dispatch_deadline.seconds == 600


def test_a_retry_configuration_of_its_own_is_checked_and_completed() -> None:
    task = http()
    task.retry_config.max_attempts = 3
    stored = accepted(task, QUEUE, NOW).stored
    assert stored.retry_config.max_attempts == 3
    assert stored.retry_config.max_backoff.seconds == 3600
    task.retry_config.min_backoff.seconds = 7200
    with pytest.raises(Refusal, match="minBackoff must be less than or equal to"):
        accepted(task, QUEUE, NOW)


def test_the_largest_task_is_accepted_and_one_byte_more_is_not() -> None:
    def size(body: int) -> m.Task:
        return accepted(http(body=b"x" * body), QUEUE, NOW).stored

    name = f"{QUEUE}/tasks/t"
    whole = m.Task(name=name)
    whole.CopyFrom(size(1_048_000))
    whole.name = name
    whole.schedule_time.seconds = NOW // 10**6
    whole.create_time.seconds = NOW // 10**6
    room = MAX_TASK_BYTES - whole.ByteSize()
    check_size(size(1_048_000 + room), name, NOW, NOW)
    with pytest.raises(Refusal, match="Task size too large"):
        check_size(size(1_048_000 + room + 1), name, NOW, NOW)
