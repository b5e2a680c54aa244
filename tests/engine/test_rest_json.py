"""Reading requests in JSON, and the refusals of mistakes."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from google.rpc.error_details_pb2 import BadRequest
from hypothesis import given
from hypothesis import strategies as st

from queuewright.engine.api.rest_json import Violations, into, normal, parsed, shown
from queuewright.engine.protocol import messages
from queuewright.errors import Refusal


class InvalidArgumentError(Exception):
    """Return the text of the only refusal that reading JSON may raise; it can be sent."""


def read(value: Any, kind: Any = messages.CreateTaskRequest) -> Any:
    found = Violations()
    try:
        message = into(kind(), normal(value, kind.DESCRIPTOR, "", found))
        found.raise_if_any()
    except Refusal as refused:
        if refused.code == "INVALID_ARGUMENT" and refused.message.encode():
            raise InvalidArgumentError from refused
        raise
    return message


def refusal(value: Any, kind: Any = messages.CreateTaskRequest) -> Refusal:
    with pytest.raises(InvalidArgumentError) as refused:
        read(value, kind)
    cause = refused.value.__cause__
    assert isinstance(cause, Refusal)
    return cause


@pytest.mark.parametrize("task_field", ["httpRequest", "http_request"])
@pytest.mark.parametrize("body", ["aGk=", "aGk"])
@pytest.mark.parametrize("method", ["PUT", 4, "4"])
def test_both_spellings_of_names_and_enums_are_read(
    task_field: str, body: str, method: str | int
) -> None:
    """A field in camelCase or snake_case, an enum by name or number, base64 padded or not."""
    request = {"url": "http://h/", "body": body, "httpMethod": method, "headers": {"a": "b"}}
    task = read({"task": {task_field: request}}).task
    assert task.http_request.body == b"hi"
    assert task.http_request.http_method == 4
    assert dict(task.http_request.headers) == {"a": "b"}


def test_url_safe_base64_is_read() -> None:
    """Protobuf's JSON takes either alphabet."""
    assert read({"task": {"httpRequest": {"body": "-_-_"}}}).task.http_request.body == (
        b"\xfb\xff\xbf"
    )


def test_null_stands_for_a_field_left_out() -> None:
    """As protobuf's JSON mapping says, at any depth."""
    assert read({"task": {"name": None, "httpRequest": None}, "responseView": None}) == (
        messages.CreateTaskRequest(task=messages.Task())
    )


@pytest.mark.parametrize(
    "mask",
    [
        "rateLimits.maxDispatchesPerSecond,retryConfig",
        "rate_limits.max_dispatches_per_second,retry_config",
        "rate_limits.maxDispatchesPerSecond, retryConfig,",
    ],
)
def test_a_mask_may_be_in_either_case(mask: str) -> None:
    """Node sends snake_case, the other clients camelCase."""
    request = read({"updateMask": mask}, messages.UpdateQueueRequest)
    assert list(request.update_mask.paths) == [
        "rate_limits.max_dispatches_per_second",
        "retry_config",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"tsk": {}}, 'Invalid JSON payload received. Unknown name "tsk": Cannot find field.'),
        (
            {"task": {"nmae": "x"}},
            "Invalid JSON payload received. Unknown name \"nmae\" at 'task': Cannot find field.",
        ),
        (
            {"task": {"httpRequest": {"oidcToken": {"email": "x"}}}},
            'Invalid JSON payload received. Unknown name "email" at '
            "'task.http_request.oidc_token': Cannot find field.",
        ),
        (
            {"task": {"scheduleTime": "tomorrow"}},
            "Invalid value at 'task.schedule_time' "
            '(type.googleapis.com/google.protobuf.Timestamp), "tomorrow"',
        ),
        (
            {"task": {"dispatchDeadline": 15}},
            "Invalid value at 'task.dispatch_deadline' "
            "(type.googleapis.com/google.protobuf.Duration), 15",
        ),
        (
            {"task": {"dispatchDeadline": "15"}},
            "Invalid value at 'task.dispatch_deadline' "
            '(type.googleapis.com/google.protobuf.Duration), "15"',
        ),
        (
            {"task": {"retryConfig": {"maxAttempts": 1.5}}},
            "Invalid value at 'task.retry_config.max_attempts' (TYPE_INT32), 1.5",
        ),
        (
            {"task": {"retryConfig": {"maxAttempts": 2147483648}}},
            "Invalid value at 'task.retry_config.max_attempts' (TYPE_INT32), 2147483648",
        ),
        (
            {"task": {"retryConfig": {"maxAttempts": True}}},
            "Invalid value at 'task.retry_config.max_attempts' (TYPE_INT32), true",
        ),
        (
            {"task": {"httpRequest": {"body": "not base64!"}}},
            "Invalid value at 'task.http_request.body' (TYPE_BYTES), \"not base64!\"",
        ),
        (
            {"task": {"httpRequest": {"httpMethod": "FETCH"}}},
            "Invalid value at 'task.http_request.http_method' "
            '(type.googleapis.com/google.cloud.tasks.v2.HttpMethod), "FETCH"',
        ),
        ({"task": {"name": 5}}, "Invalid value at 'task.name' (TYPE_STRING), 5"),
        (
            {"task": {"name": {}}},
            "Invalid value at 'task.name' (TYPE_STRING), Starting an object on a scalar field",
        ),
        (
            {"task": {"name": ["x"]}},
            "Invalid JSON payload received. Unknown name \"name\" at 'task': "
            "Proto field is not repeating, cannot start list.",
        ),
        (
            {"task": "x"},
            "Invalid value at 'task' (type.googleapis.com/google.cloud.tasks.v2.Task), \"x\"",
        ),
        (
            {"task": {"httpRequest": {"headers": {"a": 1}}}},
            "Invalid value at 'task.http_request.headers[0].value' (TYPE_STRING), 1",
        ),
        (
            {"task": {"httpRequest": {"headers": ["a"]}}},
            "Invalid value at 'task.http_request.headers' (Map), [\"a\"]",
        ),
        (
            {"task": {"httpRequest": {}, "appEngineHttpRequest": {}}},
            "Invalid value at 'task' (oneof), oneof field 'message_type' is already set. "
            "Cannot set 'appEngineHttpRequest'",
        ),
        (
            [],
            'Invalid JSON payload received. Unknown name "": Root element must be a message.',
        ),
        (
            {"task": {"name": "\ud800"}},
            "Invalid value at 'task.name' (TYPE_STRING), \"\\ud800\"",
        ),
    ],
)
def test_a_wrong_value_is_answered_in_googles_words(value: Any, text: str) -> None:
    """Unknown names and values that do not fit, each with its path in the request."""
    assert refusal(value).message == text


def test_all_mistakes_are_reported_at_once() -> None:
    """One line and one field violation for each, in the order of the body."""
    refused = refusal({"x": 1, "task": {"y": 2, "name": 3}})
    assert refused.message.splitlines() == [
        'Invalid JSON payload received. Unknown name "x": Cannot find field.',
        "Invalid JSON payload received. Unknown name \"y\" at 'task': Cannot find field.",
        "Invalid value at 'task.name' (TYPE_STRING), 3",
    ]
    (detail,) = refused.details
    assert isinstance(detail, BadRequest)
    assert [violation.field for violation in detail.field_violations] == ["", "task", "task.name"]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (
            b'{"task": }',
            'Unexpected token.\n{"task": }\n         ^',
        ),
        (b'{"a" 1}', 'Expected : between key:value pair.\n{"a" 1}\n     ^'),
        (b"{a: 1}", "Expected an object key or }.\n{a: 1}\n ^"),
        (b'{"a": 1 "b"}', 'Expected , or } after key:value pair.\n{"a": 1 "b"}\n        ^'),
        (b'{"a": 1', 'Unexpected end of string.\n{"a": 1\n       ^'),
        (b"{} {}", "Parsing terminated before end of input.\n{} {}\n   ^"),
        (b'{"a": NaN}', "Unexpected token."),
        (b'{"a": "\xff"}', "Text is not valid UTF-8."),
        (b"[" * 100_000, "Message too deep. Max recursion depth reached."),
        (b'{"a": ' + b"9" * 5_000 + b"}", "Unexpected token."),
    ],
)
def test_a_syntax_error_is_refused_with_its_position(data: bytes, text: str) -> None:
    """The message shows the text around the mistake and points at it."""
    with pytest.raises(Refusal) as refused:
        parsed(data)
    assert refused.value.code == "INVALID_ARGUMENT"
    assert refused.value.message == f"Invalid JSON payload received. {text}"


def test_no_body_is_an_empty_request() -> None:
    """`curl -X POST …:pause` works without `-d '{}'`."""
    assert parsed(b"") == parsed(b" \n") == {}


def test_answers_are_googles_json() -> None:
    """camelCase, no defaults, durations as seconds, int64 as text, bytes as base64."""
    queue = messages.Queue(name="q", state=2)
    queue.retry_config.min_backoff.FromMilliseconds(100)
    queue.http_target.uri_override.port = 8080
    assert shown(queue, enums_as_numbers=False) == {
        "name": "q",
        "state": "PAUSED",
        "retryConfig": {"minBackoff": "0.100s"},
        "httpTarget": {"uriOverride": {"port": "8080"}},
    }
    assert shown(queue, enums_as_numbers=True)["state"] == 2


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["task", "name", "httpRequest", "headers", "body", "scheduleTime", "parent", "view"]
            )
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(value=_values)
def test_all_json_is_accepted_or_refused(value: Any) -> None:
    """Every JSON value becomes a message or is refused with INVALID_ARGUMENT."""
    with contextlib.suppress(InvalidArgumentError):
        message = read(value)
        assert read(shown(message, enums_as_numbers=False)) == message


@pytest.mark.parametrize(
    "text",
    ["\uff11\uff15s", "+15s", "15.s", ".5s", "1_5s", " 15s", "15 s", "15S", "15.0000000001s", "s"],
)
def test_a_duration_is_read_as_protobuf_writes_it(text: str) -> None:
    """Python's own parser reads more than Google's."""
    said = refusal({"task": {"dispatchDeadline": text}}).message
    kind = "type.googleapis.com/google.protobuf.Duration"
    assert said.startswith(f"Invalid value at 'task.dispatch_deadline' ({kind}), ")


@pytest.mark.parametrize(
    "text",
    [
        "2030-01-01T00:00:00+25:00",
        "2030-01-01T00:00:00+00:60",
        "2030-01-01T00:00:00+0100",
        "2030-01-01T00:00:00.Z",
        "2030-1-1T00:00:00Z",
        "2030-01-01t00:00:00Z",
        "2030-01-01T00:00:00z",
        "2030-01-01 00:00:00Z",
        "\uff12030-01-01T00:00:00Z",
        "2030-02-30T00:00:00Z",
    ],
)
def test_a_time_is_read_as_rfc_3339_writes_it(text: str) -> None:
    """An offset is less than a day, and letters are capitals."""
    said = refusal({"task": {"scheduleTime": text}}).message
    kind = "type.googleapis.com/google.protobuf.Timestamp"
    assert said.startswith(f"Invalid value at 'task.schedule_time' ({kind}), ")


@pytest.mark.parametrize("text", ["15s", "15.5s", "0s", "-1.5s", "15.000000001s"])
def test_a_right_duration_is_read(text: str) -> None:
    """Negative ones too, which the service refuses in its own words."""
    read({"task": {"dispatchDeadline": text}})


@pytest.mark.parametrize(
    "text", ["2030-01-01T00:00:00Z", "2030-01-01T00:00:00.5+23:59", "2030-01-01T00:00:00-00:00"]
)
def test_a_right_time_is_read(text: str) -> None:
    """In any time zone."""
    read({"task": {"scheduleTime": text}})


@pytest.mark.parametrize("text", ["\uff11", "1_0", "+1", " 1", ""])
def test_a_number_in_text_has_plain_digits(text: str) -> None:
    """As in a query, or as a 64-bit number is written."""
    assert "(TYPE_INT32)" in refusal({"pageSize": text}, messages.ListTasksRequest).message
    assert read({"pageSize": "10"}, messages.ListTasksRequest).page_size == 10
