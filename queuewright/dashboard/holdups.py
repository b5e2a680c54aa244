"""Why a queue's tasks wait, in words. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from queuewright.dashboard import words
from queuewright.dashboard.activity import QueueActivity
from queuewright.engine import QueueFacts

_PAUSED: Final = 2
_DISABLED: Final = 3
"""`Queue.State` (queue.proto)."""

Tone = Literal["calm", "hot"]
"""Whether somebody who waits for tasks wants to know."""


@dataclass(frozen=True)
class HoldUp:
    """What holds a queue's tasks up."""

    kind: str
    """`none`, `paused`, `disabled`, `held`, `throttled`, `slots`, `rate`, `retries` or `later`."""
    text: str
    """In a few words, for a table."""
    sentence: str
    """In full, for the queue's page."""
    tone: Tone


def queue_state(facts: QueueFacts) -> str:
    """Return the state of a queue: `running`, `paused`, `disabled` or `held`."""
    if facts.config.state == _PAUSED:
        return "paused"
    if facts.config.state == _DISABLED:
        return "disabled"
    return "held" if facts.is_held else "running"


def hold_up(
    facts: QueueFacts, activity: QueueActivity, now_us: int, handler: str = "the handler"
) -> HoldUp:
    """Return what holds a queue's tasks up.

    Args:
        facts: the queue.
        activity: what happened in it.
        now_us: the engine's time.
        handler: who answers, in a sentence.
    """
    state, due = queue_state(facts), facts.counts.due
    waits = f"{words.plural(due, 'task')} {'waits' if due == 1 else 'wait'}"
    if state == "paused":
        since = "" if activity.paused_us is None else f" since {words.clock(activity.paused_us)}"
        verb = "has been" if since else "is"
        sentence = f"The queue {verb} paused{since}: it sends nothing."
        text = since.strip() or "sends nothing"
        return HoldUp("paused", text, _with(sentence, due, facts, now_us), "calm")
    if state == "disabled":
        return HoldUp("disabled", "disabled", "The queue is disabled, so it sends nothing.", "hot")
    if state == "held":
        text = f"{handler} has not started"
        return HoldUp("held", text, _with(f"{_first(text)}.", due, facts, now_us), "hot")
    if facts.is_pull:
        return _pull(facts)
    if facts.throttled_until_us > now_us:
        left = words.span(facts.throttled_until_us - now_us)
        text = f"the target is overloaded, {left} more"
        sentence = f"The target reported an overload: nothing is sent for {left} more."
        return HoldUp("throttled", text, sentence, "hot")
    if due:
        return _due(facts, activity, handler, waits, now_us)
    if facts.counts.retrying:
        text = f"{words.plural(facts.counts.retrying, 'task')} back off"
        if facts.counts.retrying == 1:
            text = f"{words.plural(1, 'task')} backs off"
        when = _next(facts, now_us)
        return HoldUp(
            "retries", f"{text}{when}", f"{_first(text)} after a failed attempt{when}.", "hot"
        )
    if facts.counts.scheduled:
        when = _next(facts, now_us) or ", later"
        text = f"next task is due {when.removeprefix(', the next ').removeprefix(', ')}"
        return HoldUp("later", text, f"Nothing is due; the {text}.", "calm")
    if facts.busy_slots or facts.counts.running:
        count = max(facts.busy_slots, facts.counts.running)
        sentence = f"Nothing holds it up: {words.plural(count, 'task')} running, none waiting."
        return HoldUp("none", "nothing holds it up", sentence, "calm")
    return HoldUp("none", "nothing waits", _idle(activity, now_us), "calm")


def _due(
    facts: QueueFacts, activity: QueueActivity, handler: str, waits: str, now_us: int
) -> HoldUp:
    slots, median_us = facts.limits.concurrency, activity.median_us
    limit = words.rate(facts.limits.rate)
    if facts.busy_slots >= slots:
        takes = "" if median_us is None else f", answers take {words.took(median_us)}"
        text = f"{facts.busy_slots} of {slots} slots busy{takes}"
        busy = (
            "The only slot is"
            if slots == 1
            else "Both slots are"
            if slots == 2
            else f"All {words.number(slots)} slots are"
        )
        slow = (
            "" if median_us is None else f" and {handler} takes {words.took(median_us)} to answer"
        )
        left = ""
        if median_us:
            need_us = round(facts.counts.due * median_us / slots)
            left = f" The {words.plural(facts.counts.due, 'due task')} "
            left += f"{'needs' if facts.counts.due == 1 else 'need'} about {words.span(need_us)}."
        return HoldUp("slots", text, f"{busy} busy{slow}.{left}", "hot")
    if facts.next_start_us is not None and facts.next_start_us > now_us:
        need_us = round(facts.counts.due / facts.limits.rate * words.SECOND_US)
        sentence = (
            f"The rate of {limit}/s is reached, so {waits}: "
            f"about {words.span(need_us)} at this rate."
        )
        return HoldUp("rate", f"rate {limit}/s reached", sentence, "hot")
    sentence = f"{waits} for a connection: all of the machine's are in use."
    return HoldUp(
        "sending",
        "being sent",
        _first(sentence) if facts.busy_slots else "Its tasks are being sent.",
        "calm",
    )


def _pull(facts: QueueFacts) -> HoldUp:
    if facts.counts.due:
        text = f"{words.plural(facts.counts.due, 'task')} to be leased"
        return HoldUp("pull", text, f"{_first(text)}: workers take them when they ask.", "calm")
    return HoldUp("none", "nothing to lease", "No task is due: workers that ask get none.", "calm")


def _idle(activity: QueueActivity, now_us: int) -> str:
    if not activity.done:
        return "No task waits."
    last = (
        "" if activity.last_done_us is None else f", the last {_ago(activity.last_done_us, now_us)}"
    )
    return f"Nothing waits. {words.number(activity.done)} done{last}."


def _with(sentence: str, due: int, facts: QueueFacts, now_us: int) -> str:
    if not due:
        return sentence
    oldest = ""
    if facts.oldest_due_us is not None and due > 1:
        oldest = f", the oldest for {words.span(now_us - facts.oldest_due_us)}"
    return f"{sentence} {words.plural(due, 'task')} {'is' if due == 1 else 'are'} due{oldest}."


def _next(facts: QueueFacts, now_us: int) -> str:
    if facts.next_due_us is None:
        return ""
    return f", the next {words.relative(facts.next_due_us, now_us)}"


def _ago(at_us: int, now_us: int) -> str:
    away = words.relative(at_us, now_us)
    return "just now" if away == "now" else away


def _first(text: str) -> str:
    return text[:1].upper() + text[1:]
