"""The dashboard in a real Chromium: the whole walk, hostile tasks, and the keyboard alone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from queuewright.engine import Answer, Excerpt, SystemClock
from tests.dashboard.stage import QUEUE, Stage, stage

CHROMIUM = Path("/usr/bin/chromium")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not CHROMIUM.exists() and "CI" not in os.environ, reason="needs /usr/bin/chromium"
    ),
]

PATIENCE_MS = 15_000


@asynccontextmanager
async def opened() -> AsyncIterator[tuple[Stage, Browser]]:
    """A stage on the machine's time, and a browser."""
    async with stage(clock=SystemClock()) as playing, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield playing, browser
        finally:
            await browser.close()


async def new_page(browser: Browser, errors: list[str] | None = None) -> Page:
    page = await browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    found = errors if errors is not None else []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("dialog", lambda dialog: found.append(f"dialog {dialog.message}"))
    page.on(
        "console",
        lambda message: (
            found.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    return page


async def test_a_task_is_sent_fails_twice_and_succeeds_live_and_many_are_retried() -> None:
    async with opened() as (playing, browser):
        expect.set_options(timeout=PATIENCE_MS)
        await playing.queue(retry_config=_quick(8))
        playing.answers = [
            Answer(503, excerpt=Excerpt(body=b"the mail server is busy")),
            Answer(503),
        ]
        errors: list[str] = []
        page = await new_page(browser, errors)

        # Send from the form, and follow the task.
        await page.goto(f"{playing.base}/send?queue=emails")
        await page.get_by_label("URL").fill("https://handler.example/send")
        await page.get_by_label("Body", exact=True).fill('{"to": "ada@example.com"}')
        await page.get_by_role("button", name="Send and watch").click()
        await page.wait_for_url("**/queues/emails/tasks/*")
        await expect(page.locator(".title .badge")).to_have_text("Done")
        await expect(page.locator(".try b", has_text="Attempt 3")).to_be_visible()
        await expect(page.locator(".try")).to_contain_text("the mail server is busy")
        await expect(page.locator(".strip .x")).to_have_count(2)
        await expect(page.locator(".strip .k")).to_have_count(1)

        # Five tasks fail; the row changes while one looks, and new ones are announced.
        playing.otherwise = Answer(500)
        await playing.queue(retry_config=_slow())
        for number in range(5):
            await playing.task(f"order-{number}", b'{"kind": "receipt"}')
        await page.goto(f"{playing.base}/queues/emails?state=retrying&text=receipt")
        await expect(page.locator("tbody tr[data-row]")).to_have_count(5)
        await playing.task("late", b"receipt")
        await expect(page.locator(".fresh a")).to_contain_text("1 new task")

        # Retry all that match.
        playing.otherwise = Answer(200)
        await page.get_by_role("button", name="Retry…").click()
        dialog = page.locator("#dialog")
        await expect(dialog).to_contain_text("Retry 5 tasks now?")
        await expect(dialog.get_by_role("link", name="Cancel")).to_be_focused()
        await dialog.get_by_role("button", name="Retry 5").click()
        await expect(page.locator(".said")).to_contain_text("5 tasks sent again")
        await page.goto(f"{playing.base}/queues/emails?state=finished")
        await expect(page.locator("tbody tr[data-row]")).to_have_count(6)

        # Pause, and resume.
        await page.goto(f"{playing.base}/queues/emails")
        await page.get_by_role("button", name="Pause").click()
        await expect(page.locator(".title .badge")).to_have_text("Paused")
        await playing.task("waits")
        await expect(page.locator(".tabs a", has_text="due")).to_contain_text("1 due")
        await page.get_by_role("button", name="Resume").click()
        await expect(page.locator(".title .badge")).to_have_text("Running")
        await expect(page.locator(".tabs a", has_text="due")).to_contain_text("0 due")

        # Purge.
        await playing.pause()
        for _ in range(3):
            await playing.task()
        await page.goto(f"{playing.base}/queues/emails")
        await page.get_by_role("link", name="Purge").click()
        await expect(dialog).to_contain_text("tasks that wait are deleted for good")
        await dialog.get_by_label("Type").fill("emails")
        await dialog.get_by_role("button", name="Purge").click()
        await expect(page.locator(".said")).to_contain_text("Purged.")
        await expect(page.locator(".none")).to_contain_text("Nothing waits.")
        assert errors == []


async def test_a_script_in_a_task_does_not_run_and_another_site_changes_nothing() -> None:
    async with opened() as (playing, browser):
        expect.set_options(timeout=PATIENCE_MS)
        await playing.queue()
        hostile = "<script>alert(1)</script><img src=x onerror=alert(2)>"
        playing.otherwise = Answer(500, excerpt=Excerpt(body=hostile.encode()))
        await playing.task("evil", hostile.encode(), headers={"X-Note": hostile})
        errors: list[str] = []
        page = await new_page(browser, errors)
        for path in ("/tasks/evil", "/tasks/evil?view=headers", "", "?state=retrying"):
            await page.goto(f"{playing.base}/queues/emails{path}")
            await expect(page.get_by_role("button", name="Live")).to_be_visible()
        await page.goto(f"{playing.base}/queues/emails/tasks/evil")
        await expect(page.locator("#bodytext")).to_contain_text("<script>alert(1)</script>")
        assert errors == []

        # A page on another origin of this machine posts a form, as any web site can.
        site = await asyncio.start_server(_attack(playing.base), "127.0.0.1", 0)
        port = site.sockets[0].getsockname()[1]
        other = await browser.new_page()
        async with other.expect_response("**/queues/emails/pause") as response:
            await other.goto(f"http://localhost:{port}/")
        assert (await response.value).status == 403
        site.close()
        (facts,) = playing.engine.service.queue_facts(QUEUE)
        assert facts.config.state == 1, "it still runs"


async def test_everything_works_by_keyboard_alone() -> None:
    async with opened() as (playing, browser):
        expect.set_options(timeout=PATIENCE_MS)
        await playing.queue()
        await playing.pause()
        for number in range(3):
            await playing.task(f"order-{number}")
        page = await new_page(browser)
        await page.goto(playing.base)
        await page.keyboard.press("Tab")
        await expect(page.locator(":focus")).to_have_text("Skip to content")
        await expect(page.get_by_role("button", name="Live")).to_be_visible()
        await page.keyboard.press("j")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/queues/emails")
        await expect(page.get_by_role("button", name="Live")).to_be_visible()
        await page.keyboard.press("p")
        await expect(page.locator(".title .badge")).to_have_text("Running")
        await page.keyboard.press("p")
        await expect(page.locator(".title .badge")).to_have_text("Paused")
        await playing.task("another")
        await page.keyboard.press("/")
        await page.keyboard.type("another")
        await expect(page.locator("tbody tr[data-row]")).to_have_count(1)
        await page.keyboard.press("Tab")
        await page.keyboard.press("Escape")
        await page.locator("h1").focus()
        await page.keyboard.press("j")
        await page.keyboard.press("x")
        await expect(page.locator("[data-picked]")).to_have_text("1 selected")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/tasks/another")
        await expect(page.get_by_role("button", name="Live")).to_be_visible()
        await page.keyboard.press("r")
        await expect(page.locator(".title .badge")).to_have_text("Done")
        await page.keyboard.press("g")
        await page.keyboard.press("o")
        await page.wait_for_url(f"{playing.base}/")
        await page.keyboard.press("?")
        await expect(page.locator("#help")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.locator("#help")).not_to_be_visible()


async def test_ten_pages_of_one_browser_share_a_stream() -> None:
    async with opened() as (playing, browser):
        expect.set_options(timeout=PATIENCE_MS)
        await playing.queue()
        await playing.pause()
        context = await browser.new_context()
        pages = [await context.new_page() for _ in range(10)]
        for page in pages:
            await page.goto(playing.base)
            await expect(page.locator(".live")).to_have_text("Live")
        await playing.task()
        for page in pages:
            await expect(page.locator("[data-live='q/emails/due']").first).to_have_text("1")
        assert playing.dashboard._live.count < 6


def _quick(attempts: int) -> dict[str, object]:
    second = {"nanos": 200_000_000}
    return {"max_attempts": attempts, "min_backoff": second, "max_backoff": second}


def _slow() -> dict[str, object]:
    return {"max_attempts": 8, "min_backoff": {"seconds": 600}, "max_backoff": {"seconds": 600}}


def _attack(base: str):  # noqa: ANN202
    page = (
        f"<form id=f method=post action='{base}/queues/emails/pause'></form>"
        "<script>f.submit()</script>"
    )

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(page)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n{page}".encode())
        await writer.drain()
        writer.close()

    return answer
