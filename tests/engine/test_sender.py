"""The bytes that the sender sends and accepts, against a server on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from queuewright.engine import Answer, Excerpt, NoAnswerError, OutgoingRequest
from queuewright.engine.dispatch.http.http_sender import HttpSender
from queuewright.engine.rules.excerpt import MAX_BODY_BYTES


class Wire:
    """A server that keeps what it receives and answers with fixed bytes."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.received = b""
        self.connections = 0
        self.breaks_off = answer.endswith(b"\r\n") and b"\r\n\r\n" not in answer
        self.heard = asyncio.Event()
        self.closed = asyncio.Event()
        self.later: bytes | None = None
        """What is answered from the second request on."""
        self.is_split = False
        self.port = 0
        self.tasks: list[asyncio.Task[None]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self.tasks.append(task)
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                self.received += data
                self.heard.set()
                size = 1 if self.is_split else len(self.answer) or 1
                for begin in range(0, len(self.answer), size):
                    writer.write(self.answer[begin : begin + size])
                    await asyncio.sleep(0)
                await writer.drain()
                self.answer = self.answer if self.later is None else self.later
                if self.breaks_off:
                    break
        writer.close()
        self.closed.set()


@asynccontextmanager
async def wire(
    answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
) -> AsyncIterator[tuple[Wire, HttpSender]]:
    server_side, sender = Wire(answer), HttpSender()
    server = await asyncio.start_server(server_side.serve, "127.0.0.1", 0)
    server_side.port = server.sockets[0].getsockname()[1]
    try:
        yield server_side, sender
    finally:
        await sender.close()
        await asyncio.gather(*server_side.tasks)
        server.close()
        await server.wait_closed()


def request(port: int, method: str = "POST", path: str = "/", **fields: object) -> OutgoingRequest:
    headers = fields.get("headers", ())
    body = fields.get("body", b"")
    return OutgoingRequest(method, f"http://127.0.0.1:{port}{path}", headers, body)  # type: ignore[arg-type]


async def test_nothing_is_added_to_a_request() -> None:
    async with wire() as (server, sender):
        headers = (("x-MIXED-Case", "a"), ("User-Agent", "Google-Cloud-Tasks"))
        await sender.send(request(server.port, headers=headers, body=b"hello"))
        head, _, body = server.received.partition(b"\r\n\r\n")
        assert head.split(b"\r\n") == [
            b"POST / HTTP/1.1",
            f"Host: 127.0.0.1:{server.port}".encode(),
            b"x-MIXED-Case: a",
            b"User-Agent: Google-Cloud-Tasks",
            b"Content-Length: 5",
        ]
        assert body == b"hello"


async def test_a_post_without_a_body_says_that_its_length_is_zero() -> None:
    async with wire() as (server, sender):
        await sender.send(request(server.port))
        assert b"Content-Length: 0\r\n" in server.received
        assert b"Content-Type" not in server.received


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS", "PUT", "PATCH"])
async def test_every_method_is_sent_as_it_is(method: str) -> None:
    async with wire() as (server, sender):
        answer = await sender.send(request(server.port, method))
        assert answer == Answer(200)
        assert server.received.startswith(method.encode() + b" / HTTP/1.1\r\n")


@pytest.mark.parametrize("path", ["/%zz?a=%", "/a%2Fb//c/../d?x=1&x=2", "/%C3%BC?q=%20+"])
async def test_the_url_is_not_tidied_up(path: str) -> None:
    async with wire() as (server, sender):
        await sender.send(request(server.port, path=path))
        assert server.received.startswith(f"POST {path} HTTP/1.1\r\n".encode())


async def test_a_connection_is_used_again() -> None:
    async with wire(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello") as (server, sender):
        for _ in range(3):
            await sender.send(request(server.port))
        assert server.connections == 1


async def test_a_cookie_of_one_task_is_not_sent_with_the_next() -> None:
    answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
    async with wire(answer) as (server, sender):
        for _ in range(2):  # by name: aiohttp keeps no cookies of addresses anyway
            url = f"http://localhost:{server.port}/"
            await sender.send(OutgoingRequest("POST", url, (), b""))
        assert server.received.count(b"POST") == 2
        assert b"Cookie" not in server.received


async def test_a_redirect_is_an_answer_like_any_other() -> None:
    answer = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    async with wire(answer) as (server, sender):
        assert (await sender.send(request(server.port))).status == 302
        assert server.received.count(b"POST") == 1


async def test_a_redirect_is_followed_if_that_is_asked_for() -> None:
    answer = b"HTTP/1.1 307 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    async with wire(answer) as (server, sender):
        asked = request(server.port)
        following = OutgoingRequest(asked.method, asked.url, (), b"", follow_redirects=True)
        with pytest.raises(NoAnswerError):
            await sender.send(following)
        assert b"POST /elsewhere HTTP/1.1" in server.received


async def test_retry_after_comes_with_the_answer() -> None:
    answer = b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"
    async with wire(answer) as (server, sender):
        assert await sender.send(request(server.port)) == Answer(503, "7")


@pytest.mark.parametrize("is_split", [False, True], ids=["whole", "byte by byte"])
async def test_the_beginning_of_an_answer_comes_with_it(is_split: bool) -> None:
    """With the headers that help; a cookie is a secret."""
    answer = (
        b"HTTP/1.1 500 No\r\nContent-Type: text/plain\r\nSet-Cookie: a=b\r\n"
        b"Content-Length: 15\r\n\r\nno such address"
    )
    async with wire(answer) as (server, sender):
        server.is_split = is_split
        for _ in range(2):  # the second one begins anew
            excerpt = (await sender.send(request(server.port))).excerpt
            assert excerpt == Excerpt(
                (("content-type", "text/plain"), ("content-length", "15")), b"no such address"
            )


async def test_a_long_answer_is_cut() -> None:
    """What is kept of it says so."""
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + b"0\r\n\r\n"
    async with wire(answer) as (server, sender):
        excerpt = (await sender.send(request(server.port))).excerpt
        assert excerpt == Excerpt((), b"x" * MAX_BODY_BYTES, is_cut=True)


async def test_a_long_header_does_no_harm() -> None:
    answer = b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 100_000 + b"\r\nContent-Length: 0\r\n\r\n"
    async with wire(answer) as (server, sender):
        assert await sender.send(request(server.port)) == Answer(200)


async def test_a_compressed_answer_that_is_none_does_no_harm() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nxyz"
    async with wire(answer) as (server, sender):
        assert await sender.send(request(server.port)) == Answer(200)


async def test_an_endless_answer_is_cut_off_and_still_counts() -> None:
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 40
    async with wire(answer) as (server, sender):
        assert await sender.send(request(server.port)) == Answer(200)
        await server.closed.wait()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"nonsense\r\n\r\n", "what came back is not HTTP: Bad status line"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "the response broke off"),
        (b"HTTP/1.1 200 OK\r\n", "the connection was closed before a response came"),
    ],
)
async def test_the_reason_for_no_answer_is_one_line(answer: bytes, why: str) -> None:
    async with wire(answer) as (server, sender):
        server.breaks_off = True
        with pytest.raises(NoAnswerError) as none:
            await sender.send(request(server.port))
        assert str(none.value) == why


async def test_https_to_a_plain_handler_asks_whether_it_is_http() -> None:
    async with wire(b"HTTP/1.1 400 Bad Request\r\n\r\n") as (server, sender):
        url = f"https://127.0.0.1:{server.port}/"
        with pytest.raises(NoAnswerError) as none:
            await sender.send(OutgoingRequest("POST", url, (), b""))
        said = str(none.value)
        assert said.startswith(f"no TLS with 127.0.0.1:{server.port}, is it http? (")


@pytest.mark.parametrize(
    "answer", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 abc x\r\n\r\n"]
)
async def test_a_malformed_answer_is_no_answer(answer: bytes) -> None:
    async with wire(answer) as (server, sender):
        with pytest.raises(NoAnswerError):
            await sender.send(request(server.port))


async def test_a_refused_connection_names_host_and_port() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        sender = HttpSender()
        with pytest.raises(NoAnswerError, match="connect") as none:
            await sender.send(request(port))
        assert str(none.value) == f"cannot connect to 127.0.0.1:{port}: connection refused"
        await sender.close()


@pytest.mark.parametrize(
    "url", ["http://", "http://[::1", "http://a b/", "http://h:99999/", "http://" + "x" * 300]
)
async def test_a_url_that_leads_nowhere_is_no_answer(url: str) -> None:
    sender = HttpSender()
    with pytest.raises(NoAnswerError):
        await sender.send(OutgoingRequest("POST", url, (), b""))
    await sender.close()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", Answer(204)),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", Answer(304)),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", Answer(200)),
        (b"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc", Answer(200)),
        (
            b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\n 2\r\nContent-Length: 0\r\n\r\n",
            Answer(503, "1 2"),
        ),
        (
            b"HTTP/1.1 503 A\r\nretry-after: 1\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n",
            Answer(503, "1"),
        ),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nRetry-After: 1\r\n\r\n"
            b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
            Answer(201),
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3;a=b\r\nabc\r\n0\r\nRetry-After: 1\r\n\r\n",
            Answer(200),
        ),
    ],
    ids=["204", "304", "no reason", "LF", "folded", "repeated", "interim", "chunks and a trailer"],
)
@pytest.mark.parametrize("is_split", [False, True], ids=["whole", "byte by byte"])
async def test_an_answer_is_read_to_its_end(
    answer: bytes, expected: Answer, is_split: bool
) -> None:
    async with wire(answer) as (server, sender):
        server.is_split = is_split
        for _ in range(2):
            assert await sender.send(request(server.port, body=b"x")) == expected
        assert server.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc",
    ],
)
async def test_a_body_without_a_length_ends_with_the_connection(answer: bytes) -> None:
    async with wire(answer) as (server, sender):
        server.breaks_off = True
        for _ in range(2):
            assert await sender.send(request(server.port)) == Answer(200)
        assert server.connections == 2


@pytest.mark.parametrize(
    "head", [b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Connection: close"]
)
async def test_no_body_is_awaited_after_a_head_request(head: bytes) -> None:
    async with wire(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n") as (server, sender):
        for _ in range(2):
            assert await sender.send(request(server.port, "HEAD")) == Answer(200)


async def test_a_switch_of_protocols_is_an_answer() -> None:
    answer = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nabc"
    async with wire(answer) as (server, sender):
        assert await sender.send(request(server.port)) == Answer(101)
        await server.closed.wait()


@pytest.mark.parametrize(
    ("begin", "part"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"A: " + b"a" * 65_536 + b"\r\n"),
        (b"", b"HTTP/1.1 103 Early Hints\r\nA: " + b"a" * 65_536 + b"\r\n\r\n"),
    ],
    ids=["headers", "interim answers"],
)
async def test_headers_without_end_are_cut_off(begin: bytes, part: bytes) -> None:
    async with wire(begin + part * 20) as (server, sender):
        with pytest.raises(NoAnswerError) as none:
            await sender.send(request(server.port))
        assert str(none.value) == "the response's headers are longer than 1,048,576 bytes"
        await server.closed.wait()


async def test_trailers_without_end_are_cut_off_and_the_answer_counts() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    async with wire(head + (b"A: " + b"a" * 65_536 + b"\r\n") * 20) as (server, sender):
        assert await sender.send(request(server.port)) == Answer(200)
        await server.closed.wait()


@pytest.mark.parametrize("name", ["A\r\nB", "A\nB", "A"])
@pytest.mark.parametrize("value", ["x\r\ny: z", "x\ny", "x\ry", "x\0y", "\ud800"])
async def test_a_header_can_add_no_other_header(name: str, value: str) -> None:
    async with wire() as (server, sender):
        with pytest.raises(NoAnswerError, match="the request could not be made: a header"):
            await sender.send(request(server.port, headers=((name, value),)))
        assert server.received == b""


async def test_a_urls_user_and_password_are_sent_unless_the_task_has_credentials() -> None:
    async with wire() as (server, sender):
        url = f"http://ada:pa%20ss@127.0.0.1:{server.port}/"
        await sender.send(OutgoingRequest("POST", url, (), b""))
        assert b"\r\nAuthorization: Basic YWRhOnBhIHNz\r\n" in server.received
        server.received = b""
        await sender.send(OutgoingRequest("POST", url, (("authorization", "Bearer x"),), b""))
        assert server.received.lower().count(b"authorization") == 1


async def test_a_host_may_be_an_ipv6_address() -> None:
    server_side, sender = Wire(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), HttpSender()
    try:
        server = await asyncio.start_server(server_side.serve, "::1", 0)
    except OSError:
        pytest.skip("this machine has no IPv6")
    port = server.sockets[0].getsockname()[1]
    await sender.send(OutgoingRequest("POST", f"http://[::1]:{port}/x?", (), b""))
    assert server_side.received.startswith(f"POST /x HTTP/1.1\r\nHost: [::1]:{port}\r\n".encode())
    await sender.close()
    await asyncio.gather(*server_side.tasks)
    server.close()


def redirect(status: int, location: str) -> bytes:
    return (
        f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def following(port: int, method: str = "POST") -> OutgoingRequest:
    headers = (("Content-Type", "a/b"), ("Authorization", "Bearer x"), ("X-A", "b"))
    url = f"http://127.0.0.1:{port}/a?b"
    return OutgoingRequest(method, url, headers, b"body", follow_redirects=True)


async def test_a_redirect_loop_is_reported_in_a_line() -> None:
    async with wire(redirect(307, "/elsewhere")) as (server, sender):
        with pytest.raises(NoAnswerError) as none:
            await sender.send(following(server.port))
        url = f"http://127.0.0.1:{server.port}/elsewhere"
        assert str(none.value) == f"more than 10 redirects, the last to {url}"
        assert server.received.count(b"POST /elsewhere ") == 10


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (302, "PUT", "PUT"),
        (303, "PUT", "GET"),
        (303, "HEAD", "HEAD"),
        (307, "POST", "POST"),
        (308, "DELETE", "DELETE"),
    ],
)
async def test_a_redirect_keeps_method_and_body_where_the_standard_says_so(
    status: int, method: str, then: str
) -> None:
    async with wire(redirect(status, "?c")) as (server, sender):
        server.later = b"HTTP/1.1 200 OK\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n"
        assert await sender.send(following(server.port, method)) == Answer(200, "3")
        second = server.received[server.received.index(f"{then} /a?c ".encode()) :]
        assert second.count(b"HTTP/1.1") == 1
        is_kept = then != "GET"
        assert second.endswith(b"\r\n\r\nbody") is is_kept
        assert (b"Content-Type" in second) is is_kept
        assert b"Authorization: Bearer x" in second


async def test_a_redirect_to_another_server_takes_no_credentials_along() -> None:
    async with wire() as (other, sender), wire(redirect(307, "x")) as (server, _):
        server.answer = redirect(307, f"http://127.0.0.1:{other.port}/\u00fc x")
        assert await sender.send(following(server.port)) == Answer(200)
        assert other.received.startswith(b"POST /%C3%BC%20x HTTP/1.1\r\n")
        assert b"Bearer" not in other.received
        assert b"X-A: b" in other.received


@pytest.mark.parametrize("location", ["ftp://h/", "http://:80/", "http://[", "http://h:x/"])
async def test_a_redirect_that_leads_nowhere_is_no_answer(location: str) -> None:
    async with wire(redirect(307, location)) as (server, sender):
        with pytest.raises(NoAnswerError, match="not valid: "):
            await sender.send(following(server.port))


async def test_a_redirect_without_a_location_is_the_answer() -> None:
    async with wire(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n") as (server, sender):
        assert await sender.send(following(server.port)) == Answer(302)


async def test_cancelling_closes_the_connection() -> None:
    async with wire(b"") as (server, sender):
        sending = asyncio.create_task(sender.send(request(server.port, body=b"x")))
        await server.heard.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await server.closed.wait()
