"""A queue's page: what holds it up, its answers, its tasks, its settings, and why tasks failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from queuewright.dashboard import states, words
from queuewright.dashboard.bodies import preview
from queuewright.dashboard.charts import BARS, LARGE, STEP_US
from queuewright.dashboard.filters import AGES, STATUSES, PageFilter
from queuewright.dashboard.holdups import queue_state
from queuewright.dashboard.keys import queue_href, task_href
from queuewright.dashboard.pages.frame import page
from queuewright.dashboard.pages.overview import Values, drawn_chart, hold_up_of
from queuewright.dashboard.pages.settings import settings
from queuewright.dashboard.sources import Sources
from queuewright.engine import QueueFacts, TaskFacts
from queuewright.history import State as GoneState
from queuewright.history import TaskRecord

PAGE: Final = 50
MOST_READ: Final = 100_000
"""A search stops after so many tasks, and can be continued."""
MOST_COUNTED: Final = 10_000

END_STATES: Final = {"succeeded": "finished", "gave_up": "failed", "deleted": "deleted"}
_ACTIVE: Final = ("running", "retrying", "due", "scheduled")


@dataclass(frozen=True)
class Tab:
    """A link to one state's tasks."""

    label: str
    href: str
    count: str
    is_current: bool
    key: str = ""
    kind: str = ""
    icon: str = ""


@dataclass(frozen=True)
class TaskRow:
    """A task in the table."""

    number: int
    id: str
    href: str
    preview: str
    created_us: int
    when_us: int
    rel: str


@dataclass(frozen=True)
class Found:
    """A page of tasks, and how far the search has got."""

    tasks: list[TaskFacts]
    last: int | None
    """Where the next page begins; None at the end."""
    read: int
    """How many tasks the search looked at."""
    is_cut: bool
    """Whether it stopped before the page was full."""


async def find(sources: Sources, name: str, wanted: PageFilter, before: int | None) -> Found:
    """Return a page of a queue's tasks, newest first.

    Raises:
        Refusal: the queue does not exist, or its state is unreadable.
    """
    tasks: list[TaskFacts] = []
    last: int | None = None
    read = 0
    search = sources.engine.service.search(name, wanted.wanted(sources.now_us), before)
    async for each in search:
        if isinstance(each, TaskFacts):
            if len(tasks) == PAGE:
                return Found(tasks, tasks[-1].number, read, is_cut=False)
            tasks.append(each)
        else:
            last, read = each, read + 500
            if read >= MOST_READ:
                return Found(tasks, last, read, is_cut=True)
    return Found(tasks, None, read, is_cut=False)


def state_count(facts: QueueFacts, state: str) -> int:
    """Return the number of a queue's tasks in one state, or in all."""
    counts = facts.counts
    if not state:
        return counts.waiting + counts.running
    return int(getattr(counts, "running" if state == "leased" else state))


def queue_page(
    sources: Sources,
    facts: QueueFacts,
    wanted: PageFilter,
    found: Found,
    before: int | None,
    view: str,
    counts: Mapping[str, int] | None,
) -> dict[str, Any]:
    """Return the context of a queue's page.

    Args:
        sources: what it is made from.
        facts: the queue.
        wanted: the filter.
        found: the tasks that match.
        before: where the page begins; None for the newest.
        view: the topic for live updates of the rows.
        counts: how many tasks the history has, by state; None without a history.
    """
    rows = [task_row(each, sources.keys().key(facts.name)) for each in found.tasks]
    context = _queue_context(sources, facts, wanted, counts, [view] if rows else [])
    for each in found.tasks:
        context["v"] |= row_values(sources.as_told(each), sources.activity.reasons)
    href = context["queue"]["href"]
    return context | {
        "rows": rows,
        "bulk": _bulk(facts, wanted),
        "empty": _empty(sources, facts, wanted, context["queue"]["key"], href),
        "paging": _paging(facts, wanted, found, before, href),
    }


def gone_page(
    sources: Sources,
    facts: QueueFacts,
    wanted: PageFilter,
    records: Sequence[TaskRecord],
    before: int | None,
    counts: Mapping[str, int] | None,
    *,
    has_history: bool,
) -> dict[str, Any]:
    """Return the context of a queue's page with tasks that are gone.

    `records` may have one more than fits the page: then there is a next page.
    """
    context = _queue_context(sources, facts, wanted, counts, [])
    key, href = context["queue"]["key"], context["queue"]["href"]
    shown, rows = records[:PAGE], []
    for each in shown:
        task_id = each.name.rpartition("/")[2]
        ended_us = each.ended_us or each.created_us
        rows.append(
            TaskRow(
                each.number, task_id, task_href(key, task_id), "", each.created_us, ended_us, ""
            )
        )
        code, phrase = words.result_words(each.last_result)
        is_good = 200 <= each.last_result <= 299
        prefix = f"t/{each.number}/"
        context["v"] |= {
            f"{prefix}state": states.TASK[each.state],
            f"{prefix}when": "",
            f"{prefix}attempts": words.number(each.attempts),
            f"{prefix}code": "" if is_good else code,
            f"{prefix}answer": words.visible(each.why) or ("" if is_good else phrase),
        }
    word = "done" if wanted.state == "finished" else "given up"
    text = f"No task was {word}." if has_history else "No history is kept here."
    more = len(records) > PAGE
    return context | {
        "rows": rows,
        "bulk": {"words": "", "can_retry": False, "can_delete": False, "retry": ""},
        "empty": {"text": text, "href": href, "verb": "All tasks"},
        "paging": {
            "words": f"{words.plural(len(shown), 'task')}, the latest first" if shown else "",
            "first": href + wanted.query() if before is not None else "",
            "older": href + wanted.query(before=shown[-1].order or 0) if more else "",
            "verb": "Older",
        },
    }


def states_of(state: str) -> Sequence[GoneState]:
    """Return the history's states of a filter's state."""
    return ("finished",) if state == "finished" else ("failed", "expired")


def _queue_context(
    sources: Sources,
    facts: QueueFacts,
    wanted: PageFilter,
    counts: Mapping[str, int] | None,
    views: Sequence[str],
) -> dict[str, Any]:
    """Return what all pages of a queue have."""
    key = sources.keys().key(facts.name)
    href, plan = queue_href(key), sources.plan(facts.name)
    file, listed = settings(facts, plan, sources.blueprint)
    topics = [f"queue:{key}", *views]
    context = page(sources, title=key.replace("~", " · "), topics=topics)
    activity = sources.activity.of(facts.name)
    values = queue_page_values(sources, facts, counts)
    is_paused = queue_state(facts) == "paused"
    return context | {
        "v": values,
        "queue": {
            "key": key,
            "label": key.replace("~", " · "),
            "href": href,
            "toggle": "resume" if is_paused else "pause",
            "is_pull": facts.is_pull,
            "limit": words.rate(facts.limits.rate),
            "file": file,
        },
        "chart": drawn_chart(activity, facts, sources.now_us, LARGE),
        "tabs": _tabs(values, facts, wanted, href, has_history=counts is not None),
        "filter": wanted,
        "filter_fields": wanted.fields(),
        "statuses": [{"value": value, "label": label} for value, label in STATUSES],
        "ages": [{"value": value, "label": label} for value, label in AGES],
        "newest": facts.last_number,
        "created": activity.created,
        "announces": wanted.state in ("", "due", "scheduled"),
        "fresh_href": f"{href}{wanted.query()}",
        "settings": listed,
        "causes": (causes := _causes(sources, facts)),
        "causes_rev": words.revision(causes),
    }


def live_queue(sources: Sources, facts: QueueFacts, counts: Mapping[str, int] | None) -> Values:
    """Return everything that changes on a queue's page, but for its rows."""
    values = queue_page_values(sources, facts, counts)
    values["toggle"] = "resume" if queue_state(facts) == "paused" else "pause"
    values["causes@rev"] = words.revision(_causes(sources, facts))
    values["created"] = str(sources.activity.of(facts.name).created)
    return values


def queue_page_values(
    sources: Sources, facts: QueueFacts, past: Mapping[str, int] | None
) -> Values:
    """Return the numbers and words of a queue's page. `past` counts the history's tasks."""
    now_us, activity = sources.now_us, sources.activity.of(facts.name)
    plan = sources.plan(facts.name)
    held = hold_up_of(sources, facts, plan.handler if plan else "the handler")
    drawn = drawn_chart(activity, facts, now_us, LARGE)
    counts = facts.counts
    return {
        "state": states.QUEUE[queue_state(facts)],
        "sentence": held.sentence,
        "total": words.number(counts.waiting + counts.running),
        "running": words.number(counts.running),
        "retrying": words.number(counts.retrying),
        "due": words.number(counts.due),
        "scheduled": words.number(counts.scheduled),
        "finished": words.number(past.get("finished", 0) if past is not None else activity.done),
        "failed": words.number(
            past.get("failed", 0) + past.get("expired", 0) if past is not None else activity.dead
        ),
        "tick0": words.clock(now_us - BARS * STEP_US)[:5],
        "tick1": words.clock(now_us - BARS * STEP_US // 2)[:5],
        "up": drawn.up,
        "down": drawn.down,
        "lim": drawn.limit,
    }


def row_values(task: TaskFacts, reasons: Mapping[str, str]) -> Values:
    """Return what changes in the row of a task; `reasons` has why tasks failed, by full name."""
    prefix = f"t/{task.number}/"
    code, phrase = words.result_words(task.result)
    if 200 <= task.result <= 299:
        code, phrase = "", ""
    when_us, rel = row_time(task)
    return {
        f"{prefix}state": states.TASK[task.state],
        f"{prefix}when": f"{when_us // 1000}|{rel}",
        f"{prefix}attempts": attempts_words(task),
        f"{prefix}code": code,
        f"{prefix}answer": task.tag or words.visible(reasons.get(task.name, "")[:160]) or phrase,
    }


def gone_values(number: int, outcome: str) -> Values:
    """Return what changes in the row of a task that is gone; `outcome` as in `AttemptEnded`."""
    prefix = f"t/{number}/"
    shown = states.TASK[END_STATES.get(outcome, "gone")]
    return {f"{prefix}state": shown, f"{prefix}when": "|", f"{prefix}gone": "1"}


def row_time(task: TaskFacts) -> tuple[int, str]:
    """Return the time shown in a task's row, and its wording."""
    if task.state == "running":
        return task.running_since_us[-1], "for"
    if task.state == "due":
        return task.schedule_us, "for"
    return task.schedule_us, "in"


def attempts_words(task: TaskFacts) -> str:
    """Return how many attempts there were, of how many."""
    most = task.retry.max_attempts
    return f"{task.attempts} of {most:,}" if most > 0 else str(task.attempts)


def task_row(task: TaskFacts, key: str) -> TaskRow:
    """Return the row of a task."""
    when_us, rel = row_time(task)
    return TaskRow(
        task.number,
        task.id,
        task_href(key, task.id),
        preview(task.body),
        task.created_us,
        when_us,
        rel,
    )


def _tabs(
    values: Values, facts: QueueFacts, wanted: PageFilter, href: str, *, has_history: bool
) -> list[Tab]:
    tabs = [
        Tab("all", href + wanted.with_state("").query(), values["total"], not wanted.state, "total")
    ]
    active: Sequence[str] = ("leased", "due", "scheduled") if facts.is_pull else _ACTIVE
    for state in active:
        kind, icon, word = states.TASK[state].split("|")
        tabs.append(
            Tab(
                word.lower(),
                href + wanted.with_state(state).query(),
                values["running" if state == "leased" else state],
                wanted.state == state,
                "running" if state == "leased" else state,
                kind,
                icon,
            )
        )
    for state in ("failed", "finished") if has_history else ():
        kind, icon, word = states.TASK[state].split("|")
        tabs.append(
            Tab(
                word.lower(),
                href + wanted.with_state(state).query(),
                values[state],
                wanted.state == state,
                state,
                kind,
                icon,
            )
        )
    return tabs


def _bulk(facts: QueueFacts, wanted: PageFilter) -> dict[str, Any]:
    """Return what can be done to many tasks; the question that follows tells how many."""
    which = f"{wanted.state} tasks" if wanted.state else "tasks"
    is_scheduled = wanted.state == "scheduled"
    has_retries = bool(facts.counts.retrying) or wanted.state == "retrying"
    return {
        "words": f"All {which}" if wanted.is_plain else f"All {which} that match",
        "can_retry": not facts.is_pull
        and wanted.state in ("", "retrying", "scheduled")
        and (is_scheduled or has_retries),
        "retry": "Send now…" if is_scheduled else "Retry…",
        "can_delete": True,
    }


def _empty(
    sources: Sources, facts: QueueFacts, wanted: PageFilter, key: str, href: str
) -> dict[str, str]:
    if not wanted.is_plain:
        word = f"{wanted.state} task" if wanted.state else "task"
        what = f" has “{words.visible(wanted.text)}” in it" if wanted.text else " matches"
        total = state_count(facts, wanted.state)
        rest = f" {words.number(total)} {'is' if total == 1 else 'are'} {wanted.state}."
        return {
            "text": f"No {word}{what}.{rest if wanted.state and total else ''}",
            "href": href + PageFilter(wanted.state).query(),
            "verb": "Clear the filter",
        }
    if wanted.state:
        return {"text": f"No task is {wanted.state}.", "href": href, "verb": "All tasks"}
    activity = sources.activity.of(facts.name)
    if activity.done or activity.created:
        last = ""
        if activity.last_done_us is not None:
            away = words.relative(activity.last_done_us, sources.now_us)
            last = f", the last {'just now' if away == 'now' else away}"
        text = f"Nothing waits. {words.number(activity.done)} done{last}."
    else:
        text = "No task yet."
    if facts.is_pull:
        return {"text": text, "href": "", "verb": ""}
    return {"text": text, "href": f"/send?queue={key}", "verb": "Send a task"}


def _paging(
    facts: QueueFacts, wanted: PageFilter, found: Found, before: int | None, href: str
) -> dict[str, str]:
    shown = len(found.tasks)
    if wanted.is_plain:
        total = state_count(facts, wanted.state)
        text = f"{words.number(shown)} of {words.number(max(total, shown))}, newest first"
    elif found.is_cut:
        text = f"searched the newest {words.number(found.read)}, {words.number(shown)} found"
    else:
        text = f"{words.plural(shown, 'task')}, newest first" if shown else ""
    older = href + wanted.query(before=found.last) if found.last is not None else ""
    return {
        "words": text if shown or found.is_cut else "",
        "first": href + wanted.query() if before is not None else "",
        "older": older,
        "verb": "Search on" if found.is_cut else "Older",
    }


def _causes(sources: Sources, facts: QueueFacts) -> list[dict[str, str]]:
    """Return why attempts failed in the last hour, the most frequent first."""
    activity = sources.activity.of(facts.name)
    found = []
    for (result, text), tally in activity.causes(sources.now_us):
        code, phrase = words.result_words(result)
        found.append(
            {
                "code": code if result > 0 else "none",
                "count": words.number(tally),
                "text": words.visible(text or phrase or "no reason given")[:200],
            }
        )
    return found
