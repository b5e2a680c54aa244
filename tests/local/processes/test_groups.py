"""Nothing that was started outlives the process that started it, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from queuewright.errors import TargetError
from queuewright.local.processes.cleanup import living
from queuewright.local.processes.groups import ProcessGroups

PATH = {"PATH": os.environ["PATH"]}
# A child that starts one of its own; both hold on to the pipe that the test reads to its end.
FAMILY = "sleep 1000 & echo started; wait"
STUBBORN = "trap '' TERM; echo started; while :; do sleep 1000; done"
STARTER = """
import asyncio, os, sys, uvloop
from pathlib import Path
from queuewright.local.processes.groups import ProcessGroups

async def main():
    async with ProcessGroups.opened() as groups:
        child = await groups.start(
            ("/bin/sh", "-c", sys.argv[1]), folder=Path("/"), environment=dict(os.environ)
        )
        print(child.pid, (await child.output.readline()).decode().strip(), flush=True)
        await asyncio.Event().wait()

with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(main())
"""


async def output(groups: ProcessGroups, *argv: str, folder: Path = Path("/")) -> str:
    child = await groups.start(argv, folder=folder, environment=PATH)
    text = await child.output.read()
    await groups.end(child, grace_s=10.0)
    return text.decode()


async def test_a_program_runs_in_its_folder_with_its_variables_alone(
    groups: ProcessGroups, tmp_path: Path
) -> None:
    """Its two output streams are one, and its input is empty."""
    (tmp_path / "here").touch()
    text = await output(groups, "/bin/sh", "-c", "ls; env >&2; cat", folder=tmp_path)
    assert text.splitlines()[0] == "here"
    assert f"PATH={PATH['PATH']}" in text.splitlines()
    assert "HOME=" not in text


async def test_arguments_arrive_letter_by_letter(groups: ProcessGroups) -> None:
    """No shell interprets them."""
    assert await output(groups, "printf", "%s|", "$HOME", "a b", "'\"*") == "$HOME|a b|'\"*|"


async def test_a_program_that_does_not_exist_is_an_error(groups: ProcessGroups) -> None:
    """Named, before anything is started."""
    with pytest.raises(TargetError, match="no program `no-such-program`"):
        await groups.start(("no-such-program",), folder=Path("/"), environment=PATH)


async def test_ending_a_process_ends_all_that_it_started(groups: ProcessGroups) -> None:
    """The pipe that both hold comes to its end."""
    child = await groups.start(("/bin/sh", "-c", FAMILY), folder=Path("/"), environment=PATH)
    await child.output.readline()
    await groups.end(child, grace_s=10.0)
    assert await child.output.read() == b""
    assert child.code == -signal.SIGTERM


async def test_a_process_that_ignores_sigterm_is_killed(groups: ProcessGroups) -> None:
    """When its time of grace is over."""
    child = await groups.start(("/bin/sh", "-c", STUBBORN), folder=Path("/"), environment=PATH)
    await child.output.readline()
    await groups.end(child, grace_s=0.0)
    assert child.code == -signal.SIGKILL
    child.close()


async def test_what_a_shell_started_may_finish_where_it_is_waited_for(
    groups: ProcessGroups,
) -> None:
    """The shell itself ends at once."""
    working = (
        "trap 'sleep 0.1; echo finished; exit' TERM; echo started; while :; do sleep 0.01; done"
    )
    child = await groups.start(
        ("/bin/sh", "-c", f"({working}); true"), folder=Path("/"), environment=PATH
    )
    assert await child.output.readline() == b"started\n"
    await groups.end(child, grace_s=60.0, waits_for_all=True)
    # Before that, some shells name the signal that ended their `sleep`.
    assert (await child.output.read()).endswith(b"finished\n")
    child.close()


async def test_a_process_that_has_ended_can_be_ended_again(groups: ProcessGroups) -> None:
    """It may have died a moment ago."""
    child = await groups.start(("true",), folder=Path("/"), environment=PATH)
    await child.wait()
    await groups.end(child, grace_s=10.0)
    assert child.code == 0
    child.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_starter_leaves_no_process(number: signal.Signals) -> None:
    """`kill -9` of `up`: the cleanup process ends the whole group."""
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, FAMILY], stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        child, word = starter.stdout.readline().split()
        assert word == "started"
        starter.send_signal(number)
        starter.wait()
        # The cleanup process holds the starter's output open until it is done.
        assert starter.stdout.read() == ""
    assert not living({int(child)})
