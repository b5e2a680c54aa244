"""Pull queues in a test: their tasks are taken by hand."""

from __future__ import annotations

import pytest

from queuewright.errors import TargetError
from queuewright.testing import InProcessEnvironment


def test_a_workers_function_gets_the_tasks(env: InProcessEnvironment) -> None:
    """As `queuewright_runtime` gives them; a task in a block is done at its end."""
    env.enqueue("charts", {"month": "2026-10"})
    for task in env.pull("charts"):
        with task:
            env.module("drawer", "w").draw(task)
    assert env.module("drawer", "w").drawn == [{"month": "2026-10"}]
    env.advance("10m")
    assert env.pull("charts") == []


def test_a_task_comes_again_when_its_lease_has_ended(env: InProcessEnvironment) -> None:
    """After a lease of 60 s, and the backoff of 10 s."""
    env.enqueue("charts", b"x", headers={"kind": "chart"})
    (task,) = env.pull("charts")
    assert (task.data, dict(task.attributes)) == (b"x", {"kind": "chart"})
    env.advance("69s")
    assert env.pull("charts") == []
    env.advance("1s")
    (again,) = env.pull("charts", most=5)
    assert again.id == task.id
    again.give_back()
    env.advance("10m")
    assert len(env.pull("charts")) == 1


def test_push_and_pull_are_not_mixed_up(env: InProcessEnvironment) -> None:
    """Each refusal names the other way."""
    with pytest.raises(TargetError, match="is a pull queue, whose tasks have no time"):
        env.enqueue("charts", {}, delay="1m")
    with pytest.raises(TargetError, match=r'take them as its worker does: `env.pull\("charts"\)'):
        env.attempts("charts")
    with pytest.raises(TargetError, match="is a push queue: its handler gets its tasks"):
        env.pull("emails")
    with pytest.raises(TargetError, match="keeps no order"):
        env.enqueue("emails", {}, ordering_key="x")
