"""The pull queues of an emulator: by option and by file."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from queuewright.client import connect_beta
from queuewright.engine import Event
from queuewright.errors import TargetError
from queuewright.local.console.console import Console
from queuewright.local.emulator import Emulator, EmulatorOptions
from queuewright.spec import EmulatorSpec, parse_emulator

LOCATION = "projects/p/locations/l"
QUEUE = f"{LOCATION}/queues/q"
OTHER = f"{LOCATION}/queues/other"


def ignore(_: Event) -> None:
    pass


@asynccontextmanager
async def emulator(
    state: Path, *, queues: tuple[str, ...] = (), pull: tuple[str, ...] = (), file: str = ""
) -> AsyncIterator[Emulator]:
    spec = parse_emulator(file) if file else EmulatorSpec()
    options = EmulatorOptions("127.0.0.1", 0, 0, spec, queues, pull, state)
    async with Emulator.started(options, Console(io.StringIO()), ignore) as running:
        yield running


def kinds(running: Emulator) -> dict[str, tuple[str, int]]:
    """Type and number of attempts of each queue."""
    with connect_beta(running.grpc_address) as client:
        return {
            queue.name: (queue.type_.name, queue.retry_config.max_attempts)
            for queue in client.list_queues(parent=LOCATION)
        }


async def test_pull_queues_are_made_and_stay_over_a_restart(tmp_path: Path) -> None:
    file = f"queues: {{{OTHER}: {{pull: true, retry_config: {{max_attempts: 2}}}}}}"
    for _ in range(2):
        async with emulator(tmp_path, pull=(QUEUE,), file=file) as running:
            found = await asyncio.to_thread(kinds, running)
            assert found == {QUEUE: ("PULL", -1), OTHER: ("PULL", 2)}


async def test_a_malformed_name_is_an_error_of_its_option(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="--pull-queue `jobs`: Queue name must be") as wrong:
        async with emulator(tmp_path, pull=("jobs",)):
            pass
    assert wrong.value.hint == (
        "such as `--pull-queue projects/my-project/locations/us-central1/queues/jobs`"
    )


async def test_a_queue_has_one_type(tmp_path: Path) -> None:
    """Asked for as both, or with another type than it has."""
    with pytest.raises(TargetError, match="as a push queue and as a pull queue"):
        async with emulator(tmp_path, queues=(QUEUE,), pull=(QUEUE,)):
            pass
    async with emulator(tmp_path, queues=(QUEUE,)):
        pass
    with pytest.raises(TargetError, match="the queue exists and is a push queue"):
        async with emulator(tmp_path, pull=(QUEUE,)):
            pass
    with pytest.raises(TargetError, match="The type of a queue cannot change"):
        async with emulator(tmp_path, file=f"queues: {{{QUEUE}: {{pull: true}}}}"):
            pass
