"""The overview: what every queue does, and why its tasks wait."""

from __future__ import annotations

import itertools
import re

import pytest

from queuewright.dashboard import HandlerFacts, Surroundings
from queuewright.dashboard.charts import LARGE, SMALL, Point, chart, strip
from queuewright.engine import Answer
from tests.dashboard.stage import LOCATION, QUEUE, stage, text_of


async def test_a_queue_shows_its_counts_and_what_holds_it_up() -> None:
    async with stage() as playing:
        await playing.queue()
        await playing.pause()
        await playing.task(later_s=600)
        await playing.task()
        await playing.task()
        await playing.engine.advance("90s")
        text = text_of(await playing.get("/"))
        assert "3 tasks waiting, 0 running, 0 to be retried." in text
        assert re.search(r"Paused since \d\d:\d\d:\d\d 1 2 0 0 0 0 / 5 1 m 30 s", text)
        assert "Needs you 1 Paused emails has 2 tasks due, the oldest for 1 m." in text


async def test_full_slots_are_told_with_the_time_an_answer_takes() -> None:
    async with stage() as playing:
        await playing.queue()
        playing.takes = "2s"
        for _ in range(6):
            await playing.task()
        await playing.engine.advance("3s")
        text = text_of(await playing.get("/"))
        assert "2 of 2 slots busy, answers take 2.00 s" in text
        page = text_of(await playing.get("/queues/emails"))
        assert "Both slots are busy and the handler takes 2.00 s to answer." in page
        assert "The 2 due tasks need about 2 s." in page


async def test_a_reached_rate_is_told() -> None:
    async with stage() as playing:
        limits = {"max_dispatches_per_second": 1, "max_concurrent_dispatches": 100}
        await playing.queue(rate_limits=limits)
        for _ in range(15):
            await playing.task()
        await playing.engine.advance("1s")
        assert "rate 1/s reached" in text_of(await playing.get("/"))


async def test_tasks_that_back_off_and_those_that_gave_up_need_you() -> None:
    async with stage() as playing:
        await playing.queue()
        playing.otherwise = Answer(503)
        for _ in range(5):
            await playing.task()
        await playing.engine.advance("1s")
        text = text_of(await playing.get("/"))
        assert "5 retrying emails has been getting 503 from its target since" in text
        assert "5 tasks back off, the next in" in text
        await playing.engine.advance("2m")
        text = text_of(await playing.get("/"))
        assert "5 gave up emails gave up on 5 tasks: the last answer was 503" in text


async def test_two_queues_with_one_id_are_told_apart() -> None:
    async with stage() as playing:
        await playing.queue()
        await playing.queue("projects/other/locations/europe-west1/queues/emails")
        page = await playing.get("/")
        assert 'href="/queues/acme~europe-west1~emails"' in page
        assert 'href="/queues/other~europe-west1~emails"' in page
        await playing.get("/queues/other~europe-west1~emails")


async def test_a_handler_that_has_not_started_needs_you_with_its_error() -> None:
    class Around(Surroundings):
        def handlers(self) -> list[HandlerFacts]:
            error = "`mailer` ended: exit code 1"
            return [
                HandlerFacts("mailer", "function", "held", "handlers/mailer", "", error=error),
                HandlerFacts("ledger", "service", "healthy", "x", "", version="a41f09c"),
            ]

    async with stage(Around()) as playing:
        await playing.queue()
        text = text_of(await playing.get("/"))
        assert "Not started mailer has not started; its tasks wait. `mailer` ended" in text
        assert "ledger service Healthy a41f09c" in text


async def test_the_overview_of_nothing_says_so() -> None:
    async with stage() as playing:
        text = text_of(await playing.get("/"))
        assert "No queue exists yet." in text
        assert "Nothing needs you." in text


async def test_many_queues_are_shown_in_parts() -> None:
    async with stage() as playing:
        for number in range(70):
            await playing.queue(f"{LOCATION}/queues/q{number:02}")
        assert "60 of 70 queues" in text_of(await playing.get("/"))
        assert 'href="/queues/q69"' in await playing.get("/?all=1")


async def test_a_program_that_wants_no_html_is_told_where_the_api_is() -> None:
    async with stage() as playing:
        assert "/v2/" in await playing.get("/", 406, Accept="application/json")
        await playing.get("/", Accept="*/*")


async def test_the_api_is_where_it_was() -> None:
    async with stage() as playing:
        await playing.queue()
        assert QUEUE in await playing.get(f"/v2/{LOCATION}/queues")
        assert '"NOT_FOUND"' in await playing.get("/v2/nothing", 404)


def test_a_bar_is_as_high_as_its_answers_and_never_higher_than_the_chart() -> None:
    drawn = chart([0] * 58 + [10, 20], [0] * 59 + [500], limit=5, frame=SMALL)
    assert drawn.top == 50
    assert drawn.up == "M175.5 21v-1M178.5 21v-1"
    assert drawn.down == "M178.5 23v8"
    assert chart([0] * 59 + [10], [0] * 60, limit=5, frame=LARGE).limit_y == 3
    assert chart([0] * 60, [0] * 60, limit=5, frame=SMALL).limit_y is None


def test_waits_that_double_look_doubled() -> None:
    second = 1_000_000
    points = [Point(n + 1, t * second, t * second, "bad") for n, t in enumerate((0, 10, 30, 70))]
    drawn = strip([*points, Point(5, 150 * second, None, "plan")], 100 * second)
    assert drawn is not None
    at = [mark.x for mark in drawn.marks]
    gaps = [after - before for before, after in itertools.pairwise(at)]
    assert [round(gap / gaps[0], 1) for gap in gaps] == [1, 2, 4, 8]
    assert drawn.now_x == pytest.approx((at[3] + at[4]) / 2 - gaps[3] / 8, abs=0.1)
    assert [wait.is_planned for wait in drawn.waits] == [False, False, False, True]


def test_a_hundred_attempts_are_folded_and_drawn_along_a_logarithm() -> None:
    times = [100_000 * 2**n for n in range(30)] + [100_000 * 2**30 + n for n in range(70)]
    drawn = strip([Point(n + 1, t, t, "bad") for n, t in enumerate(times)], times[-1])
    assert drawn is not None
    assert (drawn.earlier, len(drawn.marks)) == (88, 12)
