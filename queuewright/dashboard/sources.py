"""What the pages are made from: the engine, what happened, and the environment around it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from queuewright.blueprint import Blueprint, QueuePlan
from queuewright.dashboard.activity import Activity, QueueActivity
from queuewright.dashboard.keys import QueueKeys
from queuewright.dashboard.surroundings import Surroundings
from queuewright.engine import Engine, ManualClock, QueueFacts, TaskFacts


@dataclass
class Sources:
    """What the pages are made from."""

    engine: Engine
    activity: Activity
    surroundings: Surroundings

    @property
    def now_us(self) -> int:
        """The engine's time."""
        return self.engine.clock.now_us()

    @property
    def is_frozen(self) -> bool:
        """Whether time moves only by hand."""
        return isinstance(self.engine.clock, ManualClock)

    @property
    def blueprint(self) -> Blueprint | None:
        """What runs; None without an environment."""
        return self.surroundings.blueprint

    def queues(self) -> list[QueueFacts]:
        """Return the facts of all queues, by name."""
        return self.engine.service.queue_facts()

    def keys(self) -> QueueKeys:
        """Return the keys of all queues."""
        return QueueKeys(self.engine.service.queue_names())

    def plan(self, name: str) -> QueuePlan | None:
        """Return the plan of a queue by its full name; None if no file describes it."""
        if self.blueprint is None:
            return None
        return next((plan for plan in self.blueprint.queues.values() if plan.name == name), None)

    def plans(self) -> dict[str, QueuePlan]:
        """Return the plans of all queues by full name."""
        if self.blueprint is None:
            return {}
        return {plan.name: plan for plan in self.blueprint.queues.values()}

    def as_told(self, task: TaskFacts) -> TaskFacts:
        """Return a task with the attempts that its file allows.

        A queue that keeps dead letters makes some attempts more, which only bury.
        """
        plan = self.plan(task.queue)
        if plan is None or plan.dead_letters is None or task.content.HasField("retry_config"):
            return task
        most = plan.dead_letters.max_attempts
        return replace(task, retry=replace(task.retry, max_attempts=most))

    def dead_queues(self) -> dict[str, QueuePlan]:
        """Return the plan of the queue of each dead-letter queue, by the latter's full name."""
        return {
            plan.dead_letters.name: plan
            for plan in self.plans().values()
            if plan.dead_letters is not None
        }

    def dead_counts(self) -> dict[str, int]:
        """Return how many dead letters there are of each queue that keeps some, by full name."""
        found: dict[str, int] = {}
        for name, plan in self.dead_queues().items():
            facts = self.engine.service.queue_facts(name)
            found[plan.name] = facts[0].counts.waiting if facts else 0
        return found

    def handler_activity(self) -> dict[str, list[QueueActivity]]:
        """Return the activity of the queues of each handler."""
        found: dict[str, list[QueueActivity]] = defaultdict(list)
        for name, plan in self.plans().items():
            if name in self.activity.queues:
                found[plan.handler].append(self.activity.queues[name])
        return found
