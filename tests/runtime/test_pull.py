"""Taking tasks: what is answered to Pub/Sub, and when the loop ends."""

from __future__ import annotations

import logging
import os
import signal
import threading
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from queuewright_runtime import PermanentError, Pull, Task, pull
from queuewright_runtime.errors import NoSubscriptionError
from tests.runtime.streams import SentMessage, Stream

NAME = "projects/acme-dev/subscriptions/reports"


def taking(stream: Stream, **options: Any) -> Pull:
    return Pull("reports", subscription=NAME, subscribe=stream.subscribe, **options)


def test_a_task_is_done_when_the_loop_asks_for_the_next() -> None:
    first, second = SentMessage("1"), SentMessage("2")
    tasks = taking(Stream(first, second))
    seen = []
    for task in tasks:
        seen.append((task.id, list(first.answers)))
        if task.id == "2":
            tasks.stop()
    assert seen == [("1", []), ("2", ["ack"])]
    assert second.answers == ["ack"]


def test_an_exception_ends_the_loop_and_gives_the_task_back() -> None:
    message = SentMessage("1")
    stream = Stream(message)

    def fail() -> None:
        for _ in taking(stream):
            raise RuntimeError("no paper")

    with pytest.raises(RuntimeError, match="no paper"):
        fail()
    assert stream.opened == (NAME, 1, timedelta(hours=1))
    assert message.answers == ["nack"]
    assert stream.future.done()


def test_an_exception_in_a_task_block_gives_it_back_and_the_loop_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    first, second = SentMessage("1"), SentMessage("2")
    tasks = taking(Stream(first, second))
    for task in tasks:
        with task:
            if task.id == "1":
                raise RuntimeError("no paper")
            tasks.stop()
    assert (first.answers, second.answers) == (["nack"], ["ack"])
    assert "<Task 1 of reports> failed and is given back: no paper" in caplog.text


def test_a_permanent_error_is_logged_and_not_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    message = SentMessage("1")
    tasks = taking(Stream(message))
    for task in tasks:
        with task:
            tasks.stop()
            raise PermanentError("no such report")
    assert message.answers == ["ack"]
    assert "failed and is not tried again: no such report" in caplog.text


def test_what_a_task_block_cannot_handle_ends_the_loop() -> None:
    message = SentMessage("1")

    def interrupt() -> None:
        for task in taking(Stream(message)):
            with task:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert message.answers == ["nack"]


def test_a_task_is_answered_once() -> None:
    message = SentMessage("1")
    task = Task("reports", message)
    task.give_back()
    task.done()
    assert message.answers == ["nack"]


def test_sigterm_ends_the_loop_after_the_task_in_hand() -> None:
    first, second = SentMessage("1"), SentMessage("2")
    before = signal.getsignal(signal.SIGTERM)
    for task in taking(Stream(first, second)):
        assert task.id == "1"
        os.kill(os.getpid(), signal.SIGTERM)
    assert first.answers == ["ack"]
    assert second.answers in ([], ["nack"])  # not delivered, or given back
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_task_that_arrives_while_the_loop_stops_is_given_back() -> None:
    first, second = SentMessage("1"), SentMessage("2")
    tasks = taking(Stream(first, second))
    is_answered = threading.Event()

    def give_back() -> None:
        second.answers.append("nack")
        is_answered.set()

    second.nack = give_back  # type: ignore[method-assign]
    # The thread that ends the stream comes late.
    tasks._stop_requests = SimpleNamespace(put=lambda _: None, get=is_answered.wait)  # type: ignore[assignment]
    for task in tasks:
        assert task.id == "1"
        tasks.stop()
    assert (first.answers, second.answers) == (["ack"], ["nack"])


def test_the_handler_of_sigterm_that_was_there_is_called_too() -> None:
    called = []
    before = signal.signal(signal.SIGTERM, lambda number, _: called.append(number))
    try:
        for _ in taking(Stream(SentMessage("1"))):
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert called == [signal.SIGTERM]


def test_work_that_outlasts_the_grace_is_given_back_and_the_process_exits(
    caplog: pytest.LogCaptureFixture,
) -> None:
    message = SentMessage("1")
    exits: list[int] = []
    has_exited = threading.Event()

    def leave(status: int) -> None:
        exits.append(status)
        has_exited.set()

    for _ in taking(Stream(message), grace_s=0, exit=leave):
        os.kill(os.getpid(), signal.SIGTERM)
        assert has_exited.wait(30)
    assert message.answers == ["nack"]
    assert exits == [143]
    assert "not done 0 seconds after SIGTERM, given back: [<Task 1 of reports>]" in caplog.text


def test_tasks_are_worked_on_at_the_same_time() -> None:
    messages = [SentMessage(str(number)) for number in range(3)]
    together = threading.Barrier(3, timeout=30)
    tasks = taking(Stream(*messages), concurrency=3)

    def render(_: Task) -> None:
        together.wait()
        tasks.stop()

    tasks.each(render)
    assert [message.answers for message in messages] == [["ack"]] * 3


def test_a_failed_call_gives_its_task_back_and_the_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    first, second = SentMessage("1"), SentMessage("2")
    tasks = taking(Stream(first, second))

    def render(task: Task) -> None:
        if task.id == "1":
            raise RuntimeError("no paper")
        tasks.stop()

    with caplog.at_level(logging.ERROR):
        tasks.each(render)
    assert (first.answers, second.answers) == (["nack"], ["ack"])


def test_what_ends_the_stream_is_raised() -> None:
    stream = Stream()
    tasks = taking(stream)
    threading.Timer(0, lambda: stream.future.set_exception(LookupError("no subscription"))).start()
    with pytest.raises(LookupError, match="no subscription"):
        list(tasks)


def test_the_environment_names_the_subscription(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUBSCRIPTION_DAILY_REPORTS", NAME)
    assert pull("daily-reports").subscription == NAME


def test_a_queue_that_the_environment_does_not_name_is_explained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SUBSCRIPTION_REPORTS", raising=False)
    with pytest.raises(NoSubscriptionError, match=r"`SUBSCRIPTION_REPORTS` is not set.*worker"):
        pull("reports")


def test_no_concurrency_is_refused() -> None:
    with pytest.raises(ValueError, match="must be at least 1, not 0"):
        pull("reports", subscription=NAME, concurrency=0)


def test_a_task_shows_its_message() -> None:
    task = Task("reports", SentMessage("1", b'{"month": "May"}', {"k": "v"}, delivery_attempt=2))
    assert (task.json(), task.text()) == ({"month": "May"}, '{"month": "May"}')
    assert (task.attributes, task.attempt, task.created.year) == ({"k": "v"}, 2, 2026)
