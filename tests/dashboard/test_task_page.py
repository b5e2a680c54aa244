"""A task's page: the story of its attempts, its body, and what one does to it."""

from __future__ import annotations

import base64
import json

from queuewright.engine import Answer, Excerpt, NoAnswerError
from tests.dashboard.stage import QUEUE, URL, stage, text_of

TASK = "/queues/emails/tasks/order-1"
GIF = b"GIF89a" + bytes(range(90))


async def test_the_page_tells_what_failed_why_and_when_the_next_attempt_is() -> None:
    async with stage() as playing:
        await playing.queue()
        excerpt = Excerpt(body=b"not sent: connection refused")
        playing.otherwise = Answer(503, excerpt=excerpt)
        await playing.task("order-1", b"{}")
        await playing.engine.advance("11s")
        text = text_of(await playing.get(TASK))
        assert "Retrying" in text
        assert (
            "Two attempts failed: 503 not sent: connection refused. Attempt 3 of 4 is in 19 s ."
            in text
        )
        assert "Attempts 2 of 4 Attempt 3 in 19 s" in text
        assert "waits 20 s: 10 s × 2, at most 5 m" in text
        assert "Attempt 2 503 Service Unavailable" in text
        assert "answer not sent: connection refused" in text
        assert "waited 10 s, the first wait" in text
        assert "due at once" in text


async def test_the_last_failure_says_when_it_is_given_up_and_then_that_it_was() -> None:
    async with stage() as playing:
        await playing.queue()
        playing.otherwise = Answer(500)
        await playing.task("order-1")
        await playing.engine.advance("1s")
        assert "If all fail, it is given up at" in text_of(await playing.get(TASK))
        await playing.engine.advance("2m")
        text = text_of(await playing.get(TASK))
        assert "Gave up" in text
        assert "Given up after four attempts: 500 Internal Server Error." in text
        assert "Attempts 4 of 4" in text
        assert "Try now" not in text


async def test_a_success_after_a_failure_is_on_the_timeline() -> None:
    async with stage() as playing:
        await playing.queue()
        playing.answers = [Answer(503)]
        await playing.task("order-1", b"hello")
        await playing.engine.advance("11s")
        page = await playing.get(TASK)
        text = text_of(page)
        assert "Done at attempt 2, 1 s ago" in text
        assert page.count('class="k"') == 1, "a tick on the strip"
        assert page.count('class="x"') == 1, "a cross on the strip"
        assert "hello" in text, "the history keeps its body"


async def test_a_running_attempt_is_told_with_its_age() -> None:
    async with stage() as playing:
        await playing.queue()
        playing.takes = "30s"
        await playing.task("order-1")
        await playing.engine.advance("4s")
        text = text_of(await playing.get(TASK))
        assert "Attempt 1 of 4 has been running for 4 s" in text


async def test_a_handler_that_is_not_reached_is_told_in_its_words() -> None:
    async with stage() as playing:
        await playing.queue()

        async def refuse(_: object) -> Answer:
            raise NoAnswerError("connection refused by 127.0.0.1:1")

        playing.engine._sender._handler = refuse  # type: ignore[attr-defined]
        await playing.task("order-1")
        await playing.engine.advance("1s")
        text = text_of(await playing.get(TASK))
        assert "One attempt failed: connection refused by 127.0.0.1:1." in text


async def test_json_is_indented_and_keeps_its_numbers() -> None:
    async with stage() as playing:
        await playing.queue()
        await playing.pause()
        await playing.task("order-1", b'{"amount":12.50,"big":12345678901234567890,"to":["a","b"]}')
        page = await playing.get(TASK)
        assert "  &#34;amount&#34;: 12.50,\n  &#34;big&#34;: 12345678901234567890,\n" in page
        assert "{&#34;amount&#34;:12.50" in await playing.get(f"{TASK}?view=text")
        assert "7b 22 61 6d" in await playing.get(f"{TASK}?view=hex")


async def test_a_picture_is_shown_from_its_own_address_in_a_sandbox() -> None:
    async with stage() as playing:
        await playing.queue()
        await playing.pause()
        await playing.task("order-1", GIF)
        assert f'src="{TASK}/body"' in await playing.get(TASK)
        async with playing.client.get(f"{playing.base}{TASK}/body") as response:
            assert await response.read() == GIF
            assert response.headers["Content-Type"] == "image/gif"
            assert response.headers["Content-Security-Policy"].startswith("sandbox;")
            assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_picture_within_json_is_shown_below_it() -> None:
    async with stage() as playing:
        await playing.queue()
        await playing.pause()
        body = json.dumps({"files": [{"base64": base64.b64encode(GIF).decode()}]}).encode()
        await playing.task("order-1", body)
        assert "files[0].base64, image/gif, 96 bytes" in await playing.get(TASK)
        async with playing.client.get(f"{playing.base}{TASK}/body/1") as response:
            assert await response.read() == GIF
        await playing.get(f"{TASK}/body/2", 404)


async def test_anything_else_is_only_downloaded() -> None:
    async with stage() as playing:
        await playing.queue()
        await playing.pause()
        await playing.task("order-1", b"<svg onload='alert(1)'/>")
        async with playing.client.get(f"{playing.base}{TASK}/body") as response:
            assert response.headers["Content-Type"] == "application/octet-stream"
            assert response.headers["Content-Disposition"].startswith("attachment")


async def test_a_large_body_is_cut_and_a_long_blob_shortened() -> None:
    async with stage() as playing:
        await playing.queue()
        await playing.pause()
        await playing.task("order-1", b"x" * 90_000)
        page = await playing.get(TASK)
        assert len(page) < 150_000
        assert "90,000 bytes, of which the beginning is shown" in text_of(page)
        await playing.task("order-2", json.dumps({"blob": "A" * 5000}).encode())
        assert "5,000 characters" in await playing.get(TASK.replace("order-1", "order-2"))


async def test_secrets_among_headers_are_masked() -> None:
    async with stage() as playing:
        await playing.queue()
        await playing.pause()
        headers = {"X-Api-Key": "s3cret-value", "X-Kind": "mail", "Authorization": "Bearer s3cret"}
        await playing.task("order-1", b"", headers=headers)
        page = await playing.get(f"{TASK}?view=headers")
        assert "s3cret" not in page
        assert "mail" in page
        assert "s3cret" not in await playing.get("/send?queue=emails&from=order-1")


async def test_try_now_sends_a_task_of_a_paused_queue() -> None:
    async with stage() as playing:
        await playing.queue()
        await playing.pause()
        await playing.task("order-1")
        assert (await playing.post(f"{TASK}/run"))["said"] == "Sent."
        await playing.engine.advance("1s")
        assert "Done at the first attempt" in text_of(await playing.get(TASK))
        refused = await playing.post(f"{TASK}/run", 400)
        assert "The task no longer exists" in refused["error"]


async def test_a_deleted_task_is_told_as_deleted() -> None:
    async with stage() as playing:
        await playing.queue()
        await playing.pause()
        await playing.task("order-1")
        assert "order-1 is gone for good" in text_of(await playing.get(f"{TASK}/confirm"))
        await playing.post(f"{TASK}/delete")
        assert "Deleted before any attempt" in text_of(await playing.get(TASK))


async def test_a_task_that_never_was_is_not_found() -> None:
    async with stage() as playing:
        await playing.queue()
        assert "There is no task `order-1`" in text_of(await playing.get(TASK, 404))


async def test_a_form_sends_a_task_and_leads_to_its_page() -> None:
    async with stage() as playing:
        await playing.queue()
        await playing.pause()
        fields = {"queue": "emails", "url": URL, "body": '{"to": 1}', "when": "in", "delay": "10m"}
        done = await playing.post("/send", id="sent", headers="X-Kind: mail", **fields)
        assert done["href"] == "/queues/emails/tasks/sent"
        facts = playing.engine.service.task_facts(f"{QUEUE}/tasks/sent")
        assert facts is not None
        assert facts.state == "scheduled"
        assert facts.body == b'{"to": 1}'
        headers = dict(facts.content.http_request.headers)
        assert headers["X-Kind"] == "mail"
        assert headers["Content-Type"] == "application/json"


async def test_a_mistake_in_the_form_is_told_and_keeps_what_was_typed() -> None:
    async with stage() as playing:
        await playing.queue()
        fields = {
            "token": await playing.token(),
            "queue": "emails",
            "url": URL,
            "body": "{not json",
        }
        more = {"headers": "Content-Type: application/json"}
        async with playing.client.post(f"{playing.base}/send", data=fields | more) as response:
            page = await response.text()
            assert response.status == 400
        assert "The body is not JSON" in text_of(page)
        assert "{not json" in page


async def test_a_past_task_fills_the_form() -> None:
    async with stage() as playing:
        await playing.queue()
        await playing.task("order-1", b'{"to": "ada"}', headers={"X-Kind": "mail"})
        await playing.engine.advance("1s")
        page = await playing.get("/send?queue=emails&from=order-1")
        assert "&#34;to&#34;: &#34;ada&#34;" in page
        assert "X-Kind: mail" in page
        assert "done 1\u00a0s\u00a0ago" in page
