"""A state machine around an engine with a state: it starts, calls, kills and stops it."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from queuewright.engine import Engine, ManualClock, Sender, Settings


class EngineMachine(RuleBasedStateMachine):
    """The engine of a machine, in an event loop of its own."""

    sender: Sender | None = None
    """Where tasks are sent; by default, nowhere that answers."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp(prefix="queuewright-machine-"))
        self.clock = ManualClock()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(coroutine)

    def start(self) -> None:
        """Start an engine on the state."""

        async def made() -> Engine:
            engine = Engine(
                clock=self.clock,
                state=self.folder,
                seed=1,
                settings=Settings(stop_grace=timedelta(0)),
                sender=self.sender,
            )
            # In real time, a crash would lose more or less from run to run.
            vars(engine._dispatcher._write_behind)["soon"] = lambda: None
            await engine.start()
            await engine.advance("0s")
            return engine

        self.engine: Engine = self.run(made())

    async def killed(self) -> None:
        """End the engine as a kill does: nothing more is written, nothing ends in order."""
        self.engine._store._state.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        self.engine._dispatcher._write_behind.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def end(self) -> None:
        """Stop the engine in order, and leave nothing behind."""
        self.run(self.engine.stop())
        left = asyncio.all_tasks(self.loop)
        self.loop.close()
        shutil.rmtree(self.folder)
        assert not left, "no asyncio task is left behind"


def run_machine(machine: type[RuleBasedStateMachine], examples: int) -> None:
    """Run a machine, as many times, with up to 40 steps each."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
