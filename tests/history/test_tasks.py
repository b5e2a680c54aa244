"""Tasks that are gone: how they ended, with their body and their attempts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from queuewright.engine import Answer, Caller, Excerpt, ManualClock, NoAnswerError
from queuewright.engine.protocol import Queue, RetryConfig
from queuewright.history import BUCKET_US, Bucket
from queuewright_runtime import PermanentError
from queuewright_runtime.attempts import dead_letter_answer
from queuewright_runtime.letters import story_of
from tests.history.stage import LOCATION, QUEUE, URL, stage

OTHER = f"{LOCATION}/queues/other"


async def test_a_finished_task_is_kept_with_its_body_and_headers() -> None:
    """The engine has forgotten it then."""
    async with stage() as playing:
        name = await playing.create_task("t", b'{"to": "ada"}', **{"X-Trace": "7"})
        await playing.drain()
        found = playing.task(name)
    assert found.record is not None
    assert found.content is not None
    assert (found.record.state, found.record.attempts, found.record.last_result) == (
        "finished",
        1,
        200,
    )
    assert (found.content.method, found.content.url) == ("POST", URL)
    assert found.content.body == b'{"to": "ada"}'
    assert dict(found.content.headers)["X-Trace"] == "7"


async def test_a_task_that_its_handler_buried_has_failed() -> None:
    """Its last answer is 200, so that Cloud Tasks tries it no more."""
    error = PermanentError("no such\naddress")
    story = story_of("permanent", 1, 500, error, datetime(2026, 1, 1, tzinfo=UTC))
    answer = dead_letter_answer(story)
    async with stage() as playing:
        playing.answers = [Answer(answer.status, excerpt=Excerpt(body=answer.text.encode()))]
        name = await playing.create_task("t")
        await playing.drain()
        found = playing.task(name)
        counts = playing.history.buckets(QUEUE, 0)
    assert found.record is not None
    assert found.record.is_dead_letter
    assert (found.record.state, found.record.why) == (
        "failed",
        "it is a dead letter: PermanentError: no such address",
    )
    assert [each.outcome for each in found.attempts] == ["gave_up"]
    assert [(each.finished, each.failed) for each in counts] == [(0, 1)]


async def test_attempts_tell_when_how_long_and_why_then_again() -> None:
    """Each with its answer, the time of the next, and the rule that it follows."""
    retry = RetryConfig(max_attempts=4, max_doublings=3)
    retry.min_backoff.seconds, retry.max_backoff.seconds = 10, 300
    async with stage() as playing:
        await playing.create_queue(OTHER, retry_config=retry)
        excerpt = Excerpt((("content-type", "text/plain"),), b"no such address", is_cut=False)
        playing.answers = [
            NoAnswerError("nothing listens"),
            Answer(500, excerpt=excerpt),
            Answer(503),
            Answer(404),
        ]
        playing.takes = "2s"
        begin_us = playing.clock.now_us()
        name = await playing.create_task("t", queue=OTHER)
        await playing.drain()
        found = playing.task(name)
    assert found.record is not None
    assert (found.record.state, found.record.why) == ("failed", "all 4 attempts failed")
    seconds = [(a.started_us - begin_us) // 1_000_000 for a in found.attempts]
    assert seconds == [0, 12, 34, 76]
    assert [a.duration_us for a in found.attempts] == [2_000_000] * 4
    assert [a.result for a in found.attempts] == [-2, 500, 503, 404]
    assert [a.reason for a in found.attempts] == [
        "10s, the first wait",
        "10s × 2, at most 5m",
        "10s × 2², at most 5m",
        "all 4 attempts failed",
    ]
    assert found.attempts[0].message == "nothing listens"
    second = found.attempts[1]
    assert (second.headers, second.body) == ((("content-type", "text/plain"),), b"no such address")
    assert second.next_us == begin_us + 34_000_000
    assert found.attempts[3].next_us is None


async def test_a_running_attempt_is_shown_after_those_that_ended() -> None:
    """It has no duration yet."""
    async with stage() as playing:
        playing.answers = [500]
        name = await playing.create_task("t")
        playing.takes = "1m"
        await playing.advance("2m")
        assert [a.outcome for a in playing.task(name).attempts] == ["will_retry", "running"]
        running = playing.task(name).attempts[-1]
    assert (running.attempt, running.duration_us, running.target) == (2, None, f"POST {URL}")


async def test_a_task_whose_first_attempt_runs_has_no_record_yet() -> None:
    """The engine has it; its attempt is known."""
    async with stage() as playing:
        playing.takes = "1m"
        name = await playing.create_task("t")
        await playing.advance("1s")
        found = playing.task(name)
    assert found.record is None
    assert [a.outcome for a in found.attempts] == ["running"]


async def test_a_deleted_task_is_kept() -> None:
    """With the attempts that it had."""
    async with stage() as playing:
        playing.otherwise = 500
        name = await playing.create_task("t", b"body")
        await playing.advance("50ms")
        await playing.delete_task(name)
        found = playing.task(name)
    assert found.record is not None
    assert found.content is not None
    assert (found.record.state, found.record.last_result) == ("deleted", 500)
    assert found.content.body == b"body"
    assert len(found.attempts) == found.record.attempts == 1


async def test_an_attempt_that_ends_after_its_task_was_deleted_belongs_to_it() -> None:
    """And changes nothing about how the task ended."""
    async with stage() as playing:
        playing.takes = "1m"
        name = await playing.create_task("t", b"body")
        await playing.advance("1s")
        await playing.delete_task(name)
        assert [a.outcome for a in playing.task(name).attempts] == ["running"]
        await playing.advance("2m")
        found = playing.task(name)
    assert found.record is not None
    assert (found.record.state, found.record.attempts, found.record.last_result) == (
        "deleted",
        1,
        200,
    )
    assert [a.outcome for a in found.attempts] == ["deleted"]


async def test_an_expired_task_is_kept() -> None:
    """With its body and the reason."""
    async with stage() as playing:
        await playing.engine.declare_queue(Queue(name=OTHER, state=Queue.State.PAUSED))
        name = await playing.create_task("t", b"body", queue=OTHER)
        await playing.advance("32d")
        found = playing.task(name)
    assert found.record is not None
    assert found.content is not None
    assert (found.record.state, found.record.why) == (
        "expired",
        "the task has reached its maximum age",
    )
    assert found.content.body == b"body"


async def test_a_purge_ends_what_had_attempts() -> None:
    """Without the bodies: whoever purges 100,000 tasks does not want to keep them."""
    async with stage() as playing:
        playing.otherwise = 500
        tried = await playing.create_task("tried")
        await playing.advance("50ms")
        await playing.purge()
        found = playing.task(tried)
        assert playing.history.counts == {(QUEUE, "unfinished"): 0, (QUEUE, "purged"): 1}
    assert found.record is not None
    assert (found.record.state, found.record.why) == ("purged", "its queue was purged")
    assert (found.content, len(found.attempts)) == (None, 1)


async def test_a_name_that_is_used_again_is_another_task() -> None:
    """Each keeps its own attempts; the latest is shown first."""
    async with stage() as playing:
        for status in (500, 200):
            playing.answers = [status]
            name = await playing.create_task("t", b"%d" % status)
            await playing.advance("50ms")
            if status == 500:
                await playing.delete_task(name)
            await playing.advance("1s")
        found = playing.task(name)
        assert found.record is not None
        assert (found.record.state, [a.result for a in found.attempts]) == ("finished", [200])
        (earlier,) = found.earlier
        assert (earlier.state, earlier.last_result) == ("deleted", 500)
        assert [a.result for a in playing.history.attempts(earlier)] == [500]


async def test_tasks_are_listed_by_state_latest_first_in_pages() -> None:
    """Of one queue; a text finds what is in an id, a header or a body."""
    async with stage() as playing:
        await playing.create_queue(OTHER, retry_config=RetryConfig(max_attempts=1))
        for number in range(5):
            playing.answers = [200 if number % 2 else 500]
            await playing.create_task(f"t{number}", b"body %d" % number, queue=OTHER)
            await playing.drain()
        history = playing.history

        def listed(*states: str, **how: object) -> list[str]:
            return [record.name[-2:] for record in history.tasks(OTHER, states, **how)]  # type: ignore[arg-type]

        assert listed("finished", "failed") == ["t4", "t3", "t2", "t1", "t0"]
        assert listed("failed") == ["t4", "t2", "t0"]
        first = history.tasks(OTHER, limit=2)
        assert [r.name[-2:] for r in first] == ["t4", "t3"]
        assert listed("finished", "failed", before=first[-1].order, limit=2) == ["t2", "t1"]
        assert listed("finished", "failed", text="body 3") == ["t3"]
        assert listed("finished", "failed", text="t0") == ["t0"]
        assert history.tasks(QUEUE) == []
        assert history.counts[OTHER, "failed"] == 3


async def test_the_history_survives_a_restart(tmp_path: Path) -> None:
    """An unfinished task goes on where it was, as one task."""
    clock = ManualClock()
    async with stage(tmp_path, clock=clock) as playing:
        playing.answers = [500]
        name = await playing.create_task("t", b"body")
        await playing.advance("50ms")
    async with stage(tmp_path, clock=clock) as playing:
        await playing.drain()
        found = playing.task(name)
        assert playing.history.counts == {(QUEUE, "unfinished"): 0, (QUEUE, "finished"): 1}
    assert found.earlier == ()
    assert [a.result for a in found.attempts] == [500, 200]


async def test_what_happened_is_counted_in_buckets_of_ten_seconds() -> None:
    """For the line of the last ten minutes."""
    async with stage() as playing:
        begin_us = playing.clock.now_us()
        playing.answers = [500]
        await playing.create_task()
        await playing.create_task()
        await playing.advance("15s")
        await playing.create_task()
        await playing.advance("1s")
        found = playing.history.buckets(QUEUE, begin_us)
        assert playing.history.buckets(QUEUE, begin_us + BUCKET_US) == found[1:]
    assert found == [
        Bucket(start_us=begin_us, created=2, attempts=3, finished=2, retried=1),
        Bucket(start_us=begin_us + BUCKET_US, created=1, attempts=1, finished=1),
    ]


async def test_a_task_knows_the_handler_that_created_it() -> None:
    """The label of the listener that it came from."""
    async with stage() as playing:
        name = await playing.create_task("t", caller=Caller(label="mailer"))
        await playing.drain()
        found = playing.task(name)
    assert found.record is not None
    assert (found.record.creator, found.record.parent) == ("mailer", "")
