"""A handler keeps serving: through reloads, broken edits and the death of its process."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import aiohttp
import pytest

from queuewright.errors import TargetError
from queuewright.local.console.console import Console
from queuewright.local.door.front_door import FrontDoor, Limits
from queuewright.local.handlers.command import Command
from queuewright.local.handlers.handler_process import HandlerProcess, Recipe
from queuewright.local.processes.background import BackgroundTasks
from queuewright.local.processes.groups import ProcessGroups
from tests.local.conftest import Output, accepts

SERVER = """
import http.server, os, sys
print("hello", flush=True)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/slow":
            print("arrived", flush=True)
            open(os.environ["GATE"]).read()
        body = os.environ["VERSION"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


@pytest.fixture
async def door() -> AsyncIterator[FrontDoor]:
    limits = Limits(100, 60.0)
    async with FrontDoor.listen("h", limits, now_us=lambda: 0, on_refused=print) as door:
        yield door


@pytest.fixture
async def handler(
    door: FrontDoor, groups: ProcessGroups, background: BackgroundTasks, output: Output
) -> AsyncIterator[HandlerProcess]:
    handler = HandlerProcess("h", door, groups, background, Console(output), backoff_s=(0.0, 0.0))
    yield handler
    await handler.stop()


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[..., Recipe]:
    """A recipe for a server that answers with its version."""

    def make(version: str = "1", code: str = SERVER) -> Recipe:
        async def interpreter() -> Path:
            return Path(sys.executable)

        def variables(port: int) -> Mapping[str, str]:
            gate = str(tmp_path / "gate")
            shell = {"PATH": os.environ["PATH"]}
            return {**shell, "PORT": str(port), "VERSION": version, "GATE": gate}

        return Recipe(Command(("python", "-c", code), tmp_path), interpreter, variables)

    return make


async def get(door: FrontDoor, path: str = "/") -> str:
    async with aiohttp.ClientSession() as client, client.get(door.url + path) as answer:
        return await answer.text()


async def test_a_handler_serves_when_it_has_started(
    handler: HandlerProcess, door: FrontDoor, recipe: Callable[..., Recipe]
) -> None:
    """At its front door."""
    await handler.start(recipe())
    assert await get(door) == "1"


async def test_a_handler_that_cannot_start_is_an_error_with_its_output(
    handler: HandlerProcess, recipe: Callable[..., Recipe]
) -> None:
    """The error shows what it printed."""
    with pytest.raises(TargetError) as refused:
        await handler.start(recipe(code="raise SystemExit('no such module')"))
    assert "`h` ended before it served" in str(refused.value)
    assert "no such module" in str(refused.value)
    assert handler.pid is None


async def test_a_program_that_is_not_installed_is_an_error_with_a_hint(
    handler: HandlerProcess, recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    """Install it, or run something else here."""
    made = recipe()
    command = Command(("no-such-program",), tmp_path)
    with pytest.raises(TargetError, match=r"`h`: there is no program[\s\S]*handlers\.h\.local"):
        await handler.start(Recipe(command, made.interpreter, made.variables))


async def test_a_slow_start_says_what_it_waits_for(
    door: FrontDoor,
    groups: ProcessGroups,
    background: BackgroundTasks,
    recipe: Callable[..., Recipe],
    output: Output,
) -> None:
    """Silence would look like a hang."""
    slow = HandlerProcess("h", door, groups, background, Console(output), slow_s=0.0)
    await slow.start(recipe())
    await slow.stop()
    text = "h           │ is starting: waits until it listens on port "
    assert "($PORT), for 1m at most" in await output.line_with(text)


async def test_a_quick_start_says_nothing(
    handler: HandlerProcess, recipe: Callable[..., Recipe], output: Output
) -> None:
    """There is nothing to wait for."""
    await handler.start(recipe())
    assert "is starting" not in output.getvalue()


async def test_a_dead_process_is_started_again(
    handler: HandlerProcess, door: FrontDoor, recipe: Callable[..., Recipe], output: Output
) -> None:
    """The console shows how it ended, and requests wait until then."""
    await handler.start(recipe())
    first = handler.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert "signal 9; starts again in 0s" in await output.line_with("its process ended")
    assert await get(door) == "1"
    await output.line_with("serves again")
    assert handler.pid not in (None, first)


async def test_a_process_that_keeps_dying_is_started_again_and_again(
    handler: HandlerProcess, recipe: Callable[..., Recipe], output: Output, tmp_path: Path
) -> None:
    """Until it serves: the cause may be fixed from outside."""
    (tmp_path / "broken.py").write_text("")
    await handler.start(recipe(code=f"import broken\n{SERVER}"))
    (tmp_path / "broken.py").write_text("raise SystemExit('broken')")
    assert handler.pid is not None
    os.kill(handler.pid, signal.SIGKILL)
    await output.line_with("ended before it served, exit code 1")
    await output.line_with("ended before it served, exit code 1")
    (tmp_path / "broken.py").write_text("")
    await output.line_with("serves again")


async def test_a_bug_in_watching_a_process_does_not_end_the_watching(
    handler: HandlerProcess,
    recipe: Callable[..., Recipe],
    output: Output,
    failures: list[str],
) -> None:
    """The bug is reported, and the process is still started again."""
    made = recipe()
    bugs = [RuntimeError("a bug")]

    async def interpreter() -> Path:
        if handler.pid is None and output.getvalue().count("starts again") and bugs:
            raise bugs.pop()
        return await made.interpreter()

    await handler.start(Recipe(made.command, interpreter, made.variables))
    assert handler.pid is not None
    os.kill(handler.pid, signal.SIGKILL)
    await output.line_with("serves again")
    assert "h: watching its process failed and starts again" in failures[0]
    assert failures[0].endswith("RuntimeError: a bug")


async def test_a_handler_starts_again_when_its_folder_comes_back(
    handler: HandlerProcess, recipe: Callable[..., Recipe], output: Output, tmp_path: Path
) -> None:
    """Changing branches may remove it for a moment, and end the process."""
    made, folder = recipe(), tmp_path / "source"
    folder.mkdir()
    command = Command(made.command.argv, folder)
    await handler.start(Recipe(command, made.interpreter, made.variables))
    folder.rmdir()
    assert handler.pid is not None
    os.kill(handler.pid, signal.SIGKILL)
    said = await output.line_with("`h` cannot be started: No such file or directory")
    assert f"{folder}; starts again in 0s" in said
    folder.mkdir()
    await output.line_with("serves again")


async def test_a_new_process_takes_over_and_the_old_one_goes(
    handler: HandlerProcess, door: FrontDoor, recipe: Callable[..., Recipe]
) -> None:
    """The address stays."""
    await handler.start(recipe("1"))
    await handler.start(recipe("2"))
    assert await get(door) == "2"


async def test_a_new_process_that_does_not_serve_changes_nothing(
    handler: HandlerProcess, door: FrontDoor, recipe: Callable[..., Recipe]
) -> None:
    """The old one keeps serving, and its own recipe starts it again if it dies."""
    await handler.start(recipe("1"))
    with pytest.raises(TargetError, match="exit code 1"):
        await handler.start(recipe("2", "raise SystemExit(1)"))
    assert await get(door) == "1"
    assert handler.pid is not None
    os.kill(handler.pid, signal.SIGKILL)
    assert await get(door) == "1"


async def test_a_request_under_way_survives_a_reload(
    handler: HandlerProcess,
    door: FrontDoor,
    recipe: Callable[..., Recipe],
    output: Output,
    tmp_path: Path,
) -> None:
    """It ends at the process where it began; an edit fails no task."""
    os.mkfifo(tmp_path / "gate")
    await handler.start(recipe("1"))
    slow = asyncio.create_task(get(door, "/slow"))
    await output.line_with("arrived")
    await handler.start(recipe("2"))
    assert await get(door) == "2"
    assert not slow.done()
    await asyncio.to_thread((tmp_path / "gate").write_text, "go on")
    assert await slow == "1"


async def test_a_stop_leaves_nothing_behind(
    handler: HandlerProcess,
    door: FrontDoor,
    recipe: Callable[..., Recipe],
    output: Output,
    tmp_path: Path,
) -> None:
    """Neither the process, nor one that is still busy with its last request."""
    os.mkfifo(tmp_path / "gate")
    await handler.start(recipe("1"))
    busy = asyncio.create_task(get(door, "/slow"))
    await output.line_with("arrived")
    old = handler.pid
    await handler.start(recipe("2"))
    new = handler.pid
    await handler.stop()
    busy.cancel()
    for pid in (old, new):
        assert pid is not None
        with pytest.raises(ProcessLookupError):
            os.killpg(pid, 0)
    assert accepts(door.port)


async def test_the_output_of_a_process_is_printed_under_its_name(
    handler: HandlerProcess, recipe: Callable[..., Recipe], output: Output
) -> None:
    """From the first to the last."""
    await handler.start(recipe())
    assert " h           │ hello" in await output.line_with("hello")
