"""How tasks are dispatched: time by hand, handlers as functions."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from queuewright.engine import (
    DEVELOPER,
    PROGRAM,
    Answer,
    Engine,
    Event,
    InProcessSender,
    ManualClock,
    NoAnswerError,
    OutgoingRequest,
    Settings,
    events,
)
from queuewright.engine.protocol import messages as m
from tests.engine.stage import QUEUE, URL, stage

SECONDS = 1_000_000
GET, PUT = 2, 4


def retries(**fields: Any) -> m.RetryConfig:
    config = m.RetryConfig(
        max_attempts=fields.pop("max_attempts", 0), max_doublings=fields.pop("max_doublings", 0)
    )
    for name, seconds in fields.items():
        getattr(config, name).seconds = seconds
    return config


async def test_a_task_is_dispatched_at_its_time_and_not_before() -> None:
    async with stage() as s:
        await s.create_queue()
        task = m.Task()
        task.schedule_time.FromMicroseconds(s.clock.now_us() + 45 * 60 * SECONDS)
        await s.create_task(schedule_time=task.schedule_time)
        await s.engine.advance("44m59s")
        assert s.handler.received == []
        await s.engine.advance("1s")
        assert len(s.handler.received) == 1


async def test_a_day_of_retries_has_the_documented_gaps() -> None:
    async with stage() as s:
        await s.create_queue(
            retry_config=retries(max_attempts=-1, min_backoff=10, max_backoff=300, max_doublings=3)
        )
        s.handler.otherwise = 500
        await s.create_task()
        await s.engine.advance("1d")
        assert s.handler.gaps_s()[:8] == [10, 20, 40, 80, 160, 240, 300, 300]
        assert set(s.handler.gaps_s()[8:]) == {300}


async def test_the_counts_in_the_headers_follow_the_recorded_vector() -> None:
    async with stage() as s:
        await s.create_queue()
        s.handler.answers = [503, 404, 429, 500, 302, 200]
        await s.create_task()
        await s.engine.drain()
        seen = [s.handler.headers(index) for index in range(6)]
        prefix = "X-CloudTasks-Task"
        assert [h[f"{prefix}RetryCount"] for h in seen] == ["0", "1", "2", "3", "4", "5"]
        assert [h[f"{prefix}ExecutionCount"] for h in seen] == ["0", "0", "1", "2", "2", "3"]
        assert [h.get(f"{prefix}PreviousResponse") for h in seen] == [
            None, "503", "404", "429", "500", "302",
        ]  # fmt: skip
        assert await s.tasks() == []


async def test_a_task_that_has_used_up_its_attempts_is_gone() -> None:
    async with stage() as s:
        await s.create_queue(retry_config=retries(max_attempts=3, min_backoff=1))
        s.handler.otherwise = 500
        await s.create_task(task_id="poison")
        await s.engine.drain()
        assert len(s.handler.received) == 3
        assert s.outcomes() == ["will_retry", "will_retry", "gave_up"]
        assert await s.tasks() == []


async def test_attempts_go_on_until_the_retry_duration_is_over_as_well() -> None:
    async with stage() as s:
        await s.create_queue(
            retry_config=retries(
                max_attempts=2, min_backoff=10, max_backoff=10, max_retry_duration=60
            )
        )
        s.handler.otherwise = 500
        await s.create_task()
        await s.engine.drain()
        assert len(s.handler.received) == 7


async def test_a_tasks_own_retry_configuration_beats_its_queues() -> None:
    async with stage() as s:
        await s.create_queue(retry_config=retries(max_attempts=5))
        s.handler.otherwise = 500
        await s.create_task(retry_config=retries(max_attempts=2))
        await s.engine.drain()
        assert len(s.handler.received) == 2


async def test_the_rate_is_kept_after_the_burst() -> None:
    async with stage() as s:
        await s.create_queue(rate_limits=m.RateLimits(max_dispatches_per_second=2))
        for _ in range(30):
            await s.create_task()
        await s.engine.advance("5s")
        assert len(s.handler.received) == 10 + 10
        assert set(s.handler.gaps_s()[9:]) == {0.5}


async def test_no_more_handlers_run_than_the_queue_allows() -> None:
    async with stage() as s:
        await s.create_queue(rate_limits=m.RateLimits(max_concurrent_dispatches=3))
        s.handler.takes = "2s"
        for _ in range(9):
            await s.create_task()
        await s.engine.advance("7s")
        assert s.handler.most_running == 3
        assert len(s.handler.received) == 9


async def test_an_attempt_is_cancelled_at_its_deadline_and_the_next_one_says_504() -> None:
    async with stage() as s:
        await s.create_queue(retry_config=retries(min_backoff=5))
        s.handler.takes = "1h"
        deadline = m.Task()
        deadline.dispatch_deadline.seconds = 15
        task = await s.create_task(dispatch_deadline=deadline.dispatch_deadline)
        await s.engine.advance("15s")
        assert s.handler.now_running == 0
        shown = await s.get_task(task.name)
        assert shown.last_attempt.response_status.code == 4
        assert (shown.dispatch_count, shown.response_count) == (1, 0)
        s.handler.takes = "0s"
        await s.engine.advance("5s")
        assert s.handler.headers(1)["X-CloudTasks-TaskPreviousResponse"] == "504"
        assert s.handler.headers(1)["X-CloudTasks-TaskExecutionCount"] == "0"
        assert await s.tasks() == []


async def test_a_target_that_cannot_be_reached_is_tried_again() -> None:
    async with stage() as s:
        await s.create_queue()
        s.handler.answers = [NoAnswerError("nobody there")]
        task = await s.create_task()
        await s.engine.advance("0s")
        shown = await s.get_task(task.name)
        assert (shown.dispatch_count, shown.response_count) == (1, 0)
        assert shown.last_attempt.response_status.code == 14
        assert not shown.last_attempt.HasField("response_time")
        await s.engine.drain()
        assert s.outcomes() == ["will_retry", "succeeded"]
        ended = [e for e in s.events if e.kind == "AttemptResponse"]
        assert [e.message for e in ended if e.outcome == "will_retry"] == ["nobody there"]


async def test_pausing_lets_attempts_end_and_starts_no_more() -> None:
    async with stage() as s:
        await s.create_queue()
        s.handler.takes = "10s"
        await s.create_task()
        await s.engine.advance("1s")
        await s.pause()
        await s.create_task()
        await s.engine.advance("1h")
        assert s.outcomes() == ["succeeded"]
        assert len(s.handler.received) == 1
        await s.resume()
        await s.engine.advance("11s")
        assert s.outcomes() == ["succeeded", "succeeded"]


async def test_a_held_queue_dispatches_nothing_and_is_not_shown_as_paused() -> None:
    """Also one that is created later; the next call releases it."""
    async with stage() as s:
        s.engine.hold_queues([QUEUE])
        queue = await s.create_queue()
        await s.create_task()
        await s.engine.advance("1h")
        assert s.handler.received == []
        assert queue.state == 1
        await s.resume()
        await s.engine.advance("1h")
        assert s.handler.received == []
        s.engine.hold_queues([])
        await s.engine.advance("0s")
        assert len(s.handler.received) == 1


async def test_a_queue_that_is_paused_and_released_stays_paused() -> None:
    """Only a resume starts it."""
    async with stage() as s:
        await s.create_queue()
        s.engine.hold_queues([QUEUE])
        await s.pause()
        await s.create_task()
        s.engine.hold_queues([])
        await s.engine.advance("1h")
        assert s.handler.received == []


async def test_a_failure_while_paused_is_retried_after_the_resume() -> None:
    async with stage() as s:
        await s.create_queue()
        s.handler.takes = "1s"
        s.handler.answers = [500]
        await s.create_task()
        await s.engine.advance("0s")
        await s.pause()
        await s.engine.advance("1h")
        assert len(s.handler.received) == 1
        await s.resume()
        await s.engine.advance("1s")
        assert s.outcomes() == ["will_retry", "succeeded"]


async def test_purging_drops_what_was_created_before_even_while_it_runs() -> None:
    async with stage() as s:
        await s.create_queue()
        s.handler.takes = "1s"
        s.handler.otherwise = 500
        await s.create_task()
        await s.engine.advance("0s")
        queue = await s.service.purge_queue(m.PurgeQueueRequest(name=QUEUE), DEVELOPER)
        assert queue.purge_time.ToMicroseconds() == s.clock.now_us()
        after = await s.create_task()
        s.handler.otherwise = 200
        assert [task.name for task in await s.tasks()] == [after.name]
        await s.engine.drain()
        assert s.outcomes() == ["deleted", "succeeded"]


async def test_a_deleted_task_is_not_tried_again() -> None:
    async with stage() as s:
        await s.create_queue()
        s.handler.takes = "1s"
        s.handler.otherwise = 500
        task = await s.create_task()
        await s.engine.advance("0s")
        await s.service.delete_task(m.DeleteTaskRequest(name=task.name), DEVELOPER)
        await s.engine.advance("1h")
        assert s.outcomes() == ["deleted"]


async def test_a_task_older_than_31_days_is_dropped_though_its_queue_is_paused() -> None:
    async with stage() as s:
        await s.create_queue()
        await s.pause()
        old = await s.create_task()
        await s.engine.advance("1d")
        young = await s.create_task()
        await s.engine.advance("29d")
        assert [task.name for task in await s.tasks()] == [old.name, young.name]
        await s.engine.advance("1d")
        assert [task.name for task in await s.tasks()] == [young.name]
        assert [e.task for e in s.events if e.kind == "ExpireTask"] == [old.name]


async def test_unlimited_retries_end_with_the_tasks_life() -> None:
    async with stage() as s:
        config = retries(max_attempts=-1, min_backoff=3600)
        await s.create_queue(retry_config=config)
        s.handler.otherwise = 500
        await s.create_task()
        await s.engine.drain()
        assert len(s.handler.received) == 31 * 24
        assert await s.tasks() == []


async def test_run_task_dispatches_a_task_of_a_paused_queue_before_its_time() -> None:
    async with stage() as s:
        await s.create_queue()
        await s.pause()
        task = m.Task()
        task.schedule_time.FromMicroseconds(s.clock.now_us() + 3_600 * SECONDS)
        created = await s.create_task(schedule_time=task.schedule_time)
        shown = await s.run(created.name)
        assert (shown.dispatch_count, shown.response_count) == (1, 0)
        assert shown.first_attempt.dispatch_time.ToMicroseconds() == s.clock.now_us()
        assert not shown.last_attempt.HasField("response_time")
        await s.engine.advance("0s")
        assert s.outcomes() == ["succeeded"]
        assert await s.tasks() == []


async def test_a_task_that_fails_when_run_by_hand_is_due_from_the_call_on() -> None:
    async with stage() as s:
        await s.create_queue(retry_config=retries(min_backoff=10))
        later = m.Task()
        later.schedule_time.FromMicroseconds(s.clock.now_us() + 3_600 * SECONDS)
        created = await s.create_task(schedule_time=later.schedule_time)
        s.handler.takes = "4s"
        s.handler.answers = [500]
        called_us = s.clock.now_us()
        await s.run(created.name)
        await s.engine.advance("4s")
        shown = await s.get_task(created.name)
        assert shown.schedule_time.ToMicroseconds() == called_us + 10 * SECONDS
        await s.engine.advance("2h")
        assert len(s.handler.received) == 2


async def test_run_task_starts_a_second_attempt_beside_a_running_one() -> None:
    async with stage() as s:
        await s.create_queue(rate_limits=m.RateLimits(max_concurrent_dispatches=1))
        s.handler.takes = "10s"
        created = await s.create_task()
        await s.engine.advance("1s")
        shown = await s.run(created.name)
        assert shown.dispatch_count == 2
        await s.engine.advance("0s")
        assert s.handler.now_running == 2
        await s.engine.advance("20s")
        assert s.outcomes() == ["succeeded", "deleted"]


async def test_a_task_in_flight_shows_its_attempt() -> None:
    async with stage() as s:
        await s.create_queue(retry_config=retries(min_backoff=1))
        s.handler.answers = [404]
        created = await s.create_task()
        begin_us = s.clock.now_us()
        await s.engine.advance("0s")
        failed = await s.get_task(created.name)
        assert failed.last_attempt.response_status.code == 5
        assert failed.last_attempt.response_status.message == "NOT_FOUND(5): HTTP status code 404"
        s.handler.takes = "1h"
        await s.engine.advance("1s")
        running = await s.get_task(created.name)
        assert (running.dispatch_count, running.response_count) == (2, 1)
        assert running.first_attempt.dispatch_time.ToMicroseconds() == begin_us
        assert running.last_attempt.dispatch_time.ToMicroseconds() == begin_us + SECONDS
        assert not running.last_attempt.HasField("response_status")


async def test_the_attempt_before_a_running_one_is_listed_by_a_service_of_our_own() -> None:
    """Google's API shows the running attempt only."""
    async with stage() as s:
        await s.create_queue(retry_config=retries(min_backoff=1))
        s.handler.answers = [404]
        await s.create_task()
        await s.engine.advance("0s")
        s.handler.takes = "1h"
        await s.engine.advance("1s")
        request = m.ListTasksRequest(parent=QUEUE)
        (ended,) = (await s.service.list_ended_attempts(request, DEVELOPER)).tasks
        assert ended.last_attempt.response_status.code == 5
        assert (ended.dispatch_count, ended.response_count) == (1, 1)
        (running,) = await s.tasks()
        assert not running.last_attempt.HasField("response_status")


async def test_throttling_is_off_unless_it_is_asked_for() -> None:
    async with stage() as s:
        await s.create_queue()
        s.handler.answers = [Answer(429, "100")]
        await s.create_task()
        await s.create_task()
        await s.engine.advance("1s")
        assert len(s.handler.received) == 3


async def test_with_throttling_an_overloaded_target_stops_its_queue_and_says_so() -> None:
    async with stage(settings=Settings(throttling=True)) as s:
        await s.create_queue()
        s.handler.answers = [Answer(429, "100")]
        await s.create_task()
        await s.engine.advance("0s")
        await s.create_task()
        await s.engine.advance("99s")
        assert len(s.handler.received) == 1
        said = [event.message for event in s.events if event.kind == "QueueThrottled"]
        assert said == ["the target answered 429: nothing is dispatched for 100 s"]
        await s.engine.advance("1s")
        assert len(s.handler.received) == 3


@pytest.mark.parametrize(("code", "slows"), [(429, False), (503, True), (500, False)])
async def test_only_a_503_of_an_app_engine_target_slows_its_queue(code: int, slows: bool) -> None:
    settings = Settings(throttling=True, app_engine_url=lambda *_: "http://h")
    async with stage(settings=settings) as s:
        await s.create_queue()
        s.handler.answers = [code]
        await s.create_task(app_engine_http_request=m.AppEngineHttpRequest())
        await s.engine.advance("0s")
        assert any(event.kind == "QueueThrottled" for event in s.events) is slows


async def test_an_app_engine_task_goes_where_the_setting_says() -> None:
    def resolve(service: str, version: str, instance: str) -> str | None:
        return f"http://127.0.0.1:8080/{service}-{version}{instance}"

    async with stage(settings=Settings(app_engine_url=resolve)) as s:
        await s.create_queue()
        request = m.AppEngineHttpRequest(
            relative_uri="/work", app_engine_routing=m.AppEngineRouting(service="s", version="v")
        )
        await s.create_task(app_engine_http_request=request)
        await s.engine.drain()
        assert s.handler.received[0].url == "http://127.0.0.1:8080/s-v/work"


async def test_the_queues_routing_beats_the_tasks() -> None:
    def resolve(service: str, _version: str, _instance: str) -> str | None:
        return f"http://{service}"

    async with stage(settings=Settings(app_engine_url=resolve)) as s:
        override = m.AppEngineRouting(service="queue")
        queue = await s.create_queue(app_engine_routing_override=override)
        assert queue.app_engine_routing_override.host == "queue.acme.appspot.com"
        request = m.AppEngineHttpRequest(app_engine_routing=m.AppEngineRouting(service="task"))
        await s.create_task(app_engine_http_request=request)
        await s.engine.drain()
        assert s.handler.received[0].url == "http://queue/"


async def test_an_app_engine_task_without_an_address_fails_and_names_the_setting() -> None:
    async with stage() as s:
        await s.create_queue(retry_config=retries(max_attempts=1))
        await s.create_task(app_engine_http_request=m.AppEngineHttpRequest())
        await s.engine.drain()
        [ended] = [event for event in s.events if event.kind == "AttemptResponse"]
        assert "`app_engine_url`" in ended.message
        assert ended.outcome == "gave_up"


async def test_every_step_of_a_task_has_an_event() -> None:
    async with stage() as s:
        await s.create_queue(retry_config=retries(min_backoff=10))
        s.handler.takes = "2s"
        s.handler.answers = [503]
        created = await s.create_task()
        await s.engine.advance("2s")
        kinds = [event.kind for event in s.events]
        assert kinds == ["CreateQueue", "CreateTask", "AttemptDispatch", "AttemptResponse"]
        ended = s.events[-1]
        assert ended.task == created.name
        assert ended.queue == QUEUE
        assert (ended.attempt, ended.max_attempts, ended.http_code) == (1, 100, 503)
        assert (ended.status, ended.outcome) == ("UNAVAILABLE", "will_retry")
        assert ended.duration_us == 2 * SECONDS
        assert ended.next_retry_us == s.clock.now_us() + 10 * SECONDS
        assert ended.target_address == f"POST {URL}"
        assert ended.target_type == "HTTP"


async def test_a_change_of_a_queue_names_who_made_it() -> None:
    """What the program declares tells itself apart from what a caller asks for."""
    async with stage() as s:
        await s.engine.declare_queue(m.Queue(name=QUEUE, state=2))
        await s.engine.service.resume_queue(m.ResumeQueueRequest(name=QUEUE), PROGRAM)
        await s.pause()
        changes = [(e.kind, e.origin) for e in s.events if isinstance(e, events.QueueChange)]
        assert changes == [
            ("CreateQueue", "program"),
            ("PauseQueue", "program"),
            ("ResumeQueue", "program"),
            ("PauseQueue", "caller"),
        ]


async def test_the_event_of_an_ended_attempt_has_its_own_schedule_and_counts_its_answer() -> None:
    """Not with the next attempt's time, and counting the answer that it got."""
    async with stage() as s:
        await s.create_queue(retry_config=retries(min_backoff=10))
        s.handler.answers = [503, NoAnswerError("refused")]
        created_us = s.clock.now_us()
        await s.create_task()
        await s.engine.drain()
        ended = [event for event in s.events if event.kind == "AttemptResponse"]
        due_s = [(event.schedule_us - created_us) // SECONDS for event in ended]
        assert due_s == [0, 10, 30]
        assert [event.response_count for event in ended] == [1, 1, 2]
        assert [event.attempt for event in ended] == [1, 2, 3]


async def test_the_events_of_a_creation_and_a_deletion_name_the_target() -> None:
    """As the queue would have it: with its own method and host laid over the task's."""
    target = m.HttpTarget(http_method=PUT)
    target.uri_override.host = "queue.example"
    async with stage() as s:
        await s.create_queue(http_target=target)
        await s.pause()
        later = m.Task()
        later.schedule_time.FromMicroseconds(s.clock.now_us() + 60 * SECONDS)
        task = await s.create_task(schedule_time=later.schedule_time)
        await s.service.delete_task(m.DeleteTaskRequest(name=task.name), DEVELOPER)
        told = [event for event in s.events if event.kind in ("CreateTask", "DeleteTask")]
        assert len(told) == 2
        for event in told:
            assert event.schedule_us == s.clock.now_us() + 60 * SECONDS
            assert event.target_address == "PUT https://queue.example/work"
            assert event.target_type == "HTTP"


async def test_the_events_of_an_app_engine_task_have_its_relative_uri() -> None:
    """Where its service is depends on who asks, and when."""
    async with stage() as s:
        await s.create_queue()
        await s.pause()
        request = m.AppEngineHttpRequest(relative_uri="/work", http_method=GET)
        await s.create_task(app_engine_http_request=request)
        told = s.events[-1]
        assert (told.kind, told.target_type) == ("CreateTask", "APP_ENGINE_HTTP")
        assert told.target_address == "GET /work"
        await s.resume()
        await s.engine.advance("0s")
        ended = s.events[-1]
        assert (ended.kind, ended.outcome) == ("AttemptResponse", "will_retry")
        assert ended.target_address == "GET /work"


async def test_a_handler_that_raises_something_else_fails_its_attempt_and_nothing_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with stage() as s:
        await s.create_queue()
        s.handler.answers = [RuntimeError("a bug")]
        await s.create_task()
        await s.engine.drain()
        assert s.outcomes() == ["will_retry", "succeeded"]
        assert "RuntimeError: a bug" in caplog.text


async def test_the_same_seed_and_calls_give_the_same_events() -> None:
    async def play() -> list[object]:
        async with stage() as s:
            await s.create_queue(rate_limits=m.RateLimits(max_dispatches_per_second=3))
            s.handler.answers = [500, 503] * 20
            for _ in range(20):
                await s.create_task()
            await s.engine.drain()
            return list(s.events)

    assert await play() == await play()


async def test_only_a_manual_clock_can_be_moved() -> None:
    engine = Engine()
    with pytest.raises(TypeError, match="ManualClock"):
        await engine.advance(timedelta(seconds=1))
    await engine.stop()


async def test_a_queue_has_statistics() -> None:
    async with stage() as s:
        await s.create_queue()
        s.handler.takes = "5s"
        for _ in range(4):
            await s.create_task()
        await s.engine.advance("1s")
        stats = s.service.stats(QUEUE)
        assert (stats.tasks_count, stats.concurrent_dispatches) == (4, 4)
        await s.engine.advance("10s")
        stats = s.service.stats(QUEUE)
        assert (stats.tasks_count, stats.executed_last_minute) == (0, 4)
        await s.engine.advance("2m")
        assert s.service.stats(QUEUE).executed_last_minute == 0


async def test_a_failing_listener_is_logged_and_ignored(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(event: Event) -> None:
        raise ValueError(f"cannot show {event.kind}")

    received: list[OutgoingRequest] = []
    sender = InProcessSender(lambda request: received.append(request) or 200)
    engine = Engine(clock=ManualClock(), sender=sender, on_event=fail)
    await engine.start()
    await engine.declare_queue(m.Queue(name=QUEUE))
    task = m.Task(http_request=m.HttpRequest(url=URL))
    await engine.service.create_task(m.CreateTaskRequest(parent=QUEUE, task=task), DEVELOPER)
    await engine.drain()
    await engine.stop()
    assert len(received) == 1
    assert "ValueError: cannot show AttemptResponse" in caplog.text


async def test_an_engine_can_be_stopped_twice() -> None:
    async with stage() as s:
        await s.engine.stop()


async def test_a_context_manager_always_stops_its_engine() -> None:
    engine = Engine(clock=ManualClock())

    async def fail() -> None:
        async with engine as entered:
            assert entered is engine
            await engine.serve_grpc(port=0)
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await fail()
    assert engine._is_stopped


async def test_an_engine_with_nothing_due_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine()
    turns: list[int] = []
    turn = engine._dispatcher._turn
    monkeypatch.setattr(engine._dispatcher, "_turn", lambda: turns.append(1) or turn())
    await engine.start()
    await engine.declare_queue(m.Queue(name=QUEUE))
    task = m.Task(http_request=m.HttpRequest(url=URL))
    task.schedule_time.GetCurrentTime()
    task.schedule_time.seconds += 3_600
    await engine.service.create_task(m.CreateTaskRequest(parent=QUEUE, task=task), DEVELOPER)
    for _ in range(1_000):
        await asyncio.sleep(0)
    await engine.stop()
    assert 1 <= len(turns) <= 3


async def test_a_retry_in_a_backlog_costs_one_turn_of_the_dispatcher(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The end of an attempt needs no look at a queue that has a plan."""
    async with stage() as s:
        await s.create_queue()
        s.handler.otherwise = 500
        for _ in range(20):
            await s.create_task()
            await s.engine.advance("7s")
        await s.engine.advance("12h")
        turns = 0
        turn = s.engine._dispatcher._turn

        def counted() -> int | None:
            nonlocal turns
            turns += 1
            return turn()

        monkeypatch.setattr(s.engine._dispatcher, "_turn", counted)
        before = len(s.handler.received)
        await s.engine.advance("12h")
        attempts = len(s.handler.received) - before
        assert attempts == 20 * 12
        assert turns <= attempts + 20


async def test_an_attempt_that_is_answered_at_once_needs_no_asyncio_task_of_its_own() -> None:
    """A handler that is a plain function runs within the dispatcher's turn."""
    where: list[asyncio.Task[object] | None] = []

    def handler(_: OutgoingRequest) -> int:
        where.append(asyncio.current_task())
        return 503 if len(where) == 1 else 200

    sender = InProcessSender(handler)
    async with Engine(clock=ManualClock(), seed=1, sender=sender) as engine:
        await engine.declare_queue(m.Queue(name=QUEUE))
        task = m.Task(http_request=m.HttpRequest(url=URL))
        await engine.service.create_task(m.CreateTaskRequest(parent=QUEUE, task=task), DEVELOPER)
        await engine.drain()
    # A turn that a call leads to comes from the loop, and one at a moment from `drain`.
    assert where == [None, asyncio.current_task()]
