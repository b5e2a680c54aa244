"""A new task as the API's JSON, and what is refused before any call."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queuewright.cloud_tasks import durations as google_durations
from queuewright.cloud_tasks import limits as google
from queuewright.cloud_tasks import pubsub
from queuewright_runtime import limits
from queuewright_runtime.addresses import QueueAddress, from_variables
from queuewright_runtime.delays import delayed_task
from queuewright_runtime.durations import duration
from queuewright_runtime.errors import EnqueueError, NoQueueError
from queuewright_runtime.messages import NewTask, task_id, task_json
from queuewright_runtime.publishing import new_message

NAME = "projects/acme-dev/locations/europe-west1/queues/emails"
EMAILS = QueueAddress("emails", NAME)
REPORTS = QueueAddress("reports", "projects/acme-dev/topics/reports")
DELAYS = "projects/acme-dev/locations/europe-west1/queues/reports-delays"
DELAYED = QueueAddress("reports", REPORTS.name, delays=DELAYS)
NOW = datetime(2026, 11, 25, 1, 0, tzinfo=timezone.utc)  # noqa: UP017 - as the runtime has it


def made(queue: QueueAddress = EMAILS, **fields: Any) -> dict[str, Any]:
    return task_json(queue, NewTask(**fields), NOW)


def test_the_limits_are_those_of_google() -> None:
    ours = {name: value for name, value in vars(limits).items() if name.isupper()}
    del ours["MAX_CREATES"]  # see tests/engine/test_runtime_facts.py
    facts = {**vars(google), **vars(pubsub)}
    assert ours == {name: facts[name] for name in ours}
    assert len(ours) == 9


@settings(max_examples=30, deadline=None)
@given(st.from_regex(google_durations.PATTERN, fullmatch=True))
def test_durations_are_written_as_in_the_yaml_files(text: str) -> None:
    try:
        expected = timedelta(microseconds=google_durations.parse_us(text))
    except OverflowError:
        with pytest.raises(OverflowError):
            duration(text)
        return
    assert duration(text) == expected


@pytest.mark.parametrize("text", ["", "10", "m", "1h 30m", "-1s", "1.s", "١s"])
def test_other_texts_are_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        duration(text)
    with pytest.raises(ValueError, match="not a duration"):
        google_durations.parse_us(text)


def test_a_payload_is_json_and_bytes_are_sent_as_they_are() -> None:
    request = made(payload={"to": "Zoë"})["httpRequest"]
    assert request["headers"] == {"Content-Type": "application/json"}
    assert base64.b64decode(request["body"]) == '{"to":"Zoë"}'.encode()
    assert made(payload=b"\x00")["httpRequest"] == {"url": "https://queue.invalid/", "body": "AA=="}
    assert "body" not in made()["httpRequest"]
    other = made(payload=[1], headers={"content-type": "application/vnd.acme+json"})
    assert other["httpRequest"]["headers"] == {"content-type": "application/vnd.acme+json"}


def test_a_name_is_the_keys_hash_or_new() -> None:
    assert made(key="order-17")["name"] == f"{NAME}/tasks/{task_id('order-17')}"
    assert made(key="order-17")["name"] == made(key="order-17", payload=b"other")["name"]
    assert made()["name"] != made()["name"]
    near = [task_id(f"order-{n}") for n in range(100)]
    assert len({name[:2] for name in near}) > 50  # spread, although the keys are a sequence


def test_a_task_waits_for_a_delay_or_until_a_time() -> None:
    assert made(delay="10m")["scheduleTime"] == "2026-11-25T01:10:00.000000Z"
    assert made(delay=1.5)["scheduleTime"] == "2026-11-25T01:00:01.500000Z"
    cet = timezone(timedelta(hours=1))
    assert made(at=datetime(2026, 11, 25, 9, tzinfo=cet))["scheduleTime"].startswith(
        "2026-11-25T08:00:00"
    )
    assert "scheduleTime" not in made()
    assert made(delay="30d")["scheduleTime"].startswith("2026-12-25")


def test_the_deadline_is_the_handlers_within_googles_limits() -> None:
    def deadline(value: str, **more: Any) -> str:
        return made(QueueAddress("emails", NAME, duration(value), **more))["dispatchDeadline"]

    assert [deadline(value) for value in ("5s", "15m", "1h")] == ["15s", "900s", "1800s"]
    assert deadline("1h", is_app_engine=True) == "3600s"
    assert "dispatchDeadline" not in made()


def test_a_task_for_app_engine_has_a_relative_uri() -> None:
    ledger = QueueAddress("ledger", NAME, is_app_engine=True)
    assert made(ledger, path="/entries")["appEngineHttpRequest"] == {"relativeUri": "/entries"}
    with pytest.raises(EnqueueError, match="App Engine"):
        made(ledger, url="https://elsewhere.example/")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"delay": "31d"}, "31.0 days: Cloud Tasks allows at most 30 days"),
        ({"at": NOW + timedelta(days=30, hours=3)}, "30.1 days"),
        ({"at": datetime(2026, 11, 25)}, "no time zone"),
        ({"delay": "1m", "at": NOW}, "one of `delay` and `at`"),
        ({"delay": "soon"}, "`delay`: `soon` is not a duration"),
        ({"delay": -1}, "not negative"),
        ({"payload": b"x" * 1_048_570}, "Cloud Tasks allows 1,048,569"),
        ({"payload": {"when": NOW}}, "can't be written as JSON"),
        ({"payload": float("nan")}, "can't be written as JSON"),
        ({"payload": {"to": "\ud800"}}, "the payload can't be written as UTF-8"),
        ({"key": ""}, "`key` is empty"),
        ({"key": 17}, "`key` must be a text, not 17"),
        ({"key": "\ud800"}, "`key` can't be written as UTF-8"),
        ({"headers": {"X": 5}}, "name and value must be texts, not 'X': 5"),
        ({"headers": {"X": "\ud800"}}, "header 'X' can't be written as UTF-8"),
        ({"headers": {"X": "x" * 81_920}}, "less than 81,920"),
        ({"path": "send"}, "start it with `/`"),
        ({"path": "/" + "x" * 2083}, "allows 2,083"),
        ({"path": "/a", "url": "https://b.example/"}, "don't go together"),
        ({"ordering_key": "a"}, "Cloud Tasks keeps no order"),
    ],
)
def test_what_google_would_refuse_is_refused_before(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(EnqueueError) as refused:
        made(**fields)
    assert words in str(refused.value)


@pytest.mark.parametrize("option", ["delay", "at", "key", "path", "url"])
def test_a_pull_queue_says_why_it_cannot(option: str) -> None:
    value = NOW if option == "at" else "1m"
    with pytest.raises(EnqueueError, match=f"pull queue, which knows no `{option}`: "):
        new_message(REPORTS, NewTask(**{option: value}))  # type: ignore[arg-type]
    with pytest.raises(EnqueueError, match="Pub/Sub allows 10,000,000"):
        new_message(REPORTS, NewTask(b"x" * 10_000_001))


def test_a_refused_delay_names_the_line_to_add() -> None:
    with pytest.raises(EnqueueError) as refused:
        new_message(REPORTS, NewTask(delay="1m"))
    assert "add `delays: true` to `queues.reports.pull`" in str(refused.value)
    assert "`QUEUE_REPORTS_DELAYS`" in str(refused.value)
    by_name = QueueAddress(REPORTS.name, REPORTS.name)
    with pytest.raises(EnqueueError, match="give the queue's key in the YAML file instead"):
        new_message(by_name, NewTask(delay="1m"))


def test_a_key_needs_a_delay_in_front_of_a_pull_queue() -> None:
    with pytest.raises(EnqueueError, match=r"no `key`: .*; with a delay, the queue that keeps"):
        new_message(DELAYED, NewTask(key="a"))
    assert new_message(DELAYED, NewTask(b"x", delay="1m", key="a")).data == b"x"


def test_a_delayed_task_publishes_its_message() -> None:
    message = new_message(DELAYED, NewTask({"a": 1}, delay="1m", ordering_key="ada"))
    task = delayed_task(DELAYED, message, NOW, "order-17")
    request = task["httpRequest"]
    assert task["name"] == f"{DELAYS}/tasks/{task_id('order-17')}"
    assert task["scheduleTime"] == "2026-11-25T01:00:00.000000Z"
    assert request["url"] == f"https://pubsub.googleapis.com/v1/{DELAYED.name}:publish"
    assert request["headers"] == {"Content-Type": "application/json"}
    typed = {"Content-Type": "application/json"}
    assert json.loads(base64.b64decode(request["body"])) == {
        "messages": [{"data": "eyJhIjoxfQ==", "attributes": typed, "orderingKey": "ada"}]
    }
    assert delayed_task(DELAYED, message, NOW, None)["name"] != task["name"]
    with pytest.raises(ValueError, match="has no delays"):
        delayed_task(REPORTS, message, NOW, None)


def test_a_delayed_task_has_a_third_less_room() -> None:
    """A mebibyte with base64: 786,000 bytes fit, and 786,500 don't."""
    for size, fits in ((786_000, True), (786_500, False)):
        message = new_message(DELAYED, NewTask(b"x" * size, delay="1m"))
        if fits:
            delayed_task(DELAYED, message, NOW, None)
            continue
        with pytest.raises(EnqueueError, match=r"in base64.*takes at most 1,048,569"):
            delayed_task(DELAYED, message, NOW, None)


def test_the_queue_of_delays_is_in_a_variable() -> None:
    variables = {"QUEUE_REPORTS": REPORTS.name, "QUEUE_REPORTS_DELAYS": DELAYS}
    assert from_variables("reports", variables) == DELAYED
    for other in ({"DEADLINE_REPORTS_DELAYS": "30s"}, {"APP_ENGINE_REPORTS_DELAYS": "books"}):
        # A push queue of the file with the key `reports-delays`.
        assert from_variables("reports", {**variables, **other}) == REPORTS
    with pytest.raises(NoQueueError, match="`QUEUE_REPORTS_DELAYS` is `delays`"):
        from_variables("reports", {**variables, "QUEUE_REPORTS_DELAYS": "delays"})


def test_the_variables_of_a_handler_say_where_a_queue_is() -> None:
    variables = {
        "QUEUE_ORDER_EVENTS": NAME,
        "DEADLINE_ORDER_EVENTS": "900s",
        "QUEUE_REPORTS": REPORTS.name,
        "QUEUE_LEDGER": NAME,
        "APP_ENGINE_LEDGER": "ledger",
        "QUEUE_BAD": "emails",
        "QUEUE_LATE": NAME,
        "DEADLINE_LATE": "late",
    }
    found = from_variables("order-events", variables)
    assert found == QueueAddress("order-events", NAME, timedelta(minutes=15))
    assert not found.is_pull
    assert from_variables("reports", variables) == REPORTS
    assert REPORTS.is_pull
    ledger = from_variables("ledger", variables)
    assert ledger is not None
    assert ledger.is_app_engine
    assert from_variables("letters", variables) is None
    with pytest.raises(NoQueueError, match="`QUEUE_BAD` is `emails`"):
        from_variables("bad", variables)
    with pytest.raises(NoQueueError, match="`DEADLINE_LATE`: `late` is not a duration"):
        from_variables("late", variables)
