"""Which names of queues and tasks are valid."""

from __future__ import annotations

import pytest

from queuewright.engine.protocol import messages as m
from queuewright.engine.protocol import names
from queuewright.errors import Refusal

LOCATION = "projects/p/locations/l"


@pytest.mark.parametrize(
    "name",
    ["", "q", f"{LOCATION}/queues/", f"{LOCATION}/queues/a_b", f"{LOCATION}/queues/{'q' * 101}",
     f"{LOCATION}/queues/q/", "projects//locations/l/queues/q", f"{LOCATION}/queues/q\n"],
)  # fmt: skip
def test_a_malformed_queue_name_is_refused_in_googles_words(name: str) -> None:
    with pytest.raises(Refusal, match="Queue name must be formatted") as refused:
        names.check_queue(name)
    assert isinstance(refused.value.details[0], m.Help)


def test_a_project_may_belong_to_a_domain() -> None:
    name = "projects/example.com:p-1/locations/l/queues/Q-1"
    assert names.check_queue(name) == name


@pytest.mark.parametrize("task_id", ["", "a.b", "é", "x" * 501, "a b"])
def test_a_malformed_task_id_is_refused_in_googles_words(task_id: str) -> None:
    with pytest.raises(Refusal) as refused:
        names.task_name(f"{LOCATION}/queues/q/tasks/{task_id}")
    assert refused.value.message == (
        f'Task ID "{task_id}" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), '
        "or underscores (_). Task ID must between 1 and 500 characters."
    )


def test_a_malformed_task_name_is_refused() -> None:
    with pytest.raises(Refusal, match="Task name must be formatted"):
        names.task_name("projects/p/tasks/t")
