"""The numbers for Prometheus, read by its own parser."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from queuewright.engine import Answer
from tests.dashboard.stage import QUEUE, stage


async def test_every_queue_has_its_tasks_by_state_and_its_attempts_by_outcome() -> None:
    async with stage() as playing:
        await playing.queue()
        playing.answers = [Answer(200), Answer(503)]
        await playing.task()
        await playing.task()
        await playing.engine.advance("1s")
        await playing.pause()
        await playing.task(later_s=600)
        await playing.task()
        await playing.engine.advance("4s")
        text = await playing.get("/metrics")
        found = {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        assert found["queuewright_tasks", "due", QUEUE] == 1
        assert found["queuewright_tasks", QUEUE, "scheduled"] == 1
        assert found["queuewright_tasks", QUEUE, "retrying"] == 1
        assert found["queuewright_attempts_total", QUEUE, "succeeded"] == 1
        assert found["queuewright_attempts_total", "failed", QUEUE] == 1
        assert found["queuewright_tasks_created_total", QUEUE] == 4
        assert found["queuewright_oldest_due_seconds", QUEUE] == 4
        assert found["queuewright_queue_paused", QUEUE] == 1
