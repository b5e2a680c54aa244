"""A process of a handler: ready when it serves, and its lines as it prints them."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from queuewright.errors import TargetError
from queuewright.local.processes.background import BackgroundTasks
from queuewright.local.processes.groups import ProcessGroups
from queuewright.local.processes.ports import free_port
from queuewright.local.processes.process import LONGEST_LINE, Process
from tests.local.conftest import accepts

SERVER = "import http.server as h, sys; h.test(h.BaseHTTPRequestHandler, port=int(sys.argv[1]))"
# Listens at once, and takes connections only when it is told to: as gunicorn, which loads late.
LATE = """
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listening", flush=True)
while not open(sys.argv[2]).read():
    pass
print("loaded", flush=True)
while True:
    listener.accept()[0].close()
"""
BROKEN = """
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listening", flush=True)
sys.stdin.read()
sys.exit("SyntaxError: cannot load app")
"""


class Lines(list[str]):
    """What was printed, and the news of it."""

    def __init__(self) -> None:
        super().__init__()
        self.any = asyncio.Event()

    def add(self, line: str) -> None:
        self.append(line)
        self.any.set()


Start = Callable[..., Coroutine[Any, Any, tuple[Process, Lines]]]


@pytest.fixture
async def start(groups: ProcessGroups, background: BackgroundTasks) -> AsyncIterator[Start]:
    started: list[Process] = []

    async def start(code: str, *arguments: str) -> tuple[Process, Lines]:
        lines = Lines()
        port = free_port("127.0.0.1")
        process = await Process.start(
            groups,
            background,
            "h",
            (sys.executable, "-c", code, str(port), *arguments),
            folder=Path("/"),
            environment={"PATH": os.environ["PATH"]},
            address=("127.0.0.1", port),
            on_line=lines.add,
        )
        started.append(process)
        return process, lines

    yield start
    for process in started:
        await process.stop()


async def test_a_process_is_ready_when_it_serves(start: Start) -> None:
    """And not before; then its port answers."""
    process, _ = await start(SERVER)
    await process.ready()
    assert accepts(process.address[1])


async def test_a_port_that_listens_but_handles_nothing_is_not_ready(
    start: Start, tmp_path: Path
) -> None:
    """gunicorn listens before it has loaded the code."""
    gate = tmp_path / "gate"
    gate.write_text("")
    process, lines = await start(LATE, str(gate))
    ready = asyncio.create_task(process.ready())
    await lines.any.wait()
    assert not ready.done()
    gate.write_text("open")
    await ready
    assert lines == ["listening", "loaded"]


async def test_a_process_that_ends_before_it_serves_is_an_error_with_its_output(
    start: Start,
) -> None:
    """Though its port was open for a moment."""
    process, _ = await start(BROKEN)
    with pytest.raises(TargetError) as refused:
        await process.ready()
    assert "ended before it served, exit code 1" in str(refused.value)
    assert "SyntaxError: cannot load app" in str(refused.value)


async def test_a_process_that_does_not_listen_is_an_error_with_a_hint(start: Start) -> None:
    """The usual cause: it does not look at $PORT."""
    process, _ = await start("import time; print('serving on 8080', flush=True); time.sleep(1000)")
    with pytest.raises(TargetError, match=r"does not listen on port \d+ after 200ms") as refused:
        await process.ready(timeout_s=0.2)
    assert "$PORT" in str(refused.value)


async def test_a_stopped_process_frees_its_port(start: Start) -> None:
    """Its port is free when `stop` returns."""
    process, _ = await start(SERVER)
    await process.ready()
    await process.stop()
    assert not accepts(process.address[1])


@pytest.mark.parametrize(
    ("code", "end"), [("raise SystemExit(3)", "exit code 3"), ("os.abort()", "signal 6")]
)
async def test_the_end_of_a_process_has_a_reason(start: Start, code: str, end: str) -> None:
    """Its exit code, or the signal that ended it."""
    process, _ = await start(f"import os; {code}")
    assert await process.ended() == end


async def test_lines_of_any_length_and_kind_arrive(start: Start) -> None:
    """Long lines in pieces, invalid bytes replaced, and a last line without a line end."""
    process, lines = await start(
        f"import os; os.write(1, b'a\\r\\n\\xff\\n' + b'x' * {2 * LONGEST_LINE} + b'\\nend')"
    )
    await process.ended()
    assert lines[0] == "a"
    assert lines[1] == "\N{REPLACEMENT CHARACTER}"
    assert "".join(lines[2:-1]) == "x" * 2 * LONGEST_LINE
    assert all(len(line) <= LONGEST_LINE for line in lines)
    assert lines[-1] == "end"


async def test_a_line_that_cannot_be_printed_does_not_end_the_reading(
    groups: ProcessGroups, background: BackgroundTasks, failures: list[str]
) -> None:
    """A process whose output nobody reads would stop at a full pipe."""
    lines: list[str] = []

    def print_line(line: str) -> None:
        if not failures:
            raise ValueError("cannot print")
        lines.append(line)

    process = await Process.start(
        groups,
        background,
        "h",
        (sys.executable, "-c", "print('x' * 100_000); print('last')"),
        folder=Path("/"),
        environment={"PATH": os.environ["PATH"]},
        address=("127.0.0.1", free_port("127.0.0.1")),
        on_line=print_line,
    )
    assert await process.ended() == "exit code 0"
    await process.stop()
    assert "reading its output failed and starts again" in failures[0]
    assert lines[-1] == "last"


async def test_the_last_lines_are_kept_and_no_more(start: Start) -> None:
    """For the message about its end."""
    process, lines = await start("for n in range(100): print(n)")
    await process.ended()
    assert len(lines) == 100
    assert list(process.last_lines) == [str(n) for n in range(85, 100)]
