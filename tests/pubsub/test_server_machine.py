"""A machine that uses a whole server with its file, crashes it, and believes nothing.

`test_backlog_machine` has the finer model; here are the store, seeks, and messages that are only in
the file.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from queuewright.engine import ManualClock
from queuewright.pubsub.delivery import subscription
from queuewright.pubsub.protocol import refusals
from tests.pubsub.stage import Stage

S = 1_000_000
LEASE_US = 10 * S


class ServerMachine(RuleBasedStateMachine):
    """A server against what it acknowledged."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp(prefix="queuewright-pubsub-"))
        self.clock = ManualClock()
        self.count = 0
        self.waiting: dict[bytes, int] = {}
        """The messages that are not acknowledged, and when each was published."""
        self.leases: dict[bytes, tuple[str, int]] = {}
        """The last ack id of each message, and until when its lease lasts."""
        self.start()
        self.run(self.stage.topic())
        self.run(self.stage.subscription())

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(coroutine)

    def start(self) -> None:
        self.stage = Stage(self.clock, self.folder)
        self.run(self.stage.server.start())

    def is_leased(self, data: bytes) -> bool:
        return data in self.leases and self.leases[data][1] > self.clock.now_us()

    @rule(count=st.integers(1, 12))
    def publish(self, count: int) -> None:
        batch = [b"%d" % number for number in range(self.count, self.count + count)]
        self.count += count
        self.run(self.stage.publish(*batch))
        self.waiting |= dict.fromkeys(batch, self.clock.now_us())

    @rule(most=st.integers(1, 9))
    def pull(self, most: int) -> None:
        received = self.run(self.stage.pull(most=most))
        for each in received:
            data = each.message.data
            assert data in self.waiting, f"{data!r} was acknowledged"
            assert not self.is_leased(data), f"{data!r} has two holders"
            self.leases[data] = (each.ack_id, self.clock.now_us() + LEASE_US)
        if len(received) < most and not received:
            assert all(map(self.is_leased, self.waiting)), "a message is held back"

    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        if self.leases:
            chosen = data.draw(st.sampled_from(sorted(self.leases)))
            self.run(self.stage.ack(self.leases[chosen][0]))
            self.waiting.pop(chosen, None)

    @rule(data=st.data(), seconds=st.sampled_from([0, 3, 60]))
    def modify(self, data: st.DataObject, seconds: int) -> None:
        if self.leases:
            chosen = data.draw(st.sampled_from(sorted(self.leases)))
            ack_id = self.leases[chosen][0]
            self.run(self.stage.modify(seconds, ack_id))
            if self.is_leased(chosen):
                self.leases[chosen] = (ack_id, self.clock.now_us() + seconds * S)

    @rule(span=st.sampled_from(["1s", "5s", "10s", "2m"]))
    def time_passes(self, span: str) -> None:
        self.run(self.stage.advance(span))

    @rule(back_s=st.sampled_from([None, None, None, -1, 0, 3, 20]))
    def seek(self, back_s: int | None) -> None:
        if back_s is None:
            return
        time_us = self.clock.now_us() - back_s * S
        self.run(self.stage.seek(time_us))
        self.waiting = {
            data: published
            for data, published in self.waiting.items()
            if published >= time_us and back_s > 0
        }

    @rule(end=st.sampled_from(["none", "none", "stop", "crash"]))
    def the_process_ends(self, end: str) -> None:
        """Stopped in order, or as a crash leaves the file."""
        server = self.stage.server
        if end == "stop":
            self.run(server.stop())
        elif end == "crash":
            server._idle_checkpoint.stop()
            self.run(server._sweeper.stop())
            server._registry.close(refusals.stopping())
            server._store._database.close()
            server._store._state._lock.release()
        else:
            return
        self.start()

    @invariant()
    def the_file_has_what_waits_and_no_more(self) -> None:
        rows = self.stage.server._store._database.execute("SELECT count(*) FROM content")
        assert rows.fetchone()[0] == len(self.waiting)

    def teardown(self) -> None:
        try:
            self.run(self.stage.advance("2m"))
            for _ in range(self.count + 1):
                for each in self.run(self.stage.pull()):
                    self.waiting.pop(each.message.data)
                    self.run(self.stage.ack(each.ack_id))
            assert self.waiting == {}
        finally:
            self.run(self.stage.server.stop())
            self.loop.close()
            shutil.rmtree(self.folder)


@pytest.mark.parametrize(
    "examples", [pytest.param(15, id="short"), pytest.param(250, id="long", marks=pytest.mark.slow)]
)
def test_no_sequence_of_calls_and_restarts_breaks_a_promise(
    monkeypatch: pytest.MonkeyPatch, examples: int
) -> None:
    monkeypatch.setattr(subscription, "_WINDOW", 4)
    run_state_machine_as_test(
        ServerMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
