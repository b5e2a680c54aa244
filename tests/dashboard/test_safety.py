"""The dashboard against foreign pages and hostile tasks."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest

import queuewright.dashboard
from queuewright.engine import Answer, Excerpt
from tests.dashboard.stage import QUEUE, stage

SCRIPT = "<script>alert(1)</script>\u202e<img src=x onerror=alert(2)>"
FOLDER = Path(queuewright.dashboard.__file__).parent


async def test_every_answer_has_the_policy_and_forbids_inline_scripts() -> None:
    async with stage() as playing:
        await playing.queue()
        await playing.task("t")
        for path in ("/", "/queues/emails", "/queues/emails/tasks/t", "/send", "/queues/none"):
            async with playing.client.get(playing.base + path) as response:
                policy = response.headers["Content-Security-Policy"]
                assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
                assert "unsafe" not in policy
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                page = await response.text()
            assert not re.search(r"<script(?![^>]*src=)", page), path
            assert not re.search(r"\s(style|on\w+)=", page), path


@pytest.mark.parametrize(
    ("headers", "kept"),
    [
        ({"Origin": "https://evil.example"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, True),
        ({"Host": "evil.example"}, True),
        ({}, False),
    ],
)
async def test_a_foreign_page_changes_nothing_even_with_the_token(
    headers: dict[str, str], kept: bool
) -> None:
    async with stage() as playing:
        await playing.queue()
        token = await playing.token() if kept else "guessed"
        async with playing.client.post(
            f"{playing.base}/queues/emails/pause", data={"token": token}, headers=headers
        ) as response:
            assert response.status == 403
        (facts,) = playing.engine.service.queue_facts(QUEUE)
        assert facts.config.state == 1, "it still runs"


async def test_the_token_alone_without_the_cookie_is_refused() -> None:
    async with stage() as playing:
        await playing.queue()
        token = await playing.token()
        playing.client.cookie_jar.clear()
        async with playing.client.post(
            f"{playing.base}/queues/emails/pause", data={"token": token}
        ) as response:
            assert response.status == 403


async def test_reading_changes_nothing() -> None:
    async with stage() as playing:
        await playing.queue()
        for path in ("pause", "purge", "retry", "delete"):
            async with playing.client.get(f"{playing.base}/queues/emails/{path}") as response:
                assert response.status in (404, 405), path


async def test_a_script_in_a_task_is_shown_as_text() -> None:
    async with stage() as playing:
        await playing.queue()
        playing.otherwise = Answer(500, excerpt=Excerpt(body=SCRIPT.encode()))
        await playing.task("t", SCRIPT.encode(), headers={"X-Note": "<b>bold</b>"})
        await playing.engine.advance("1s")
        for path in ("/", "/queues/emails", "/queues/emails/tasks/t", "/send?queue=emails&from=t"):
            page = await playing.get(path)
            assert "<script>alert" not in page, path
            assert "<img src=x" not in page, path
        page = await playing.get("/queues/emails/tasks/t")
        assert "&lt;script&gt;" in page
        assert "\\u202e" in page, "and what turns the text around is written out"
        headers = await playing.get("/queues/emails/tasks/t?view=headers")
        assert "&lt;b&gt;bold&lt;/b&gt;" in headers


async def test_a_script_in_the_address_is_shown_as_text() -> None:
    async with stage() as playing:
        await playing.queue()
        for path in (
            "/queues/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
            "/queues/emails?text=%3Cscript%3Ealert(1)%3C/script%3E",
            "/find?q=%3Cscript%3Ealert(1)",
            "/?said=%3Cscript%3Ealert(1)",
        ):
            async with playing.client.get(playing.base + path) as response:
                assert "<script>alert" not in await response.text(), path


def test_no_template_switches_the_escaping_off() -> None:
    for template in sorted((FOLDER / "templates").iterdir()):
        text = template.read_text(encoding="utf-8")
        assert "|safe" not in text.replace(" ", ""), template.name
        assert "autoescape" not in text, template.name


def test_the_script_builds_no_html() -> None:
    script = resources.files("queuewright.dashboard").joinpath("static/dashboard.js").read_text()
    for banned in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert banned not in script, banned


def test_nothing_is_loaded_from_elsewhere() -> None:
    for file in [*(FOLDER / "static").iterdir(), *(FOLDER / "templates").iterdir()]:
        text = file.read_text(encoding="utf-8")
        assert set(re.findall(r"https?://[\w.]+", text)) <= {
            "http://www.w3.org",
            "https://example.com",
        }, file.name


def test_the_first_view_is_light() -> None:
    size = sum(file.stat().st_size for file in (FOLDER / "static").iterdir())
    assert size < 45_000
