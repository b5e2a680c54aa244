"""Which connection a request uses, and what happens when its server closes it.

Tests run on asyncio's event loop and on uvloop, which `queuewright up` uses.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from queuewright.engine import Answer, NoAnswerError, OutgoingRequest
from queuewright.engine.dispatch.http.destination import Origin
from queuewright.engine.dispatch.http.http_sender import HttpSender
from queuewright.engine.dispatch.http.pool import ConnectionPool
from queuewright.engine.dispatch.http.resolver import Resolver

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
RESET = b"reset"
CLOSE = b"close"
SILENCE = b""


def on_both_loops(test: Callable[[], Awaitable[None]]) -> Callable[[Callable], None]:
    """Run a test without fixtures on both event loops."""

    @pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
    def run(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(test())

    return run


class Server:
    """Answers each connection with a list of its own: bytes, `CLOSE` or `RESET`, then `OK`."""

    def __init__(self, *connections: list[bytes]) -> None:
        self.scripts = list(connections)
        self.requests: list[list[bytes]] = []
        """What came on each connection."""
        self.heard = asyncio.Event()
        self.closed: list[asyncio.Event] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.append(task)
        script = self.scripts.pop(0) if self.scripts else []
        requests: list[bytes] = []
        closed = asyncio.Event()
        self.requests.append(requests)
        self.closed.append(closed)
        self.writers.append(writer)
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                requests.append(data)
                self.heard.set()
                answer = script.pop(0) if script else OK
                if answer == RESET:
                    linger = struct.pack("ii", 1, 0)
                    sock = writer.get_extra_info("socket")
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                if answer in (RESET, CLOSE):
                    break
                writer.write(answer)
                await writer.drain()
        writer.close()
        closed.set()


@asynccontextmanager
async def serving(
    server: Server, certificate: ssl.SSLContext | None = None, **sending: object
) -> AsyncIterator[HttpSender]:
    sender = HttpSender(**sending)  # type: ignore[arg-type]
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=certificate)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield sender
    finally:
        await sender.close()
        await asyncio.gather(*server.tasks)
        listening.close()


def post(server: Server, host: str = "127.0.0.1", scheme: str = "http") -> OutgoingRequest:
    return OutgoingRequest("POST", f"{scheme}://{host}:{server.port}/", (), b"task")


def counts(server: Server) -> list[int]:
    """How many requests came on each connection."""
    return [len(requests) for requests in server.requests]


def descriptors() -> int:
    """How many this process has open; 0 where the system does not say."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


@on_both_loops
async def test_a_connection_takes_one_request_after_another() -> None:
    server = Server()
    async with serving(server) as sender:
        for _ in range(5):
            await sender.send(post(server))
        assert counts(server) == [5]


@on_both_loops
async def test_requests_at_one_time_have_connections_of_their_own() -> None:
    server = Server()
    async with serving(server) as sender:
        await asyncio.gather(*(sender.send(post(server)) for _ in range(5)))
        assert counts(server) == [1] * 5


@on_both_loops
async def test_an_idle_connection_is_given_up_before_its_server_does_that() -> None:
    server = Server()
    async with serving(server, idle_limit_s=0) as sender:
        await sender.send(post(server))
        await server.closed[0].wait()
        await sender.send(post(server))
        assert counts(server) == [1, 1]


@on_both_loops
async def test_a_connection_that_its_server_has_closed_is_not_used_again() -> None:
    server = Server()
    async with serving(server) as sender:
        await sender.send(post(server))
        server.writers[0].close()
        await server.closed[0].wait()
        await sender.send(post(server))
        assert counts(server) == [1, 1]


@pytest.mark.parametrize("end", [RESET, CLOSE])
def test_a_request_that_meets_a_closing_connection_is_sent_again(end: bytes) -> None:
    async def meet() -> None:
        server = Server([OK, end])
        async with serving(server) as sender:
            assert await sender.send(post(server)) == Answer(200)
            assert await sender.send(post(server)) == Answer(200)
            assert counts(server) == [2, 1]

    for new_loop in (asyncio.new_event_loop, uvloop.new_event_loop):
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(meet())


@on_both_loops
async def test_a_request_is_sent_again_only_once() -> None:
    server = Server([OK, RESET], [RESET])
    async with serving(server) as sender:
        await sender.send(post(server))
        with pytest.raises(NoAnswerError, match="connection reset by peer"):
            await sender.send(post(server))
        assert counts(server) == [2, 1]


@on_both_loops
async def test_a_request_whose_answer_has_begun_is_not_sent_again() -> None:
    server = Server([OK, b"HTTP/1.1 2"])
    async with serving(server) as sender:
        await sender.send(post(server))
        server.heard.clear()
        sending = asyncio.create_task(sender.send(post(server)))
        await server.heard.wait()
        server.writers[0].close()
        with pytest.raises(NoAnswerError, match="closed before a response came"):
            await sending
        assert counts(server) == [2]


@on_both_loops
async def test_a_connection_that_is_closed_before_the_request_is_no_answer() -> None:
    pool, server = ConnectionPool(), Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    connection = await pool.open(Origin("http", "127.0.0.1", port))
    connection.abort()
    await connection.closed
    with pytest.raises(NoAnswerError, match="closed before a response came"):
        await connection.ask(b"GET / HTTP/1.1\r\n\r\n", is_head=False)
    await pool.close()
    await asyncio.gather(*server.tasks)
    listening.close()


@on_both_loops
async def test_on_a_new_connection_a_reset_is_no_answer() -> None:
    server = Server([RESET])
    async with serving(server) as sender:
        with pytest.raises(NoAnswerError, match="connection reset by peer"):
            await sender.send(post(server))
        assert counts(server) == [1]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        OK + b"more",
        OK + OK,
    ],
    ids=["close", "HTTP/1.0", "more than the answer", "two answers"],
)
async def test_after_these_answers_a_connection_is_closed(answer: bytes) -> None:
    server = Server([answer])
    async with serving(server) as sender:
        for _ in range(2):
            assert await sender.send(post(server)) == Answer(200)
        assert counts(server) == [1, 1]


@on_both_loops
async def test_bytes_on_an_idle_connection_are_not_an_answer() -> None:
    server = Server()
    async with serving(server) as sender:
        await sender.send(post(server))
        server.writers[0].write(b"HTTP/1.1 500 Timeout\r\nContent-Length: 0\r\n\r\n")
        await server.closed[0].wait()
        assert await sender.send(post(server)) == Answer(200)
        assert counts(server) == [1, 1]


async def test_an_answer_before_the_whole_request_was_sent_counts_and_ends_the_connection() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        refused.append(writer)

    refused: list[asyncio.StreamWriter] = []
    listening = await asyncio.start_server(refuse, "127.0.0.1", 0, limit=1024)
    sender = HttpSender()
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
    for _ in range(2):
        request = OutgoingRequest("POST", url, (), b"x" * 30_000_000)
        assert await sender.send(request) == Answer(413)
    assert len(refused) == 2
    await sender.close()
    for writer in refused:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    listening.close()


@on_both_loops
async def test_idle_connections_make_room_for_new_ones() -> None:
    first, second, third = Server(), Server(), Server()
    async with serving(first, connections=2) as sender, serving(second), serving(third):
        for server in (first, second, first, third):
            await sender.send(post(server))
        await second.closed[0].wait()
        await sender.send(post(first))
        assert counts(first) == [3]
        assert counts(third) == [1]


@on_both_loops
async def test_cancelling_leaves_no_descriptor_open() -> None:
    """While the server is silent: in TLS's handshake, and before an answer."""
    server = Server([SILENCE], [SILENCE])
    async with serving(server) as sender:
        before = descriptors()
        for scheme in ("http", "https"):
            server.heard.clear()
            sending = asyncio.create_task(sender.send(post(server, scheme=scheme)))
            await server.heard.wait()
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
        for closed in server.closed:
            await closed.wait()
        assert descriptors() == before


# TLS


class Authority:
    """A certificate authority and a server's certificate of it."""

    def __init__(self, *, host: str = "localhost") -> None:
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
        names: list[x509.GeneralName] = [x509.DNSName(host)]
        with contextlib.suppress(ValueError):
            names = [x509.IPAddress(ipaddress.ip_address(host))]
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.certificate = certificate.public_bytes(serialization.Encoding.PEM)
        self.key = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def server(self, folder: Path) -> ssl.SSLContext:
        (folder / "server.pem").write_bytes(self.key + self.certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
        return context

    def trusted(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.certificate.decode())


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_trusted_server_is_spoken_to_over_tls(
    tmp_path: Path, host: str, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def speak() -> None:
        authority, server = Authority(host=host), Server([OK, RESET])
        async with serving(server, authority.server(tmp_path), tls=authority.trusted()) as sender:
            for _ in range(3):
                assert await sender.send(post(server, host, "https")) == Answer(200)
            assert counts(server) == [2, 2]

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(speak())


@pytest.mark.parametrize(
    ("certified", "asked", "why"),
    [
        ("localhost", "localhost", "self-signed certificate"),
        ("example.com", "localhost", "certificate is not valid for 'localhost'"),
    ],
)
async def test_a_server_that_is_not_trusted_gets_no_task(
    tmp_path: Path, certified: str, asked: str, why: str
) -> None:
    authority, server = Authority(host=certified), Server()
    tls = ssl.create_default_context() if certified == asked else authority.trusted()
    async with serving(server, authority.server(tmp_path), tls=tls) as sender:
        with pytest.raises(NoAnswerError) as none:
            await sender.send(post(server, asked, "https"))
        assert str(none.value).startswith(f"no trust in {asked}:{server.port}: ")
        assert why in str(none.value)
        assert counts(server) == []


# Addresses of hosts


class Names:
    """A name server in the place of `socket.getaddrinfo`."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.is_broken = False
        self.hang = threading.Event()

    def __call__(self, host: str, port: int, **_: object) -> list[tuple]:
        self.asked.append(host)
        if host == "hanging.example":
            self.hang.wait(60)
        if self.is_broken:
            raise socket.gaierror(socket.EAI_AGAIN, "Try again")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


@on_both_loops
async def test_a_host_is_looked_up_once_for_all_that_wait() -> None:
    names, server = Names(), Server()
    async with serving(server, resolver=Resolver(names)) as sender:
        request = post(server, "handler.example")
        await asyncio.gather(*(sender.send(request) for _ in range(20)))
        assert names.asked == ["handler.example"]


@on_both_loops
async def test_a_lookup_that_failed_is_made_again() -> None:
    names, server = Names(), Server()
    names.is_broken = True
    async with serving(server, resolver=Resolver(names)) as sender:
        request = post(server, "handler.example")
        with pytest.raises(NoAnswerError) as none:
            await sender.send(request)
        assert str(none.value) == f"cannot connect to handler.example:{server.port}: try again"
        names.is_broken = False
        assert await sender.send(request) == Answer(200)


@on_both_loops
async def test_a_lookup_that_hangs_holds_up_no_other_host() -> None:
    names, server = Names(), Server()
    async with serving(server, resolver=Resolver(names)) as sender:
        hanging = [
            asyncio.create_task(sender.send(post(server, "hanging.example"))) for _ in range(100)
        ]
        assert await sender.send(post(server, "handler.example")) == Answer(200)
        for task in hanging:
            task.cancel()
        await asyncio.wait(hanging)
        names.hang.set()


async def test_a_connection_that_is_not_made_in_time_is_no_answer() -> None:
    """Whether the lookup, the connection or TLS takes that long."""
    names = Names()
    pool = ConnectionPool(resolver=Resolver(names), connect_timeout_s=0)
    with pytest.raises(NoAnswerError) as none:
        await pool.open(Origin("http", "hanging.example", 80))
    assert str(none.value) == "cannot connect to hanging.example:80: no answer within 0 s"
    names.hang.set()
    await pool.close()
