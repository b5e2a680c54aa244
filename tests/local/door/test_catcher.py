"""What does not run here is caught: answered, shown, and never sent."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from queuewright.local.door.catcher import Catcher


@pytest.fixture
def caught() -> list[str]:
    return []


@pytest.fixture
async def catcher(caught: list[str]) -> AsyncIterator[Catcher]:
    async with Catcher.listen("https://partner.example", on_caught=caught.append) as catcher:
        yield catcher


async def send(catcher: Catcher, body: bytes, **headers: str) -> int:
    url = f"{catcher.url}/hooks?key=1"
    skip = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")
    async with (
        aiohttp.ClientSession(skip_auto_headers=skip) as client,
        client.post(url, data=body, headers=headers) as answer,
    ):
        return answer.status


async def test_a_caught_request_is_answered_with_200_and_shown(
    catcher: Catcher, caught: list[str]
) -> None:
    """The URL is the partner's, and the token is cut short."""
    headers = {"X-Key": "abc", "Authorization": "Bearer eyJhbGciOiJSUzI1NiJ9.x.y"}
    assert await send(catcher, b'{"order":\n 1815}', **headers) == 200
    assert caught == [
        "not sent: POST https://partner.example/hooks?key=1\n"
        "  X-Key: abc\n"
        "  Authorization: Bearer eyJhbGciOiJS…\n"
        '  {"order": 1815}'
    ]


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"x" * 1000, f"{'x' * 300}… (1,000 bytes)"),
        (b"\xff\xd8\xff", "3 bytes of binary data"),
    ],
)
async def test_a_body_is_shown_in_one_short_line(
    catcher: Catcher, caught: list[str], body: bytes, shown: str
) -> None:
    """Whatever its length and content."""
    await send(catcher, body)
    assert caught[0].splitlines()[-1] == f"  {shown}"


async def test_a_task_of_the_largest_size_is_caught(catcher: Catcher) -> None:
    """1 MiB."""
    assert await send(catcher, b"x" * 1024 * 1024) == 200


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Host": "rebound.evil.example"}]
)
async def test_a_foreign_page_is_not_caught(
    catcher: Catcher, caught: list[str], headers: dict[str, str]
) -> None:
    """What it sends is not printed as a task."""
    assert await send(catcher, b"{}", **headers) == 403
    assert caught[0].startswith("403: ")
