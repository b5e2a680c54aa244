"""A queue's page: its tasks, filters, and what one does to many of them."""

from __future__ import annotations

import re

from queuewright.engine import Answer
from tests.dashboard.stage import QUEUE, Stage, stage, text_of

EMAILS = "/queues/emails"


async def filled(playing: Stage) -> None:
    """One task that retries, one that is scheduled, and two that are due, in a paused queue."""
    await playing.queue()
    playing.answers = [Answer(503)]
    await playing.task("failed", b'{"to": "ada@example.com"}')
    await playing.engine.advance("1s")
    await playing.pause()
    await playing.task("later", later_s=600)
    await playing.task("order-1", b'{"to": "grace@example.com"}', headers={"X-Kind": "Receipt"})
    await playing.task("order-2", b"\xff\xfe binary")


def ids(page: str) -> list[str]:
    """The ids of the tasks on a page, in order."""
    return re.findall(r'class="mono open" href="[^"]*">([^<]*)<', page)


async def test_tasks_are_listed_newest_first_with_state_attempts_and_last_answer() -> None:
    async with stage() as playing:
        await filled(playing)
        page = await playing.get(EMAILS)
        assert ids(page) == ["order-2", "order-1", "later", "failed"]
        text = text_of(page)
        assert "4 all 0 running 1 retrying 2 due 1 scheduled 0 gave up 0 done" in text
        assert 'Retrying in 9 s 1 of 4 1 s ago failed {"to": "ada@example.com"}' in text
        assert "1 of 4 503 Service Unavailable" in text
        assert "order-2 binary, 9 bytes" in text
        assert "4 of 4, newest first" in text


async def test_filters_are_in_the_address_and_keep_each_other() -> None:
    async with stage() as playing:
        await filled(playing)
        assert ids(await playing.get(f"{EMAILS}?state=due")) == ["order-2", "order-1"]
        assert ids(await playing.get(f"{EMAILS}?text=GRACE")) == ["order-1"]
        assert ids(await playing.get(f"{EMAILS}?text=receipt")) == ["order-1"], "in a header"
        assert ids(await playing.get(f"{EMAILS}?status=503")) == ["failed"]
        assert ids(await playing.get(f"{EMAILS}?status=none")) == ["order-2", "order-1", "later"]
        assert ids(await playing.get(f"{EMAILS}?age=%3E1m")) == []
        page = await playing.get(f"{EMAILS}?text=order&state=due")
        assert 'href="/queues/emails?state=retrying&amp;text=order"' in page


async def test_a_filter_that_finds_nothing_says_what_there_is() -> None:
    async with stage() as playing:
        await filled(playing)
        text = text_of(await playing.get(f"{EMAILS}?state=due&text=invoice"))
        assert "No due task has “invoice” in it. 2 are due. Clear the filter" in text


async def test_pages_go_back_by_number_and_never_skip_a_task() -> None:
    async with stage() as playing:
        await playing.queue()
        await playing.pause()
        for number in range(120):
            await playing.task(f"t{number:03}")
        seen: list[str] = []
        path = EMAILS
        while path:
            page = await playing.get(path)
            seen += ids(page)
            await playing.task()  # a new task moves no page
            older = re.search(r'href="([^"]*before=[^"]*)"', page)
            path = older[1].replace("&amp;", "&") if older else ""
        assert seen == [f"t{number:03}" for number in reversed(range(120))]


async def test_a_question_tells_the_number_and_an_answer_touches_no_later_task() -> None:
    async with stage() as playing:
        await filled(playing)
        asked = await playing.get(f"{EMAILS}/confirm?do=delete&text=order")
        assert "Delete 2 tasks?" in text_of(asked)
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', asked[asked.index("<main") :]))
        await playing.task("order-3")
        done = await playing.post(f"{EMAILS}/delete", **fields)
        assert done["said"] == "Deleted 2\u00a0tasks."
        assert ids(await playing.get(EMAILS)) == ["order-3", "later", "failed"]


async def test_retrying_all_makes_them_due_at_the_queues_rate() -> None:
    async with stage() as playing:
        await filled(playing)
        asked = text_of(await playing.get(f"{EMAILS}/confirm?do=retry"))
        assert "Retry 1 task now? It is sent at up to 5/s; each uses one of its attempts." in asked
        done = await playing.post(f"{EMAILS}/retry")
        assert done["said"] == "Retried 1\u00a0task."
        assert ids(await playing.get(f"{EMAILS}?state=due")) == ["order-2", "order-1", "failed"]
        assert ids(await playing.get(f"{EMAILS}?state=scheduled")) == ["later"]


async def test_only_the_ticked_tasks_are_deleted() -> None:
    async with stage() as playing:
        await filled(playing)
        page = await playing.get(EMAILS)
        numbers = re.findall(r'name="n" value="(\d+)"', page)
        asked = await playing.get(f"{EMAILS}/confirm?do=delete&n={numbers[0]}&n={numbers[3]}")
        assert "Delete 2 tasks?" in text_of(asked)
        await playing.post(f"{EMAILS}/delete", numbers=f"{numbers[0]},{numbers[3]}")
        assert ids(await playing.get(EMAILS)) == ["order-1", "later"]


async def test_a_purge_asks_for_the_queues_name() -> None:
    async with stage() as playing:
        await filled(playing)
        asked = text_of(await playing.get(f"{EMAILS}/confirm?do=purge"))
        assert "Purge emails? All 4 tasks that wait are deleted for good. Type emails" in asked
        refused = await playing.post(f"{EMAILS}/purge", 400, typed="email")
        assert refused == {"error": "Not purged: type `emails` to purge it."}
        await playing.post(f"{EMAILS}/purge", typed="emails")
        assert "Nothing waits." in text_of(await playing.get(EMAILS))


async def test_pausing_and_resuming_change_the_button() -> None:
    async with stage() as playing:
        await playing.queue()
        assert (await playing.post(f"{EMAILS}/pause"))["said"] == "Paused emails."
        page = await playing.get(EMAILS)
        assert 'action="/queues/emails/resume"' in page
        await playing.post(f"{EMAILS}/resume")
        assert 'action="/queues/emails/pause"' in await playing.get(EMAILS)
        await playing.post("/pause-all")
        assert 'action="/resume-all"' in await playing.get("/")


async def test_finished_and_failed_tasks_are_found_in_the_history() -> None:
    async with stage() as playing:
        await playing.queue()
        playing.answers = [Answer(200)]
        playing.otherwise = Answer(500)
        await playing.task("good", b"hello ada")
        await playing.task("bad", b"hello grace")
        await playing.engine.advance("5m")
        playing.history.flush()
        assert ids(await playing.get(f"{EMAILS}?state=finished")) == ["good"]
        page = await playing.get(f"{EMAILS}?state=failed")
        assert ids(page) == ["bad"]
        assert "500 all 4 attempts failed" in text_of(page)
        assert ids(await playing.get(f"{EMAILS}?state=failed&text=ada")) == []


async def test_reasons_of_failures_are_counted() -> None:
    async with stage() as playing:
        await playing.queue()
        playing.answers = [Answer(503), Answer(503), Answer(404)]
        for _ in range(3):
            await playing.task()
        await playing.engine.advance("1s")
        text = text_of(await playing.get(EMAILS))
        assert "Why it failed, last hour 503 2 Service Unavailable 404 1 Not Found" in text


async def test_the_settings_are_in_words() -> None:
    async with stage() as playing:
        await playing.queue()
        text = text_of(await playing.get(EMAILS))
        assert "Rate 5 a second Burst 10 At once 2 Attempts 4, over 1 m 10 s" in text
        assert "Waits 10 s, 20 s, 40 s" in text


async def test_a_queue_that_is_not_there_is_not_found_with_a_guess() -> None:
    async with stage() as playing:
        await playing.queue()
        text = text_of(await playing.get("/queues/email", 404))
        assert "There is no queue `email`. Did you mean `emails`?" in text


async def test_a_task_is_found_by_its_full_name_or_its_id() -> None:
    async with stage() as playing:
        await playing.queue()
        await playing.pause()
        await playing.task("order-7")
        for asked in ("order-7", f"{QUEUE}/tasks/order-7"):
            assert "<title>order-7" in await playing.get(f"/find?q={asked}")
        assert "No task has this id." in text_of(await playing.get("/find?q=order-8"))
