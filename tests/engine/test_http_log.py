"""Malformed HTTP requests are answered and logged as one line."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest
from aiohttp import web

from queuewright.engine import Engine
from queuewright.engine.api.http_log import LOGGER


async def answered(port: int, request: bytes) -> bytes:
    """The first line of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return line


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (b"GET / HTTP/9.9x\r\n\r\n", "refused: Bad status line"),
        (
            b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
            "refused: Invalid character in Content-Length",
        ),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", "refused: Got more than"),
        (
            b"POST /v2/projects/p/locations/l/queues HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
            "refused: Can not decode content-encoding: gzip",
        ),
    ],
)
async def test_a_malformed_request_is_logged_as_one_line(
    request_: bytes, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller made the mistake and gets the answer."""
    engine = Engine()
    port = await engine.serve_http(port=0)
    assert b" 400 " in await answered(port, request_)
    await engine.stop()
    (record,) = caplog.records
    assert record.getMessage().startswith("a malformed HTTP request was refused: ")
    assert said in record.getMessage()
    assert "\n" not in logging.Formatter().format(record)
    assert record.levelname == "WARNING"


async def body(port: int, request: bytes) -> dict[str, object]:
    """The answer's JSON."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    answer: dict[str, object] = json.loads(await reader.readexactly(length))
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.mark.parametrize(
    ("request_", "code", "status", "said"),
    [
        (
            b"GET /v2/" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
            *(400, "INVALID_ARGUMENT"),
            "Malformed HTTP request: the request line or a header has more than 8,190 bytes.",
        ),
        (
            b"GET /v2/x HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 9_000 + b"\r\n\r\n",
            *(400, "INVALID_ARGUMENT"),
            "Malformed HTTP request: the request line or a header has more than 8,190 bytes.",
        ),
        (
            b"GET /v2/x HTTP/1.1\r\nHost: localhost\r\n" + b"X: a\r\n" * 20_000 + b"\r\n",
            *(400, "INVALID_ARGUMENT"),
            "Malformed HTTP request: Too many headers received.",
        ),
        (
            b"CONNECT a:1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
            *(404, "NOT_FOUND"),
            "Method not found: CONNECT ",
        ),
    ],
)
async def test_a_request_that_cannot_be_read_is_answered_in_googles_envelope(
    request_: bytes, code: int, status: str, said: str
) -> None:
    """Google's clients read JSON."""
    engine = Engine()
    port = await engine.serve_http(port=0)
    expected = {"error": {"code": code, "message": said, "status": status}}
    assert await body(port, request_) == expected
    await engine.stop()


async def test_a_bug_behind_a_listener_keeps_its_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A bug is logged in full."""

    async def broken(_: web.BaseRequest) -> web.Response:
        raise RuntimeError("a bug")

    runner = web.ServerRunner(web.Server(broken, access_log=None, logger=LOGGER))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    assert await answered(port, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") == (
        b"HTTP/1.1 500 Internal Server Error\r\n"
    )
    await runner.cleanup()
    assert "RuntimeError: a bug" in caplog.text
