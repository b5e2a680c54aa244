"""The dead letters of all queues: what happened to each, by cause, and how to send it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from queuewright.blueprint import QueuePlan
from queuewright.cloud_tasks.durations import written_duration
from queuewright.cloud_tasks.limits import MAX_HTTP_DISPATCH_DEADLINE, MIN_DISPATCH_DEADLINE
from queuewright.dashboard import words
from queuewright.dashboard.bodies import preview
from queuewright.dashboard.keys import QueueKeys, queue_href, task_href
from queuewright.dashboard.pages.frame import page
from queuewright.dashboard.sources import Sources
from queuewright.dead_letters import REASONS, DeadLetter, dead_letter, replayed
from queuewright.engine import DEVELOPER, TaskFacts, TaskFilter
from queuewright.engine.protocol import CreateTaskRequest, DeleteTaskRequest, Task
from queuewright.errors import Refusal

MOST: Final = 200
"""Letters that are shown, and handled at once."""
_LONGEST_CAUSE: Final = 300


@dataclass(frozen=True)
class Letter:
    """A dead letter, and where it is."""

    number: int
    plan: QueuePlan
    """Of the queue that it comes from."""
    message: Task
    story: DeadLetter

    @property
    def cause(self) -> str:
        """Why it is dead, in one line."""
        text = self.story.error.strip().splitlines()
        if text:
            return words.visible(text[0][:_LONGEST_CAUSE])
        if self.story.status:
            code, phrase = words.result_words(self.story.status)
            return f"{code} {phrase}".strip()
        return REASONS.get(self.story.reason, "unknown")


async def find_letters(
    sources: Sources, queue: str = "", text: str = "", numbers: Sequence[int] = ()
) -> list[Letter]:
    """Return the latest dead letters, at most `MOST`, the latest first.

    Args:
        sources: where they are.
        queue: the key of the queue that they come from; "" is all queues.
        text: in the id, the body, a header or the error.
        numbers: only these letters.
    """
    wanted = TaskFilter(text=text, numbers=frozenset(numbers) if numbers else None)
    letters: list[Letter] = []
    for name, plan in sources.dead_queues().items():
        if queue not in ("", plan.key):
            continue
        if not sources.engine.service.queue_facts(name):
            continue
        count = 0
        async for each in sources.engine.service.search(name, wanted):
            if not isinstance(each, TaskFacts):
                continue
            message = _message(each)
            letters.append(Letter(each.number, plan, message, dead_letter(message)))
            count += 1
            if count == MOST:
                break
    letters.sort(key=lambda letter: letter.story.died, reverse=True)
    return letters[:MOST]


async def replay(sources: Sources, letters: Sequence[Letter]) -> int:
    """Add the tasks again, in the order in which they died; return how many were added.

    A letter is deleted when its task is there, so that nothing is lost.
    """
    service, added = sources.engine.service, 0
    for letter in reversed(letters):
        task = replayed(letter.message, letter.plan.name, deadline=_deadline(sources, letter.plan))
        try:
            request = CreateTaskRequest(parent=letter.plan.name, task=task)
            await service.create_task(request, DEVELOPER)
            added += 1
        except Refusal as refusal:
            if refusal.code != "ALREADY_EXISTS":
                raise
        await discard(sources, [letter])
    return added


async def discard(sources: Sources, letters: Sequence[Letter]) -> int:
    """Delete letters; return how many were still there."""
    gone = 0
    for letter in letters:
        try:
            request = DeleteTaskRequest(name=letter.message.name)
            await sources.engine.service.delete_task(request, DEVELOPER)
            gone += 1
        except Refusal as refusal:
            if refusal.code != "NOT_FOUND":
                raise
    return gone


def dead_letters_page(
    sources: Sources, letters: Sequence[Letter], query: Mapping[str, str]
) -> dict[str, Any]:
    """Return the context of the page."""
    keys = sources.keys()
    kept = sources.dead_queues()
    total = sum(counts for counts in sources.dead_counts().values())
    causes = Counter((letter.plan.key, letter.cause) for letter in letters).most_common(5)
    rows = [_row(letter, keys) for letter in letters]
    ages = {written_duration(plan.dead_letters.keep) for plan in kept.values() if plan.dead_letters}
    topics = ["overview", *(f"queue:{keys.key(name)}" for name in kept if name in keys)]
    fields = {name: query[name] for name in ("queue", "text") if query.get(name)}
    return page(sources, title="Dead letters", current="/dead-letters", topics=topics) | {
        "rows": rows,
        "rows_rev": words.revision(rows),
        "total": words.number(total),
        "kept_for": words.spaced(", ".join(sorted(ages))),
        "causes": [
            {"queue": queue, "text": text, "count": words.number(count)}
            for (queue, text), count in causes
        ],
        "queues": sorted(plan.key for plan in kept.values()),
        "filter": {"queue": query.get("queue", ""), "text": query.get("text", "")},
        "fields": fields,
        "keeps_any": bool(kept),
    }


def _row(letter: Letter, keys: QueueKeys) -> dict[str, Any]:
    story = letter.story
    key = keys.key(letter.plan.name)
    dead_queue, _, letter_id = letter.message.name.rpartition("/tasks/")
    return {
        "number": letter.number,
        "id": story.task,
        "href": task_href(keys.key(dead_queue), letter_id),
        "preview": preview(story.body),
        "died_us": round(story.died.timestamp() * words.SECOND_US),
        "after": words.plural(story.attempts, "attempt"),
        "code": words.result_words(story.status)[0] if story.status else "",
        "cause": letter.cause,
        "why": REASONS.get(story.reason, ""),
        "traceback": words.visible(story.traceback),
        "queue": letter.plan.key,
        "queue_href": queue_href(key),
    }


def _message(facts: TaskFacts) -> Task:
    message = Task()
    message.CopyFrom(facts.content)
    message.name = facts.name
    message.create_time.FromMicroseconds(facts.created_us)
    return message


def _deadline(sources: Sources, plan: QueuePlan) -> timedelta | None:
    """Return how long an attempt may take, if the handler's timeout says so."""
    blueprint = sources.blueprint
    runtime = blueprint.handlers[plan.handler].runtime if blueprint is not None else None
    if runtime is None:
        return None
    return max(min(runtime.timeout, MAX_HTTP_DISPATCH_DEADLINE), MIN_DISPATCH_DEADLINE)
