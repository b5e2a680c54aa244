"""The form that sends a task: prefilled from the queue's example or a past task."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from queuewright.blueprint import QueuePlan
from queuewright.cloud_tasks.durations import parse_us
from queuewright.dashboard import states, words
from queuewright.dashboard.bodies import pretty_json
from queuewright.dashboard.masking import is_secret
from queuewright.dashboard.pages.frame import page
from queuewright.dashboard.pages.overview import target_words
from queuewright.dashboard.pages.task import Story
from queuewright.dashboard.sources import Sources
from queuewright.engine import DEVELOPER, QueueFacts
from queuewright.engine.protocol import CreateTaskRequest, Task
from queuewright.errors import TargetError
from queuewright.history import TaskRecord

JSON: Final = "application/json"
_ROUTED: Final = "https://handler.invalid/"
"""The URL of a task whose queue overrides it. It must be a URL, and is not called."""


@dataclass(frozen=True)
class Form:
    """What the form holds."""

    queue: str = ""
    """The queue's key."""
    url: str = ""
    path: str = ""
    body: str = ""
    headers: str = ""
    """One `Name: value` a line."""
    id: str = ""
    when: str = "now"
    delay: str = ""
    start: str = ""
    """Where it comes from: `example`, or the id of a past task."""

    @property
    def rows(self) -> int:
        """How high the field of the body is."""
        return max(6, min(24, self.body.count("\n") + 2))

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> Form:
        """Read what was sent."""
        known = ("queue", "url", "path", "body", "headers", "id", "when", "delay")
        values = {name: fields.get(name, "").replace("\r\n", "\n") for name in known}
        return cls(**values)

    @classmethod
    def blank(cls, sources: Sources, key: str) -> Form:
        """Return the form for a queue, or the first one, with the queue's example."""
        push = [each for each in sources.queues() if not each.is_pull]
        keys = sources.keys()
        name = keys.name(key) if key else None
        if name is None and push:
            name = push[0].name
        if name is None:
            return cls()
        plan = sources.plan(name)
        if plan is None or plan.example is None:
            return cls(queue=keys.key(name))
        example = plan.example
        if isinstance(example, str):
            return cls(queue=keys.key(name), body=example, start="example")
        text = json.dumps(example, ensure_ascii=False)
        return cls(
            queue=keys.key(name),
            body=pretty_json(text) or text,
            headers=f"Content-Type: {JSON}",
            start="example",
        )

    def copied(self, story: Story) -> Form:
        """Return the form with the content of a past task. Secret headers are left out."""
        try:
            text = story.body.decode()
        except UnicodeDecodeError:
            text = ""
        headers = [
            f"{name}: {value}"
            for name, value in story.headers
            if not is_secret(name) and name.lower() != "user-agent"
        ]
        url = ""
        if story.live is not None:
            url = story.live.content.http_request.url
        elif story.history.content is not None:
            url = story.history.content.url
        return replace(
            self,
            body=pretty_json(text) or text,
            headers="\n".join(headers),
            url=url,
            start=story.name.rpartition("/")[2],
        )

    async def create(self, sources: Sources) -> str:
        """Create the task; return its full name.

        Raises:
            Refusal: Cloud Tasks would refuse it.
            TargetError: the form has a mistake.
        """
        name = sources.keys().name(self.queue)
        if name is None:
            raise TargetError(f"There is no queue `{self.queue}`.")
        facts = sources.engine.service.queue_facts(name)[0]
        task = Task(name=f"{name}/tasks/{self.id.strip()}" if self.id.strip() else "")
        body, headers = self.body.encode(), _headers(self.headers)
        names = {each.lower(): value for each, value in headers.items()}
        if "json" in names.get("content-type", "") and self.body.strip():
            try:
                json.loads(self.body)
            except ValueError as error:
                raise TargetError(f"The body is not JSON: {error}.") from None
        if "content-type" not in names and _is_json(self.body):
            headers["Content-Type"] = JSON
        if _is_app_engine(facts):
            request = task.app_engine_http_request
            request.relative_uri = self.path.strip() or "/"
            request.headers.update(headers)
            request.body = body
        else:
            http = task.http_request
            http.url = self.url.strip() or _ROUTED
            http.headers.update(headers)
            http.body = body
        if self.when == "in":
            try:
                wait_us = parse_us(self.delay.strip())
            except ValueError as error:
                raise TargetError(f"The delay: {error}.") from None
            task.schedule_time.FromMicroseconds(sources.now_us + wait_us)
        created = await sources.engine.service.create_task(
            CreateTaskRequest(parent=name, task=task), DEVELOPER
        )
        return str(created.name)


def send_page(
    sources: Sources, form: Form, past: Sequence[TaskRecord], error: str = ""
) -> dict[str, Any]:
    """Return the context of the form."""
    keys = sources.keys()
    push = [each for each in sources.queues() if not each.is_pull]
    name = keys.name(form.queue)
    facts = next((each for each in push if each.name == name), None)
    plan = sources.plan(name) if name is not None else None
    starts: list[dict[str, Any]] = []
    href = f"/send?queue={form.queue}"
    if plan is not None and plan.example is not None:
        place = plan.places.get("example", plan.reason.location)
        starts.append(
            {
                "label": "the example",
                "href": href,
                "is_current": form.start == "example",
                "place": f"{place.file.rpartition('/')[2]}:{place.line}",
                "text": "",
            }
        )
    for record in past:
        task_id = record.name.rpartition("/")[2]
        word = states.TASK[record.state].split("|")[2].lower()
        away = words.relative(record.ended_us or record.created_us, sources.now_us)
        starts.append(
            {
                "label": task_id if len(task_id) <= 24 else f"{task_id[:22]}…",
                "href": f"{href}&from={task_id}",
                "is_current": form.start == task_id,
                "place": "",
                "text": f"{word} {away}",
            }
        )
    goes_to = "" if facts is None else f"goes to {target_words(facts, plan)}"
    needs_url = facts is not None and not _is_routed(facts) and not _is_app_engine(facts)
    return page(sources, title="Send a task", current="/send", topics=["overview"]) | {
        "form": form,
        "queues": [
            {"key": keys.key(each.name), "label": keys.key(each.name).replace("~", " · ")}
            for each in push
        ],
        "goes_to": goes_to,
        "needs_url": needs_url,
        "has_path": facts is not None and _is_app_engine(facts),
        "starts": starts,
        "command": _command(form, plan),
        "error": words.visible(error),
        "masked_words": "Cloud Tasks adds its own, and the token.",
    }


def _command(form: Form, plan: QueuePlan | None) -> str:
    if plan is None or not form.queue:
        return ""
    if form.start == "example":
        return f"queuewright enqueue {plan.key} --example"
    body = " ".join(form.body.split())
    if len(body) > 400:
        return ""
    return f"queuewright enqueue {plan.key} {shlex.quote(body)}" if body else ""


def _is_routed(facts: QueueFacts) -> bool:
    return bool(facts.config.http_target.uri_override.host)


def _is_app_engine(facts: QueueFacts) -> bool:
    return facts.config.HasField("app_engine_routing_override")


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except ValueError:
        return False


def _headers(text: str) -> dict[str, str]:
    r"""Return the headers in a text of lines.

    >>> _headers("Content-Type: text/plain\n\nX-Kind: a: b")
    {'Content-Type': 'text/plain', 'X-Kind': 'a: b'}
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise TargetError(f"Header in line {number}: write `Name: value`.")
        found[name.strip()] = value.strip()
    return found
