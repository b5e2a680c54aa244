"""The dashboard of an environment: its handlers, their lines, and what was done there."""

from __future__ import annotations

import asyncio
import os
import re
import signal

import pytest
from aiohttp import ClientSession, CookieJar

from queuewright.local.environment import Environment
from tests.dashboard.stage import text_of
from tests.local.conftest import PATIENCE_S, Output, Project, Up
from tests.local.test_environment import add
from tests.local.test_held_handlers import SPEC


async def page(environment: Environment, path: str) -> str:
    async with (
        ClientSession(cookie_jar=CookieJar(unsafe=True)) as client,
        client.get(f"http://{environment.http_address}{path}") as response,
    ):
        return text_of(await response.text())


@pytest.fixture
def two(project: Project) -> Project:
    """Two handlers that serve."""
    project.service("mailer")
    project.service("postman")
    project.spec(SPEC)
    return project


@pytest.mark.usefixtures("two")
async def test_a_handler_shows_its_version_and_the_lines_it_printed(up: Up, output: Output) -> None:
    environment = await up()
    text = await page(environment, "/")
    version = environment.handlers.places["mailer"].story.version
    assert re.fullmatch("[0-9a-f]{7}", version)
    assert f"mailer service Healthy {version}" in text
    assert "emails mailer /send Running" in text
    await add(environment, "hello")
    await output.line_with("got /send hello")
    text = await page(environment, "/handlers/mailer")
    assert "got /send hello" in text
    assert f"Version {version}" in text


@pytest.mark.usefixtures("two")
async def test_a_handler_whose_process_was_killed_counts_a_restart(up: Up, output: Output) -> None:
    environment = await up()
    place = environment.handlers.places["mailer"]
    os.kill(place.process.pid, signal.SIGKILL)  # type: ignore[attr-defined]
    await output.line_with("serves again")
    text = await page(environment, "/handlers/mailer")
    assert "Healthy" in text
    assert "Restarts 1" in text
    assert "its process ended" in text


async def test_a_handler_that_has_not_started_is_shown_with_its_error(
    project: Project, up: Up
) -> None:
    project.service("mailer", "raise SystemExit('cannot work')")
    project.service("postman")
    project.spec(SPEC)
    environment = await up()
    text = await page(environment, "/")
    assert "Not started mailer has not started; its tasks wait." in text
    assert "ended before it served" in text
    assert "Held mailer has not started" in text


async def test_an_edit_gives_another_version(two: Project, up: Up, output: Output) -> None:
    environment = await up()
    before = environment.handlers.places["mailer"].story.version
    file = next((two.root / "handlers" / "mailer").glob("*.py"))
    file.write_text(file.read_text(encoding="utf-8") + "\n# edited\n", encoding="utf-8")
    await output.line_with("reloaded")
    async with asyncio.timeout(PATIENCE_S):
        text = await page(environment, "/")
    after = environment.handlers.places["mailer"].story.version
    assert before != after
    assert re.search(rf"mailer service Healthy {after}", text)


@pytest.mark.usefixtures("two")
async def test_what_is_done_on_the_dashboard_is_printed(up: Up, output: Output) -> None:
    environment = await up()
    base = f"http://{environment.http_address}"
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as client:
        async with client.get(f"{base}/send") as response:
            found = re.search(r'name="token" value="([^"]+)"', await response.text())
        assert found is not None
        async with client.post(f"{base}/queues/emails/pause", data={"token": found[1]}) as response:
            assert response.status == 200
    await output.line_with("dashboard: paused emails")
