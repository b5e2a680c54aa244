"""Runs `docs/guides/pubsub-emulator.md`: its Python, against a real emulator."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from queuewright.cli import commands
from tests.cli.emulator_process import emulator

TEXT = (Path(__file__).parents[2] / "docs" / "guides" / "pubsub-emulator.md").read_text("utf-8")


def fences(heading: str, language: str) -> list[str]:
    """The fenced blocks of one language under a heading."""
    section = re.split(r"^## ", TEXT.split(f"## {heading}\n")[1], flags=re.M)[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the guide's own command listens, but for the port."""
    _, start = fences("Start it", "bash")
    words = start.split()[2:]
    folder = tmp_path_factory.mktemp("guide")
    with emulator(folder, "--memory", "--pubsub-port", "0", *words) as running:
        yield running.before[-1]["pubsub"]


def run(number: int) -> dict[str, Any]:
    """Run one of the Python blocks; return its names."""
    names: dict[str, Any] = {}
    exec(compile(fences("Python", "python")[number], "guide", "exec"), names)
    return names


def test_the_python_clients_publish_pull_and_stream(
    address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As on the page, with the variable of the page."""
    assert fences("Python", "bash") == ["export PUBSUB_EMULATOR_HOST=127.0.0.1:8085\n"]
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", address)
    produced = run(0)
    pulled = run(1)
    (received,) = pulled["response"].received_messages
    assert received.message.message_id == produced["number"]
    assert dict(received.message.attributes) == {"kind": "pdf"}
    streamed = run(2)
    done = threading.Event()
    streamed["print"] = lambda data: (print(data), done.set())
    produced["publisher"].publish(produced["topic"], b"February").result()
    assert done.wait(60)
    streamed["streaming"].cancel()
    streamed["streaming"].result()
    assert capsys.readouterr().out == "b'January'\nb'February'\n"
    for each in (pulled["subscriber"], streamed["subscriber"]):
        each.close()
    produced["publisher"].stop()
    produced["publisher"].transport.close()


async def test_the_test_with_a_manual_clock_passes() -> None:
    (block,) = fences("In tests, with a manual clock", "python")
    names: dict[str, Any] = {}
    exec(compile(block, "guide", "exec"), names)
    await names["test_a_worker_that_hangs"]()


def test_the_first_lines_are_those_of_the_command(address: str) -> None:
    (lines,) = fences("Start it", "text")
    assert lines.splitlines()[0].endswith("Pub/Sub: export PUBSUB_EMULATOR_HOST=127.0.0.1:8085")
    assert address.startswith("127.0.0.1:")


def test_the_page_has_the_options_of_pubsub() -> None:
    """And the emulator's page has all."""
    command = commands.get_command(click.Context(commands), "emulator")
    assert command is not None
    options = {name for each in command.params for name in each.opts}
    rows = "".join(line for line in TEXT.splitlines() if line.startswith("| `--"))
    told = set(re.findall(r"`(--[a-z-]+)", rows))
    assert told == {"--pubsub-port", "--topic", "--subscription"}
    assert told <= options
