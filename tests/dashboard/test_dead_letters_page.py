"""Dead letters on the dashboard: what they tell, and replaying and discarding them."""

from __future__ import annotations

import re

from queuewright.blueprint import blueprint
from queuewright.dashboard import Surroundings
from queuewright.engine import Answer, Excerpt
from queuewright.spec import parse
from queuewright_runtime.attempts import DEAD_LETTER
from tests.dashboard.stage import Stage, stage, text_of

SPEC = """\
project: acme-staging
location: europe-west1
handlers:
  mailer:
    function: {source: handlers/mailer, entry_point: handle, runtime: python312}
queues:
  emails:
    handler: mailer
    dead_letters: {keep: 14d}
    retry_config: {max_attempts: 8}
"""
EMAILS = "projects/acme-staging/locations/europe-west1/queues/emails"
DEAD = f"{EMAILS}-dead"


class Around(Surroundings):
    """An environment whose queue keeps dead letters."""

    def __init__(self) -> None:
        self.plan = blueprint(parse(SPEC, environment="dev"))

    @property
    def blueprint(self):  # type: ignore[override]  # noqa: ANN201
        return self.plan


async def filled(playing: Stage) -> None:
    """Two letters of one cause, and one of another."""
    await playing.queue(EMAILS)
    await playing.queue(DEAD)
    await playing.pause(DEAD)
    for number, error in enumerate(("`to` is missing", "`to` is missing", "KeyError: 'template'")):
        told = {
            "X-Queuewright-Task": f"order-{number}",
            "X-Queuewright-Reason": "permanent",
            "X-Queuewright-Attempts": "1",
            "X-Queuewright-Status": "503",
            "X-Queuewright-Error": error,
            "X-Own": "kept",
        }
        await playing.task(f"letter-{number}", b'{"too": "ada"}', queue=DEAD, headers=told)
        await playing.engine.advance("1s")


async def test_letters_tell_cause_attempts_and_queue() -> None:
    async with stage(Around()) as playing:
        await filled(playing)
        text = text_of(await playing.get("/dead-letters"))
        assert "3 kept, each for 14 d." in text
        assert "By cause 2 emails `to` is missing 1 emails KeyError: 'template'" in text
        assert "after 1 attempt order-2" in text
        assert "503 KeyError: 'template'" in text


async def test_they_count_with_their_queue_and_need_you() -> None:
    async with stage(Around()) as playing:
        await filled(playing)
        page = await playing.get("/")
        text = text_of(page)
        assert "3 dead emails keeps 3 dead letters" in text
        assert 'class="open" href="/queues/emails-dead"' not in page, "it is no queue of its own"
        assert 'href="/dead-letters?queue=emails"' in page
        assert "Dead letters<i>3</i>" in page


async def test_resuming_all_queues_sends_no_dead_letter() -> None:
    async with stage(Around()) as playing:
        await filled(playing)
        await playing.pause(EMAILS)
        await playing.post("/resume-all")
        states = {each.name: each.config.state for each in playing.engine.service.queue_facts()}
        assert states == {EMAILS: 1, DEAD: 2}


async def test_letters_are_found_by_text() -> None:
    async with stage(Around()) as playing:
        await filled(playing)
        text = text_of(await playing.get("/dead-letters?text=template"))
        assert "order-2" in text
        assert "order-1" not in text
        assert "No dead letter matches." in text_of(await playing.get("/dead-letters?text=nothing"))


async def test_a_replay_makes_tasks_of_the_queue_without_our_headers() -> None:
    async with stage(Around()) as playing:
        await filled(playing)
        await playing.pause(EMAILS)
        asked = await playing.get("/dead-letters/confirm?do=replay&text=missing")
        assert "Replay 2 dead letters?" in text_of(asked)
        numbers = re.search(r'name="numbers" value="([\d,]+)"', asked)
        assert numbers is not None
        done = await playing.post("/dead-letters/replay", numbers=numbers[1])
        assert done["said"] == "Replayed 2\u00a0dead letters."
        facts = {each.name: each for each in playing.engine.service.queue_facts()}
        assert facts[DEAD].counts.due == 1
        assert facts[EMAILS].counts.due == 2
        page = await playing.get("/queues/emails")
        number = re.findall(r'name="n" value="(\d+)"', page)[0]
        (task,) = playing.engine.service.facts_of(EMAILS, [int(number)])
        headers = dict(task.content.http_request.headers)
        assert headers["X-Own"] == "kept"
        assert not any(name.startswith("X-Queuewright") for name in headers)


async def test_a_second_replay_of_the_same_letter_adds_nothing() -> None:
    async with stage(Around()) as playing:
        await filled(playing)
        await playing.pause(EMAILS)
        asked = await playing.get("/dead-letters/confirm?do=replay")
        numbers = re.search(r'name="numbers" value="([\d,]+)"', asked)
        assert numbers is not None
        await playing.post("/dead-letters/replay", numbers=numbers[1])
        done = await playing.post("/dead-letters/replay", numbers=numbers[1])
        assert done["said"] == "Replayed 0\u00a0dead letters."
        (facts,) = playing.engine.service.queue_facts(EMAILS)
        assert facts.counts.due == 3


async def test_only_the_ticked_letter_is_discarded() -> None:
    async with stage(Around()) as playing:
        await filled(playing)
        page = await playing.get("/dead-letters")
        number = re.findall(r'name="n" value="(\d+)"', page)[0]
        asked = text_of(await playing.get(f"/dead-letters/confirm?do=discard&n={number}"))
        assert "Discard 1 dead letter? It is gone for good." in asked
        await playing.post("/dead-letters/discard", numbers=number)
        assert "order-2" not in await playing.get("/dead-letters")
        done = await playing.post("/dead-letters/discard")
        assert done["said"] == "Discarded 0\u00a0dead letters.", "without numbers it does nothing"


async def test_without_a_queue_that_keeps_them_the_page_says_how() -> None:
    async with stage() as playing:
        assert "No queue keeps dead letters" in text_of(await playing.get("/dead-letters"))


async def test_attempts_are_counted_as_the_file_says() -> None:
    """The queue itself makes some more attempts, which only bury."""
    async with stage(Around()) as playing:
        retry = {"max_attempts": 18, "min_backoff": {"seconds": 10}}
        await playing.queue(EMAILS, retry_config=retry)
        playing.otherwise = Answer(503)
        await playing.task("order-1", queue=EMAILS)
        await playing.engine.advance("1s")
        text = text_of(await playing.get("/queues/emails"))
        assert "1 of 8" in text
        assert "Attempts :10 8, over" in text
        assert "Dead letters :9 kept for 14 d" in text
        text = text_of(await playing.get("/queues/emails/tasks/order-1"))
        assert "Attempt 2 of 8 is" in text
        assert "If all fail, it becomes a dead letter at" in text


async def test_a_task_that_its_handler_buried_is_told_as_a_dead_letter() -> None:
    """Its last answer is 200, so that Cloud Tasks tries it no more."""
    body = f"{DEAD_LETTER}: PermanentError: no such address\n".encode()
    async with stage(Around()) as playing:
        await playing.queue(EMAILS)
        playing.answers = [Answer(200, excerpt=Excerpt(body=body))]
        await playing.task("order-1", queue=EMAILS)
        await playing.engine.advance("1s")
        text = text_of(await playing.get("/queues/emails/tasks/order-1"))
        assert "order-1 Dead letter" in text
        assert "It became a dead letter after one attempt, 1 s ago" in text
        assert "Attempt 1 Dead letter" in text
