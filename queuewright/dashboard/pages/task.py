"""A task's page: what became of it, its attempts along time, its body, and the chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from queuewright.cloud_tasks.retry import RetryPolicy, elapsed_us
from queuewright.dashboard import states, words
from queuewright.dashboard.bodies import Body, embedded_pictures, shown_body
from queuewright.dashboard.charts import Point, Strip, strip
from queuewright.dashboard.keys import QueueKeys, queue_href, task_href
from queuewright.dashboard.log_lines import Line, answer_lines, handler_lines
from queuewright.dashboard.masking import shown_value
from queuewright.dashboard.pages.frame import page
from queuewright.dashboard.pages.overview import target_words
from queuewright.dashboard.sources import Sources
from queuewright.engine import METHODS, QueueFacts, TaskFacts
from queuewright.history import AttemptRecord, TaskHistory, TaskRecord, wait_reason

VIEWS: Final = ("body", "headers", "text", "hex")
_CHAIN: Final = 12


@dataclass(frozen=True)
class Said:
    """A piece of the sentence under the title."""

    text: str = ""
    at_us: int | None = None
    rel: str = ""
    strong: bool = False


@dataclass(frozen=True)
class Step:
    """An entry of the list of attempts: an attempt, or the wait before it."""

    number: int
    gap: str = ""
    gap_place: str = ""
    label: str = ""
    icon: str = ""
    at_us: int = 0
    code: str = ""
    phrase: str = ""
    took: str = ""
    by_hand: bool = False
    is_planned: bool = False
    is_running: bool = False
    is_bad: bool = False
    is_open: bool = False
    lines: tuple[Line, ...] = ()
    summary: str = ""
    rev: str = ""


@dataclass(frozen=True)
class Link:
    """A task in the chain."""

    depth: int
    state: str
    href: str
    queue: str
    id: str
    text: str


@dataclass(frozen=True)
class Fact:
    """A fact about a task."""

    label: str
    value: str = ""
    code: str = ""
    href: str = ""
    at_us: int | None = None
    rel: str = ""


@dataclass(frozen=True)
class Story:
    """All that is known about a task."""

    name: str
    live: TaskFacts | None
    """None if the task is gone."""
    history: TaskHistory
    parent: TaskRecord | None = None
    allowed: int | None = None
    """How many attempts its file allows, if the queue makes some more for its dead letters."""

    @property
    def record(self) -> TaskRecord | None:
        """The history's record, if it belongs to the task that is meant."""
        record = self.history.record
        if record is None or self.live is None:
            return record
        # A name may be given again after an hour; the record may still be the former task's.
        is_same = abs(record.created_us - self.live.created_us) < words.SECOND_US
        return record if is_same else None

    @property
    def attempts(self) -> Sequence[AttemptRecord]:
        """Its attempts, oldest first."""
        if self.live is not None and self.record is None:
            return [each for each in self.history.attempts if each.outcome == "running"]
        return self.history.attempts

    @property
    def is_buried(self) -> bool:
        """Whether its handler made it a dead letter."""
        return self.record is not None and self.record.is_dead_letter

    @property
    def body(self) -> bytes:
        """Its body, as far as it is known."""
        if self.live is not None:
            return self.live.body
        return self.history.content.body if self.history.content is not None else b""

    @property
    def headers(self) -> Sequence[tuple[str, str]]:
        """Its own headers."""
        if self.live is not None:
            content = self.live.content
            if content.HasField("app_engine_http_request"):
                return tuple(content.app_engine_http_request.headers.items())
            return tuple(content.http_request.headers.items())
        return self.history.content.headers if self.history.content is not None else ()

    @property
    def state(self) -> str:
        """Its state now."""
        if self.live is not None:
            return self.live.state
        if self.is_buried:
            return "buried"
        return self.record.state if self.record is not None else "gone"

    @property
    def max_attempts(self) -> int:
        """How often it is tried; -1: no limit; 0: unknown."""
        if self.allowed is not None and self.live is None:
            return self.allowed
        if self.live is not None:
            return self.live.retry.max_attempts
        return self.attempts[-1].max_attempts if self.attempts else 0


def task_page(
    sources: Sources, queue: QueueFacts | None, story: Story, view: str
) -> dict[str, Any]:
    """Return the context of a task's page.

    Args:
        sources: what it is made from.
        queue: the task's queue; None if it is gone.
        story: all that is known about the task.
        view: which part of the task is shown below its attempts: one of `VIEWS`.
    """
    keys = sources.keys()
    queue_name, _, task_id = story.name.rpartition("/tasks/")
    key = keys.key(queue_name)
    href = task_href(key, task_id)
    now_us = sources.now_us
    steps = _steps(sources, story, queue)
    drawn = _strip(story, now_us)
    body = shown_body(story.body, raw=view == "text")
    shown = _view(view, body)
    live = story.live
    is_pull = queue is not None and queue.is_pull
    task = {
        "id": task_id,
        "name": story.name,
        "href": href,
        "state": states.TASK[story.state],
        "is_live": live is not None,
        "can_run": live is not None and not is_pull,
        "can_send": queue is not None and not is_pull and _is_known(story),
        "copy_href": f"/send?queue={key}&from={task_id}",
    }
    plan = sources.plan(queue_name)
    is_kept = plan is not None and plan.dead_letters is not None
    ending = "becomes a dead letter" if is_kept else "is given up"
    say = _say(story, now_us, ending)
    chain = _chain(story, keys)
    facts = _facts(sources, queue, story)
    attempts_words = _attempts_words(story)
    context = page(sources, title=_short(task_id), topics=[f"task:{key}/{task_id}"])
    return context | {
        "task": task,
        "title_rev": words.revision((task["state"], task["is_live"])),
        "queue": {"href": queue_href(key), "label": key.replace("~", " · ")},
        "say": say,
        "say_rev": words.revision(say),
        "strip": drawn,
        "strip_words": _strip_words(story),
        "strip_rev": words.revision((drawn and (drawn.marks, drawn.waits), story.state)),
        "attempts": steps,
        "attempts_words": attempts_words,
        "view": shown,
        "body_tabs": _body_tabs(href, view, body, len(story.headers)),
        "body": {
            "text": body.hex if shown == "hex" else body.text,
            "words": _body_words(body, story),
            "size": body.size,
            "can_copy": shown in ("text", "hex"),
        },
        "pictures": embedded_pictures(story.body) if view == "body" and body.kind == "json" else [],
        "headers": [
            {"name": name, "value": words.visible(shown_value(name, value))}
            for name, value in story.headers
        ],
        "chain": chain,
        "chain_rev": words.revision(chain),
        "facts": facts,
        "facts_rev": words.revision(facts),
    }


def task_revision(story: Story) -> str:
    """Return a text that changes when the page of a task does."""
    lines = sum(len(each.lines) for each in story.attempts)
    live = story.live
    return words.revision(
        (
            story.state,
            live and (live.attempts, live.schedule_us),
            len(story.attempts),
            lines,
            len(story.history.children),
        )
    )


def _view(view: str, body: Body) -> str:
    if view in ("headers", "hex"):
        return view
    if view == "text" and body.kind not in ("image", "binary"):
        return "empty" if body.kind == "empty" else "text"
    return {"image": "image", "empty": "empty", "binary": "hex"}.get(body.kind, "text")


def _body_tabs(href: str, view: str, body: Body, headers: int) -> list[dict[str, Any]]:
    shown = [("body", "Body", None), ("headers", "headers" if headers != 1 else "header", headers)]
    if body.kind == "json":
        shown.append(("text", "As text", None))
    if body.kind not in ("empty", "binary"):
        shown.append(("hex", "Hex", None))
    return [
        {
            "label": label,
            "href": f"{href}#body" if name == "body" else f"{href}?view={name}#body",
            "count": number,
            "is_current": view == name,
        }
        for name, label, number in shown
    ]


def _body_words(body: Body, story: Story) -> str:
    if story.live is None and story.history.content is None:
        return "The body is no longer kept."
    kind = {"image": body.picture or "", "json": "JSON", "text": "text", "binary": "binary"}
    text = f"{kind.get(body.kind, 'empty')}, {words.size(body.size)}"
    return (
        f"{text}, of which the beginning is shown" if body.is_cut and body.kind != "image" else text
    )


def _is_known(story: Story) -> bool:
    return story.live is not None or story.history.content is not None


def _attempts_words(story: Story) -> str:
    done = _attempt_count(story)
    most = story.max_attempts
    return f"{done} of {most:,}" if most > 0 and done else str(done) if done else ""


def _attempt_count(story: Story) -> int:
    if story.live is not None:
        return story.live.attempts
    return story.record.attempts if story.record is not None else len(story.attempts)


def _say(story: Story, now_us: int, ending: str) -> list[Said]:
    """Return the sentence under the title: what happened, and what comes next."""
    live, attempts = story.live, story.attempts
    failed = [each for each in attempts if each.outcome not in ("running", "succeeded")]
    why = _why(attempts)
    if live is None:
        return _said_of_the_end(story, why)
    count = live.attempts - len(live.running_since_us)
    said: list[Said] = []
    if count:
        told = f"{_counted(count)} failed"
        said.append(Said(f"{told}: {why}. " if why and failed else f"{told}. "))
    most = live.retry.max_attempts
    of = f" of {most:,}" if most > 0 else ""
    if live.state == "running":
        said += [
            Said(f"Attempt {live.attempts}{of} has been running "),
            Said(at_us=live.running_since_us[-1], rel="for"),
            Said("."),
        ]
        return said
    following = f"Attempt {count + 1}{of} is "
    if live.state == "due":
        said += [
            Said(following),
            Said("due", strong=True),
            Said("; see its queue for what holds it up."),
        ]
    elif live.state == "leased":
        said += [
            Said("A worker holds it; its lease ends "),
            Said(at_us=live.schedule_us, rel="in"),
            Said("."),
        ]
    else:
        said += [Said(following), Said(at_us=live.schedule_us, rel="in"), Said(".")]
    last_us = _last_try_us(live, count)
    if last_us is not None and live.state in ("retrying", "scheduled") and count:
        said.append(Said(f" If all fail, it {ending} at {_moment(last_us, now_us)}."))
    return said


def _said_of_the_end(story: Story, why: str) -> list[Said]:
    record = story.record
    if record is None:
        return [Said("The task is gone, and the history has nothing about it.")]
    count = _attempt_count(story)
    ended = Said(at_us=record.ended_us) if record.ended_us is not None else Said()
    if story.is_buried:
        text = f"It became a dead letter after {_counted(count).lower()}, "
        return [Said(text), ended, Said("; see Dead letters for its cause, and to replay it.")]
    if record.state == "finished":
        if count == 1:
            return [Said("Done at the first attempt, "), ended, Said(".")]
        return [Said(f"Done at attempt {count}, "), ended, Said(".")]
    if record.state == "failed":
        text = f"Given up after {_counted(count).lower()}"
        return [
            Said(f"{text}: {why}. It ended " if why else f"{text}. It ended "),
            ended,
            Said("."),
        ]
    verb = {"deleted": "Deleted", "purged": "Purged with its queue", "expired": "Expired"}
    tried = f" after {_counted(count).lower()}" if count else " before any attempt"
    return [Said(f"{verb.get(record.state, 'Gone')}{tried}, "), ended, Said(".")]


def _why(attempts: Sequence[AttemptRecord]) -> str:
    """Return why the last attempt failed, in a few words."""
    for each in reversed(attempts):
        if each.outcome in ("will_retry", "gave_up", "deleted") and not 200 <= each.result <= 299:
            lines = answer_lines(each)
            code, phrase = words.result_words(each.result)
            reason = each.message or (lines[0].text if lines else "") or phrase
            reason = reason.rstrip(".")
            short = reason if len(reason) <= 160 else f"{reason[:158]}…"
            return words.visible(f"{code} {short}" if each.result > 0 else short)
    return ""


_NUMBERS: Final = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


def _counted(count: int) -> str:
    """Return how many attempts, at the beginning of a sentence.

    >>> _counted(1), _counted(4), _counted(12)
    ('One attempt', 'Four attempts', '12 attempts')
    """
    number = _NUMBERS[count] if count < len(_NUMBERS) else words.number(count)
    return f"{number} attempt{'' if count == 1 else 's'}"


def _last_try_us(live: TaskFacts, failed: int) -> int | None:
    """Return when the last allowed attempt would be made, if attempts fail at once."""
    policy: RetryPolicy = live.retry
    if policy.max_attempts <= failed + 1 or policy.max_retry_duration_us:
        return live.schedule_us if policy.max_attempts == failed + 1 else None
    waits_us = elapsed_us(policy, policy.max_attempts) - elapsed_us(policy, failed + 1)
    return live.schedule_us + waits_us


def _moment(at_us: int, now_us: int) -> str:
    if at_us - now_us < words.DAY_US // 2:
        return words.clock(at_us)
    return words.exact(at_us)[:16]


def _steps(sources: Sources, story: Story, queue: QueueFacts | None) -> list[Step]:
    """Return the list of attempts, the newest first, with the waits between them."""
    live, attempts = story.live, story.attempts
    steps: list[Step] = []
    place = _backoff_place(sources, queue)
    if live is not None and live.state in ("scheduled", "retrying", "due"):
        ended = live.attempts
        number = ended + 1
        steps.append(
            Step(
                number,
                label=str(number),
                icon="plan",
                at_us=live.schedule_us,
                is_planned=True,
                rev=words.revision(live.schedule_us),
            )
        )
        if ended:
            last = attempts[-1] if attempts else None
            since_us = live.last_response_us or live.last_dispatch_us
            if last is not None and last.next_us == live.schedule_us and last.reason:
                steps.append(
                    Step(number, gap=_gap("waits", last, live.schedule_us), gap_place=place)
                )
            elif since_us is not None and live.schedule_us > since_us:
                reason = words.spaced(wait_reason(live.retry, ended))
                text = f"waits {words.wait(live.schedule_us - since_us)}: {reason}"
                steps.append(Step(number, gap=text))
    handler = _handler(sources, story)
    for index, each in enumerate(reversed(attempts)):
        before = attempts[-index - 2] if index + 1 < len(attempts) else None
        steps.append(_step(each, handler, is_open=index == 0))
        if before is not None and before.next_us is not None:
            steps.append(Step(each.attempt, gap=_gap("waited", before, each.started_us)))
    if steps:
        steps.append(Step(0, gap=_origin(story)))
    return steps


def _gap(verb: str, before: AttemptRecord, until_us: int) -> str:
    ended_us = before.started_us + (before.duration_us or 0)
    due_us = until_us if before.next_us is None else before.next_us
    wait_us = max(0, due_us - ended_us)
    late_us = until_us - due_us
    late = f"; then {words.wait(late_us)} in the queue" if late_us >= words.SECOND_US else ""
    reason = words.spaced(before.reason)
    head, comma, rest = reason.partition(", the ")
    if comma and head == words.wait(wait_us):  # `4 s: 4 s, the first wait` says it twice
        return f"{verb} {head}, the {rest}{late}"
    return f"{verb} {words.wait(wait_us)}{f': {reason}' if reason else ''}{late}"


def _origin(story: Story) -> str:
    record, live = story.record, story.live
    created_us = live.created_us if live is not None else record.created_us if record else None
    if created_us is None:
        return "added"
    who = f" by {record.creator}" if record is not None and record.creator else ""
    first = story.attempts[0] if story.attempts else None
    due_us = first.schedule_us if first is not None else live.schedule_us if live else created_us
    later_us = due_us - created_us
    due = "due at once" if later_us < words.SECOND_US else f"due {words.span(later_us)} later"
    return f"added{who} at {words.clock(created_us)}, {due}"


def _step(each: AttemptRecord, handler: str, *, is_open: bool) -> Step:
    code, phrase = words.result_words(each.result)
    is_running = each.outcome == "running"
    is_ok = each.outcome == "succeeded"
    if each.outcome == "gave_up" and 200 <= each.result <= 299:
        code, phrase = "Dead letter", ""
    lines = (*answer_lines(each), *handler_lines(each, handler))
    icon = "going" if is_running else "okay" if is_ok else "fail"
    if each.outcome == "interrupted":
        icon, code, phrase = "plan", "Interrupted", "the engine stopped"
    return Step(
        each.attempt,
        label=str(each.attempt),
        icon=icon,
        at_us=each.started_us,
        code=code,
        phrase=phrase if not (is_ok and phrase == "OK") else "",
        took="" if each.duration_us is None else words.took(each.duration_us),
        by_hand=each.by_hand,
        is_running=is_running,
        is_bad=icon == "fail",
        is_open=is_open,
        lines=lines,
        summary=_summary(each, len(lines)),
        rev=words.revision((each.outcome, len(lines), is_open)),
    )


def _summary(each: AttemptRecord, count: int) -> str:
    answers = len(answer_lines(each))
    printed = count - answers
    lines = f"{printed} line{'' if printed == 1 else 's'} of the handler"
    if answers and printed:
        return f"answer and {lines}"
    return "answer" if answers else lines


def _strip(story: Story, now_us: int) -> Strip | None:
    points = [
        Point(
            each.attempt,
            each.started_us,
            None if each.duration_us is None else each.started_us + each.duration_us,
            {"running": "run", "succeeded": "ok"}.get(each.outcome, "bad"),
        )
        for each in story.attempts
    ]
    live = story.live
    if live is not None and live.state in ("scheduled", "retrying", "due"):
        at_us = max(live.schedule_us, now_us) if live.state == "due" else live.schedule_us
        points.append(Point(live.attempts + 1, at_us, None, "plan"))
    if len(points) < 2:
        return None
    return strip(points, now_us)


def _strip_words(story: Story) -> str:
    failed = sum(each.outcome in ("will_retry", "gave_up") for each in story.attempts)
    text = f"{_counted(failed)} failed." if failed else "No attempt failed."
    return f"{text} The list below has the same."


def _chain(story: Story, keys: QueueKeys) -> list[Link]:
    record = story.record
    links: list[Link] = []
    depth = 0
    parent = story.parent
    if record is not None and record.creator:
        if parent is not None:
            links.append(_link(parent, keys, 0, _result_text(parent)))
        else:
            links.append(Link(0, "", "", "", "", f"added by {record.creator}"))
        depth = 1
    queue_name, _, task_id = story.name.rpartition("/tasks/")
    links.append(
        Link(
            depth,
            states.TASK[story.state],
            "",
            keys.key(queue_name).replace("~", " · "),
            _short(task_id),
            "this task",
        )
    )
    children = story.history.children[:_CHAIN]
    links += [_link(child, keys, depth + 1, _result_text(child)) for child in children]
    if len(story.history.children) > len(children):
        more = len(story.history.children) - len(children)
        links.append(Link(depth + 1, "", "", "", "", f"and {more:,} more"))
    if not children:
        links.append(Link(depth + 1, "", "", "", "", "has created none"))
    return links


def _link(record: TaskRecord, keys: QueueKeys, depth: int, text: str) -> Link:
    key = keys.key(record.queue)
    task_id = record.name.rpartition("/")[2]
    return Link(
        depth,
        states.TASK[record.state],
        task_href(key, task_id),
        key.replace("~", " · "),
        _short(task_id),
        text,
    )


def _result_text(record: TaskRecord) -> str:
    return words.result_words(record.last_result)[0]


def _short(task_id: str) -> str:
    return task_id if len(task_id) <= 18 else f"{task_id[:16]}…"


def _facts(sources: Sources, queue: QueueFacts | None, story: Story) -> list[Fact]:
    live, record = story.live, story.record
    found: list[Fact] = []
    created_us = live.created_us if live else record.created_us if record else None
    if created_us is not None:
        found.append(Fact("Added", at_us=created_us))
    if record is not None and record.ended_us is not None:
        found.append(Fact("Ended", at_us=record.ended_us))
    plan = sources.plan(queue.name) if queue is not None else None
    if plan is not None:
        found.append(
            Fact(
                "Sent to",
                plan.handler,
                plan.path or "",
                href=f"/handlers/{plan.handler}",
            )
        )
    elif queue is not None and not queue.is_pull and live is None and story.history.content is None:
        found.append(Fact("Sent to", target_words(queue, None)))
    if live is not None and live.content.HasField("http_request") and not (queue and queue.is_pull):
        http = live.content.http_request
        if plan is None:
            found.append(
                Fact(
                    "Request",
                    "",
                    f"{METHODS[http.http_method] or 'POST'} {words.visible(http.url)}",
                )
            )
        if live.content.HasField("dispatch_deadline"):
            deadline_us = live.content.dispatch_deadline.ToMicroseconds()
            found.append(Fact("Deadline", f"{words.span(deadline_us)} an attempt"))
        token = http.oidc_token
        if token.service_account_email:
            account = token.service_account_email.partition("@")[0]
            found.append(Fact("Token", f"OIDC of {account}, masked"))
    elif story.history.content is not None and plan is None:
        content = story.history.content
        found.append(
            Fact("Request", "", f"{content.method or 'POST'} {words.visible(content.url)}")
        )
    if plan is not None and plan.invoker is not None and sources.blueprint is not None:
        account = sources.blueprint.accounts[plan.invoker].account_id
        found.append(Fact("Token", f"OIDC of {account}, masked"))
    if live is not None and live.tag:
        found.append(Fact("Tag", words.visible(live.tag)))
    found.append(
        Fact("Body", words.size(len(story.body)) if _is_known(story) else "no longer kept")
    )
    return found


def _handler(sources: Sources, story: Story) -> str:
    plan = sources.plan(story.name.rpartition("/tasks/")[0])
    return plan.handler if plan is not None else "handler"


def _backoff_place(sources: Sources, queue: QueueFacts | None) -> str:
    plan = sources.plan(queue.name) if queue is not None else None
    place = None if plan is None else plan.places.get("retry_config.min_backoff")
    if place is None:
        return ""
    return f"{place.file.rpartition('/')[2]}:{place.line}"


def unknown_history() -> TaskHistory:
    """Return an empty history, for a task that nothing is known about."""
    return TaskHistory(record=None, content=None, attempts=(), children=(), earlier=())
