"""The pull queues of an environment: how much waits, and who holds which task until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from queuewright.dashboard import words
from queuewright.dashboard.pages.frame import page
from queuewright.dashboard.sources import Sources
from queuewright.dashboard.surroundings import PulledQueue, PulledTask

MOST: Final = 200
"""Tasks that are shown."""

_STATES: Final = {
    "leased": "run|run|Leased",
    "ready": "wait|due|Waiting",
    "waiting": "retry|retry|Backing off",
    "behind": "wait|wait|Behind another",
    "dead": "dead|dead|Dead letter",
}


@dataclass(frozen=True)
class PulledRow:
    """A pull queue in the overview's table."""

    key: str
    href: str
    worker: str
    state: str
    why: str
    waiting: str
    leased: str
    dead: str
    oldest_us: int | None


def pulled_rows(queues: Sequence[PulledQueue]) -> list[PulledRow]:
    """Return the rows of the overview."""
    return [
        PulledRow(
            each.key,
            f"/pulled/{each.key}",
            each.worker or "polled from outside",
            "run|run|Running",
            _why(each),
            words.number(each.total - each.leased),
            words.number(each.leased),
            "none kept" if each.dead is None else words.number(each.dead),
            each.oldest_us,
        )
        for each in queues
    ]


def _why(queue: PulledQueue) -> str:
    waiting = queue.total - queue.leased
    if not queue.total:
        return "nothing waits"
    if not waiting:
        return f"{words.plural(queue.leased, 'task')} with a worker"
    return f"{words.plural(waiting, 'task')} to be leased"


def pulled_page(sources: Sources, queue: PulledQueue) -> dict[str, Any]:
    """Return the context of a pull queue's page."""
    worker = queue.worker or "Somebody outside"
    sentence = (
        f"{worker} leases its tasks, each for {queue.lease} at first. "
        f"{words.plural(queue.total - queue.leased, 'task')} "
        f"{'waits' if queue.total - queue.leased == 1 else 'wait'}, "
        f"{words.number(queue.leased)} {'is' if queue.leased == 1 else 'are'} held."
    )
    rows = [_task(each) for each in queue.tasks]
    return page(sources, title=queue.key, topics=["overview"]) | {
        "queue": queue,
        "worker_href": f"/handlers/{queue.worker}" if queue.worker else "",
        "sentence": sentence,
        "rows": rows,
        "rows_rev": words.revision((rows, queue.total, queue.leased)),
        "hidden": max(0, queue.total + (queue.dead or 0) - len(rows)),
    }


def _task(task: PulledTask) -> dict[str, Any]:
    return {
        "id": task.id,
        "state": _STATES.get(task.state, f"wait|due|{task.state}"),
        "attempt": words.number(task.attempt),
        "holder": words.visible(task.holder),
        "until_us": task.until_us if task.state in ("leased", "waiting") else None,
        "published_us": task.published_us,
        "size": words.size(task.size),
    }
