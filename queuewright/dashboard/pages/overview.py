"""The overview: what needs you, every queue, every handler, and what happened last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from queuewright.blueprint import QueuePlan
from queuewright.dashboard import states, words
from queuewright.dashboard.activity import QueueActivity
from queuewright.dashboard.charts import SMALL, Frame, chart
from queuewright.dashboard.holdups import HoldUp, hold_up, queue_state
from queuewright.dashboard.keys import QueueKeys, queue_href, task_href
from queuewright.dashboard.pages.frame import page
from queuewright.dashboard.pages.pulled import pulled_rows
from queuewright.dashboard.sources import Sources
from queuewright.dashboard.surroundings import HandlerFacts, PulledQueue
from queuewright.engine import Event, QueueFacts, events

MOST_QUEUES: Final = 60
_FAILING: Final = 5
"""So many failures in a row are worth a person's attention."""

Values = dict[str, str]


@dataclass(frozen=True)
class DrawnChart:
    """A chart with its limit as a path."""

    frame: Frame
    up: str
    down: str
    limit: str


@dataclass(frozen=True)
class Row:
    """A queue in the table."""

    key: str
    label: str
    href: str
    target: str
    limit: str
    is_hot: bool
    is_pull: bool
    chart: DrawnChart


@dataclass(frozen=True)
class Need:
    """Something that a person should look at."""

    key: str
    kind: str
    icon: str
    label: str
    subject: str
    text: str
    verb: str
    href: str = ""
    action: str = ""
    quote: str = ""


@dataclass(frozen=True)
class HandlerRow:
    """A handler in the table."""

    key: str
    noun: str
    state: str
    version: str
    runs: str
    since_us: int | None
    median: str
    p95: str
    restarts: int
    error: str
    error_us: int | None


@dataclass(frozen=True)
class Happening:
    """Something that happened just now."""

    at_us: int
    subject: str
    href: str
    state: str
    text: str


def overview(
    sources: Sources, pulled: Sequence[PulledQueue] = (), *, shows_all: bool = False
) -> dict[str, Any]:
    """Return the context of the overview."""
    pulled_table = pulled_rows(pulled)
    facts, keys, plans = sources.queues(), sources.keys(), sources.plans()
    shown = facts if shows_all else facts[:MOST_QUEUES]
    needs = _needs(sources, facts, keys, plans)
    handlers = _handlers(sources)
    feed = _feed(sources, keys)
    context = page(sources, title="Overview", current="/", topics=["overview"])
    return context | {
        "v": overview_values(sources, shown, facts, keys),
        "queues": [_row(sources, each, keys, plans) for each in shown],
        "total": len(facts),
        "pulled": pulled_table,
        "pulled_rev": words.revision(pulled_table),
        "needs": needs,
        "needs_rev": words.revision(needs),
        "handlers": handlers,
        "handlers_rev": words.revision(handlers),
        "feed": feed,
        "feed_rev": words.revision(feed),
        "all_paused": bool(facts) and all(queue_state(each) == "paused" for each in facts),
        "dead_word": "Gave up",
    }


def live_overview(sources: Sources, pulled: Sequence[PulledQueue] = ()) -> Values:
    """Return everything that changes on the overview, by key."""
    facts, keys = sources.queues(), sources.keys()
    values = overview_values(sources, facts[:MOST_QUEUES], facts, keys)
    plans = sources.plans()
    values["pulled@rev"] = words.revision(pulled_rows(pulled))
    values["needs@rev"] = words.revision(_needs(sources, facts, keys, plans))
    values["handlers@rev"] = words.revision(_handlers(sources))
    values["feed@rev"] = words.revision(_feed(sources, keys))
    return values


def overview_values(
    sources: Sources, shown: Sequence[QueueFacts], facts: Sequence[QueueFacts], keys: QueueKeys
) -> Values:
    """Return the numbers and words of the table, by key."""
    values = {"sum": summary(sources, facts)}
    plans = sources.plans()
    for each in shown:
        prefix = f"q/{keys.key(each.name)}/"
        plan = plans.get(each.name)
        values |= queue_values(sources, each, prefix, plan.handler if plan else "the handler")
    return values


def queue_values(sources: Sources, facts: QueueFacts, prefix: str, handler: str) -> Values:
    """Return the numbers and words of one queue."""
    now_us, activity = sources.now_us, sources.activity.of(facts.name)
    held = hold_up(facts, activity, now_us, handler)
    counts = facts.counts
    good, bad = activity.bars.rates(now_us)
    rate, limit = words.rate(good + bad), words.rate(facts.limits.rate)
    drawn = drawn_chart(activity, facts, now_us, SMALL)
    oldest = "none" if facts.oldest_due_us is None else words.span(now_us - facts.oldest_due_us)
    tokens = [
        f"{words.number(count)} {word}"
        for count, word in (
            (counts.scheduled, "scheduled"),
            (counts.due, "due"),
            (counts.running, "running"),
            (counts.retrying, "retrying"),
            (activity.dead, "gave up"),
        )
        if count
    ]
    return {
        f"{prefix}state": states.QUEUE[queue_state(facts)],
        f"{prefix}why": held.text,
        f"{prefix}scheduled": words.number(counts.scheduled),
        f"{prefix}due": words.number(counts.due),
        f"{prefix}running": words.number(counts.running),
        f"{prefix}retrying": words.number(counts.retrying),
        f"{prefix}dead": words.number(activity.dead),
        f"{prefix}rate": rate,
        f"{prefix}oldest": oldest,
        f"{prefix}words": " · ".join(
            [*tokens, *([] if facts.is_pull else [f"{rate} of {limit}/s"])]
        ),
        f"{prefix}up": drawn.up,
        f"{prefix}down": drawn.down,
        f"{prefix}lim": drawn.limit,
    }


def drawn_chart(
    activity: QueueActivity, facts: QueueFacts, now_us: int, frame: Frame
) -> DrawnChart:
    """Return the chart of a queue's last ten minutes."""
    drawn = chart(*activity.bars.series(now_us), facts.limits.rate, frame)
    limit = "" if drawn.limit_y is None else f"M0 {drawn.limit_y:g}h{frame.width:g}"
    return DrawnChart(frame, drawn.up, drawn.down, limit)


def summary(sources: Sources, facts: Sequence[QueueFacts]) -> str:
    """Return the sentence over the table."""
    if not facts:
        return "No queue exists yet."
    waiting = sum(each.counts.scheduled + each.counts.due for each in facts)
    running = sum(each.counts.running for each in facts)
    retrying = sum(each.counts.retrying for each in facts)
    good = bad = 0.0
    for each in facts:
        rates = sources.activity.of(each.name).bars.rates(sources.now_us)
        good, bad = good + rates[0], bad + rates[1]
    text = (
        f"{words.plural(waiting, 'task')} waiting, {words.number(running)} running, "
        f"{words.number(retrying)} to be retried."
    )
    if not good and not bad:
        return text
    share = _share(bad / (good + bad))
    return f"{text} {words.rate(good + bad)} answers a second{share}."


def _share(failed: float) -> str:
    """Return how many answers are failures, in words.

    >>> for share in (0.5, 0.34, 1):
    ...     print(_share(share).replace(words.SPACE, " "))
    , half of them failures
    , 34 % of them failures
    , all of them failures
    """
    if failed <= 0:
        return ""
    if failed >= 1:
        return ", all of them failures"
    if 0.48 <= failed <= 0.52:
        return ", half of them failures"
    return f", {max(1, round(failed * 100))}{words.SPACE}% of them failures"


def target_words(facts: QueueFacts, plan: QueuePlan | None) -> str:
    """Return where the tasks of a queue go."""
    if facts.is_pull:
        return "workers lease its tasks"
    if plan is not None:
        return f"{plan.handler} {plan.path}" if plan.path else plan.handler
    override = facts.config.http_target.uri_override
    if override.host:
        return f"{override.host}{override.path_override.path}"
    if facts.config.HasField("app_engine_routing_override"):
        service = facts.config.app_engine_routing_override.service or "default"
        return f"App Engine {service}"
    return "each task's own URL"


def _row(sources: Sources, facts: QueueFacts, keys: QueueKeys, plans: dict[str, QueuePlan]) -> Row:
    plan, activity = plans.get(facts.name), sources.activity.of(facts.name)
    key = keys.key(facts.name)
    held = hold_up(facts, activity, sources.now_us)
    return Row(
        key,
        key.replace("~", " · "),
        queue_href(key),
        target_words(facts, plan),
        words.rate(facts.limits.rate),
        held.tone == "hot",
        facts.is_pull,
        drawn_chart(activity, facts, sources.now_us, SMALL),
    )


def _needs(
    sources: Sources,
    facts: Sequence[QueueFacts],
    keys: QueueKeys,
    plans: dict[str, QueuePlan],
) -> list[Need]:
    """Return what a person should look at, the worst first."""
    dead, failing, paused = [], [], []
    broken = [
        _broken(each)
        for each in sources.surroundings.handlers()
        if each.health in ("held", "failing")
    ]
    for queue in facts:
        key, activity = keys.key(queue.name), sources.activity.of(queue.name)
        plan = plans.get(queue.name)
        handler = plan.handler if plan else "its target"
        href = queue_href(key)
        if activity.dead and activity.last_dead is not None:
            count = words.plural(activity.dead, "task")
            last = activity.last_dead
            text = f"gave up on {count}: {_failure_words(last.result, handler)}."
            dead.append(
                Need(
                    f"dead-{key}",
                    "dead",
                    "dead",
                    f"{words.number(activity.dead)} gave up",
                    key,
                    text,
                    "See the tasks",
                    href=f"{href}?state=failed",
                    quote=last.message,
                )
            )
        held = hold_up(queue, activity, sources.now_us, handler)
        if held.kind == "throttled":
            failing.append(
                Need(
                    f"slow-{key}",
                    "hold",
                    "warn",
                    "Overloaded",
                    key,
                    f"waits: {held.text}.",
                    "See the queue",
                    href=href,
                )
            )
        elif activity.failures_in_a_row >= _FAILING and queue.counts.retrying:
            failing.append(_failing(queue, activity, key, handler, href))
        if held.kind == "paused" and queue.counts.due:
            paused.append(_paused(queue, activity, key, href, sources.now_us))
    return [*dead, *broken, *failing, *paused]


def _broken(facts: HandlerFacts) -> Need:
    word = "Not started" if facts.health == "held" else "Failing"
    text = "has not started; its tasks wait." if facts.health == "held" else "does not serve."
    return Need(
        f"handler-{facts.key}",
        "hold",
        "warn",
        word,
        facts.key,
        text,
        "See why",
        href=f"/handlers/{facts.key}",
        quote=facts.error,
    )


def _failing(queue: QueueFacts, activity: QueueActivity, key: str, handler: str, href: str) -> Need:
    last = activity.last_failure
    assert last is not None, "there were failures"
    since = "" if activity.failing_since_us is None else words.clock(activity.failing_since_us)
    text = f"{_gets(last.result, handler)} since {since}."
    return Need(
        f"retry-{key}",
        "retry",
        "retry",
        f"{words.number(queue.counts.retrying)} retrying",
        key,
        text,
        "See the tasks",
        href=f"{href}?state=retrying",
        quote=last.message,
    )


def _paused(queue: QueueFacts, activity: QueueActivity, key: str, href: str, now_us: int) -> Need:
    due = queue.counts.due
    oldest = ""
    if queue.oldest_due_us is not None:
        for_ = words.span((now_us - queue.oldest_due_us) // words.MINUTE_US * words.MINUTE_US)
        long = now_us - queue.oldest_due_us >= words.MINUTE_US
        oldest = f", the oldest for {for_}" if long and due > 1 else f" for {for_}" if long else ""
    since = ""
    if activity.paused_us is not None:
        since = f" Paused at {words.clock(activity.paused_us)}."
    text = f"has {words.plural(due, 'task')} due{oldest}.{since}"
    return Need(
        f"paused-{key}", "hold", "hold", "Paused", key, text, "Resume", action=f"{href}/resume"
    )


def _gets(result: int, handler: str) -> str:
    if result > 0:
        code = words.result_words(result)[0]
        return f"has been getting {code} from {handler}"
    return f"has had no answer from {handler}"


def _failure_words(result: int, handler: str) -> str:
    code, phrase = words.result_words(result)
    if result > 0:
        return f"the last answer was {code} {phrase}".rstrip()
    return f"{handler} gave no answer {phrase}"


def _handlers(sources: Sources) -> list[HandlerRow]:
    activity = sources.handler_activity()
    rows = []
    for each in sources.surroundings.handlers():
        latencies = sorted(
            latency for queue in activity.get(each.key, ()) for latency in queue.latencies_us
        )
        median = words.took(latencies[len(latencies) // 2]) if latencies else ""
        p95 = (
            words.took(latencies[min(len(latencies) - 1, len(latencies) * 95 // 100)])
            if latencies
            else ""
        )
        error, error_us = each.error, each.error_us
        for queue in activity.get(each.key, ()):
            last = queue.last_failure
            if last is not None and (error_us is None or last.time_us > error_us):
                code, phrase = words.result_words(last.result)
                error, error_us = f"{code} {last.message or phrase}".strip(), last.time_us
        rows.append(
            HandlerRow(
                each.key,
                each.noun,
                states.HANDLER[each.health],
                each.version,
                each.runs,
                each.since_us,
                median,
                p95,
                each.restarts,
                words.visible(error[:200]),
                error_us,
            )
        )
    return rows


def _feed(sources: Sources, keys: QueueKeys) -> list[Happening]:
    return [
        found
        for event in reversed(sources.activity.feed)
        if (found := happening(event, keys)) is not None
    ][:8]


def happening(event: Event, keys: QueueKeys) -> Happening | None:
    """Return an event in words; None if it is not worth a line."""
    try:
        key = keys.key(event.queue) if event.queue else ""
    except ValueError:
        key = event.queue
    task_id = getattr(event, "task", "").rpartition("/")[2]
    href = task_href(key, task_id) if task_id else queue_href(key) if key else ""
    short = task_id if len(task_id) <= 24 else f"{task_id[:22]}…"

    def told(kind: str, text: str) -> Happening:
        return Happening(event.time_us, key or "engine", href, kind, text)

    match event:
        case events.AttemptEnded(outcome="succeeded"):
            took = "" if event.duration_us is None else f"in {words.took(event.duration_us)}"
            nth = f", attempt {event.attempt}" if event.attempt > 1 else ""
            return told(f"done|done|{event.result}", f"{took}{nth}")
        case events.AttemptEnded(outcome="gave_up"):
            code, phrase = words.result_words(event.result)
            return told("dead|dead|gave up", f"{short}: {code} {phrase}, attempt {event.attempt}")
        case events.AttemptEnded():
            code, phrase = words.result_words(event.result)
            wait_us = (event.next_retry_us or event.time_us) - event.time_us
            again = f", next in {words.wait(wait_us)}" if event.next_retry_us else ""
            text = f"{phrase}, attempt {event.attempt}{again}"
            return told(f"retry|retry|{code.lower()}", text)
        case events.TaskCreated():
            return told("wait|due|added", short)
        case events.QueuePaused():
            return told("hold|hold|paused", "sends nothing until it is resumed")
        case events.QueueResumed():
            return told("run|run|resumed", "")
        case events.QueuePurged():
            return told("wait|dead|purged", "all its tasks are gone")
        case events.QueueCreated():
            return told("wait|due|created", "")
        case events.QueueUpdated():
            return told("wait|due|changed", "")
        case events.QueueDeleted():
            return Happening(event.time_us, key.rpartition("/")[2], "", "wait|dead|deleted", "")
        case events.QueueThrottled():
            return told("hold|warn|overloaded", event.message)
        case events.CallDenied():
            who = event.principal.partition(":")[2] or event.principal
            return told("dead|dead|denied", who)
        case events.TaskDeleted():
            return told("wait|dead|deleted", short)
        case events.TaskForced():
            return told("run|run|by hand", short)
        case events.TaskExpired() | events.TaskGivenUp():
            return told("dead|dead|gave up", short)
        case events.TaskLeased():
            return told("run|run|leased", f"{short}, attempt {event.attempt}")
        case events.TaskAcknowledged():
            return told("done|done|done", short)
        case events.StateFailed():
            return told("dead|dead|state", event.message)
    return None


def hold_up_of(sources: Sources, facts: QueueFacts, handler: str) -> HoldUp:
    """Return what holds a queue up now."""
    return hold_up(facts, sources.activity.of(facts.name), sources.now_us, handler)
