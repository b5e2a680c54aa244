"""A background task that fails is reported, and never lost."""

from __future__ import annotations

import asyncio

from queuewright.errors import TargetError
from queuewright.local.processes.background import BackgroundTasks, cancel


async def test_a_failed_task_is_reported_with_its_traceback(
    background: BackgroundTasks, failures: list[str]
) -> None:
    """It is a bug, so its place in the code is shown."""

    async def fail() -> None:
        raise ValueError("no such thing")

    await background.start("mailer", "reloading", fail)
    (text,) = failures
    assert text.startswith("mailer: reloading failed: Traceback")
    assert "in fail" in text
    assert text.endswith("ValueError: no such thing")


async def test_an_error_of_the_user_is_reported_in_its_own_words(
    background: BackgroundTasks, failures: list[str]
) -> None:
    """With its hint, and without a traceback."""

    async def fail() -> None:
        raise TargetError("files cannot be watched", hint="watch fewer")

    await background.start("queuewright", "following edits", fail)
    assert failures == [
        "queuewright: following edits failed: files cannot be watched\n  hint: watch fewer"
    ]


async def test_a_kept_task_runs_again_until_it_returns(
    background: BackgroundTasks, failures: list[str]
) -> None:
    """Each failure is reported."""
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise ValueError(f"failure {runs}")

    await background.keep("mailer", "watching its process", work)
    assert runs == 3
    assert [text.rpartition("\n")[2] for text in failures] == [
        "ValueError: failure 1",
        "ValueError: failure 2",
    ]
    assert "watching its process failed and starts again" in failures[0]


async def test_the_tasks_end_with_their_owner(failures: list[str]) -> None:
    """Cancelling one is not a failure."""

    def report(source: str, text: str) -> None:
        failures.append(f"{source}: {text}")

    async with BackgroundTasks(report) as background:
        tasks = [background.keep("mailer", "waiting", _forever) for _ in range(3)]
        await cancel(tasks[0])
        assert [task.done() for task in tasks] == [True, False, False]
    assert all(task.cancelled() for task in tasks)
    assert failures == []


async def _forever() -> None:
    await asyncio.Event().wait()
