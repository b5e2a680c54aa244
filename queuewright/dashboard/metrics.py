"""The engine's numbers for Prometheus, at `/metrics`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from queuewright.dashboard.holdups import queue_state
from queuewright.dashboard.sources import Sources
from queuewright.dashboard.words import SECOND_US

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

Family = GaugeMetricFamily | CounterMetricFamily


class QueueCollector(Collector):
    """Reads the numbers of all queues when it is asked. Queues are named in full."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def collect(self) -> Iterator[Family]:
        """Yield the families of metrics."""
        by_queue = ["queue"]
        tasks = GaugeMetricFamily(
            "queuewright_tasks", "Tasks in a queue, by state.", labels=["queue", "state"]
        )
        oldest = GaugeMetricFamily(
            "queuewright_oldest_due_seconds",
            "How long the oldest due task has been due; 0 without one.",
            labels=by_queue,
        )
        paused = GaugeMetricFamily(
            "queuewright_queue_paused", "1 if a queue dispatches nothing.", labels=by_queue
        )
        limit = GaugeMetricFamily(
            "queuewright_queue_rate_limit", "Dispatches a second that are allowed.", labels=by_queue
        )
        attempts = CounterMetricFamily(
            "queuewright_attempts",
            "Attempts that ended since the start, by outcome.",
            labels=["queue", "outcome"],
        )
        created = CounterMetricFamily(
            "queuewright_tasks_created", "Tasks created since the start.", labels=by_queue
        )
        given_up = CounterMetricFamily(
            "queuewright_tasks_given_up", "Tasks given up since the start.", labels=by_queue
        )
        now_us = self._sources.now_us
        for facts in self._sources.queues():
            counts, activity = facts.counts, self._sources.activity.of(facts.name)
            for state in ("scheduled", "due", "running", "retrying"):
                tasks.add_metric([facts.name, state], getattr(counts, state))
            due_us = facts.oldest_due_us
            oldest.add_metric([facts.name], 0 if due_us is None else (now_us - due_us) / SECOND_US)
            paused.add_metric([facts.name], queue_state(facts) != "running")
            limit.add_metric([facts.name], facts.limits.rate)
            attempts.add_metric([facts.name, "succeeded"], activity.done)
            attempts.add_metric([facts.name, "failed"], activity.failed)
            created.add_metric([facts.name], activity.created)
            given_up.add_metric([facts.name], activity.dead)
        yield from (tasks, oldest, paused, limit, attempts, created, given_up)


def metrics(sources: Sources) -> bytes:
    """Return the numbers of all queues in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(QueueCollector(sources))
    return generate_latest(registry)
