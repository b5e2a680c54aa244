"""A running queue: how it drops tasks that are gone."""

from __future__ import annotations

import pytest

from queuewright.engine import ManualClock, Settings
from queuewright.engine.dispatch.registry import RunningQueue
from queuewright.engine.protocol import messages as m
from queuewright.engine.protocol import refusals
from queuewright.engine.rules.queue_config import QueueOptions, complete
from queuewright.engine.state.rows import GoneTask, QueueRow, TaskRow, Tombstone
from queuewright.errors import Refusal

NOW = ManualClock().now_us()
NAMED = TaskRow(7, 1, "t7", NOW, NOW, 0, 0, 0, 0, None, None, None, None)
UNNAMED = NAMED._replace(id=8, name=None)


def running(options: QueueOptions | None = None) -> RunningQueue:
    config = m.Queue(name="projects/p/locations/l/queues/q", state=1)
    complete(config, QueueOptions(), lambda _: 10)
    queue = RunningQueue(QueueRow(1, config, options=options or QueueOptions()), NOW, Settings())
    for row in (NAMED, UNNAMED):
        queue.core.add(row.id, NOW)
    return queue


@pytest.mark.parametrize(
    ("options", "seconds"), [(QueueOptions(), 86_400), (QueueOptions(None, 3_600_000_000), 3_600)]
)
def test_a_task_that_is_gone_leaves_its_name(options: QueueOptions, seconds: int) -> None:
    """For as long as the queue says, or else the setting; an unnamed task leaves nothing."""
    deleted: list[GoneTask] = []
    queue = running(options)
    queue.forget((NAMED, UNNAMED), NOW, deleted.extend)
    assert deleted == [(7, Tombstone(1, "t7", NOW + seconds * 1_000_000)), (8, None)]
    assert len(queue.core) == 0


def test_a_task_that_cannot_be_deleted_stays_in_its_queue() -> None:
    """A full disk must not make a task disappear that comes back at the next start."""

    def no_room(_: list[GoneTask]) -> None:
        raise refusals.state_full(None, "no space left on device")

    queue = running()
    with pytest.raises(Refusal, match="no space left"):
        queue.forget((NAMED,), NOW, no_room)
    assert NAMED.id in queue.core
