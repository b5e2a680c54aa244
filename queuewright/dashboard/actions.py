"""What a person does on the pages: each action is a POST, after a question where it is for good.

A question is a page of its own, which the script shows as a dialog. The number in it is counted
when it is asked, and what arrives later is not touched.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from aiohttp import web
from multidict import MultiMapping

from queuewright.dashboard import words
from queuewright.dashboard.filters import PageFilter
from queuewright.dashboard.keys import queue_href, task_href
from queuewright.dashboard.pages import queue as queue_pages
from queuewright.dashboard.pages.frame import page
from queuewright.dashboard.pages.task import Story
from queuewright.dashboard.sources import Sources
from queuewright.engine import DEVELOPER, QueueFacts, Service, TaskFacts, TaskFilter
from queuewright.engine.protocol import (
    DeleteTaskRequest,
    PauseQueueRequest,
    PurgeQueueRequest,
    ResumeQueueRequest,
    RunTaskRequest,
)

Show = Callable[[str, dict[str, Any], web.Request], web.Response]


class Actions:
    """The forms' targets.

    Args:
        sources: returns what the pages are made from.
        show: renders a page.
        find: returns all that is known about a task.
    """

    def __init__(
        self,
        sources: Callable[[], Sources],
        show: Show,
        find: Callable[[str], Awaitable[Story]],
    ) -> None:
        self._sources = sources
        self._show = show
        self._find = find

    # Questions

    async def confirm_queue(self, request: web.Request) -> web.StreamResponse:
        """Ask whether many tasks of a queue shall be retried, deleted or purged."""
        sources = self._sources()
        facts, key = self._queue(request)
        href = queue_href(key)
        verb = request.query.get("do", "")
        if verb == "purge":
            counts = facts.counts
            waiting = counts.waiting
            running = counts.running
            rest = f"; the {words.number(running)} running {_finish(running)}" if running else ""
            question = {
                "question": f"Purge {key}?",
                "consequence": f"{_all(waiting, 'that waits', 'that wait')} {_is(waiting)} deleted "
                f"for good{rest}.",
                "verb": f"Purge {words.number(waiting)}",
                "typed": key,
                "count": 1,
                "action": f"{href}/purge",
                "fields": {},
                "is_risky": True,
            }
            return self._ask(sources, request, question, href)
        if verb not in ("retry", "delete"):
            raise web.HTTPNotFound(text="There is no such action.")
        wanted = PageFilter.of(request.query)
        asked, fields = self._asked(request.query, facts, wanted, verb)
        count = await _count(sources, facts, asked)
        shown = f"{words.number(count)}{'+' if count == queue_pages.MOST_COUNTED else ''}"
        noun = "task" if count == 1 else "tasks"
        if verb == "retry":
            limit = words.rate(facts.limits.rate)
            question = {
                "question": f"Retry {shown} {noun} now?",
                "consequence": f"{'It is' if count == 1 else 'They are'} sent at up to {limit}/s; "
                f"each uses one of its attempts.",
                "verb": f"Retry {shown}",
                "is_risky": False,
            }
            if not count:
                question["consequence"] = "No task that matches waits for a retry."
        else:
            question = {
                "question": f"Delete {shown} {noun}?",
                "consequence": f"{'It is' if count == 1 else 'They are'} gone for good. "
                "A name that you gave stays taken for an hour or more.",
                "verb": f"Delete {shown}",
                "is_risky": True,
            }
        more = {"typed": "", "count": count, "action": f"{href}/{verb}", "fields": fields}
        return self._ask(sources, request, question | more, href + wanted.query())

    async def confirm_task(self, request: web.Request) -> web.StreamResponse:
        """Ask whether a task shall be deleted."""
        sources = self._sources()
        _, key = self._queue(request)
        task_id = request.match_info["task"]
        href = task_href(key, task_id)
        question = {
            "question": "Delete this task?",
            "consequence": f"{task_id} is gone for good. A name that you gave stays taken for an "
            "hour or more.",
            "verb": "Delete",
            "typed": "",
            "count": 1,
            "action": f"{href}/delete",
            "fields": {},
            "is_risky": True,
        }
        return self._ask(sources, request, question, href)

    # Answers

    async def set_state(self, request: web.Request) -> web.StreamResponse:
        """Pause or resume a queue."""
        facts, key = self._queue(request)
        await self._set(facts.name, request.match_info["verb"])
        word = "paused" if request.match_info["verb"] == "pause" else "resumed"
        self._say(f"{word} {key}")
        raise _done(queue_href(key), f"{word.capitalize()} {key}.")

    async def set_all(self, request: web.Request) -> web.StreamResponse:
        """Pause or resume all queues."""
        verb = request.match_info["verb"]
        names = self._sources().engine.service.queue_names()
        for name in names:
            await self._set(name, verb)
        word = "paused" if verb == "pause" else "resumed"
        self._say(f"{word} {words.plural(len(names), 'queue')}")
        raise _done("/", f"{word.capitalize()} {words.plural(len(names), 'queue')}.")

    async def purge(self, request: web.Request) -> web.StreamResponse:
        """Purge a queue whose key was typed."""
        facts, key = self._queue(request)
        form = await request.post()
        if form.get("typed") != key:
            raise web.HTTPBadRequest(text=f"Not purged: type `{key}` to purge it.")
        await self._service.purge_queue(PurgeQueueRequest(name=facts.name), DEVELOPER)
        self._say(f"purged {key}")
        raise _done(f"{queue_href(key)}?said=purged", "Purged.")

    async def bulk(self, request: web.Request) -> web.StreamResponse:
        """Retry or delete all tasks that match what the question was about."""
        facts, key = self._queue(request)
        form = {name: str(value) for name, value in (await request.post()).items()}
        verb = request.match_info["verb"]
        wanted = PageFilter.of(form)
        asked, _ = self._asked(await request.post(), facts, wanted, verb)
        work = self._service.make_due if verb == "retry" else self._service.delete_all
        done = 0
        async for count in work(facts.name, asked):
            done = count
        word = "retried" if verb == "retry" else "deleted"
        self._say(f"{word} {words.plural(done, 'task')} of {key}")
        rest = wanted.query(said=f"{word}-{done}")
        raise _done(queue_href(key) + rest, f"{word.capitalize()} {words.plural(done, 'task')}.")

    async def run(self, request: web.Request) -> web.StreamResponse:
        """Start an attempt of a task now."""
        _, key = self._queue(request)
        task_id = request.match_info["task"]
        await self._service.run_task(RunTaskRequest(name=self._task(request)), DEVELOPER)
        self._say(f"ran a task of {key}")
        raise _done(task_href(key, task_id), "Sent.")

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """Delete a task."""
        _, key = self._queue(request)
        await self._service.delete_task(DeleteTaskRequest(name=self._task(request)), DEVELOPER)
        self._say(f"deleted a task of {key}")
        raise _done(f"{queue_href(key)}?said=deleted-1", "Deleted.")

    async def advance(self, request: web.Request) -> web.StreamResponse:
        """Move a manual clock forward."""
        sources = self._sources()
        if not sources.is_frozen:
            raise web.HTTPBadRequest(text="The clock is the machine's, and moves by itself.")
        span = str((await request.post()).get("span", ""))
        try:
            await sources.engine.advance(span)
        except ValueError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        self._say(f"advanced the clock by {span}")
        raise _done("/time", f"Advanced by {span}.")

    # Parts of the above

    @property
    def _service(self) -> Service:
        return self._sources().engine.service

    async def _set(self, name: str, verb: str) -> None:
        if verb == "pause":
            await self._service.pause_queue(PauseQueueRequest(name=name), DEVELOPER)
        else:
            await self._service.resume_queue(ResumeQueueRequest(name=name), DEVELOPER)

    def _asked(
        self, query: MultiMapping[Any], facts: QueueFacts, wanted: PageFilter, verb: str
    ) -> tuple[TaskFilter, dict[str, str]]:
        """Return which tasks are meant, and the fields that say so again."""
        numbers = [int(each) for each in query.getall("n", []) if str(each).isdecimal()]
        if not numbers and query.get("numbers"):
            numbers = [int(each) for each in str(query["numbers"]).split(",") if each.isdecimal()]
        up_to = str(query.get("upto", ""))
        bound = int(up_to) if up_to.isdecimal() else facts.last_number
        asked = replace(wanted.wanted(self._sources().now_us), up_to=bound)
        if verb == "retry" and asked.state is None:
            asked = replace(asked, state="retrying")
        fields = {**wanted.fields(), "upto": str(bound)}
        if numbers:
            asked = replace(asked, numbers=frozenset(numbers), state=None, text="")
            fields["numbers"] = ",".join(map(str, numbers))
        return asked, fields

    def _queue(self, request: web.Request) -> tuple[QueueFacts, str]:
        sources = self._sources()
        keys = sources.keys()
        name = keys.name(request.match_info["queue"])
        facts = sources.engine.service.queue_facts(name) if name is not None else []
        if not facts:
            key = words.visible(request.match_info["queue"])
            raise web.HTTPNotFound(text=f"There is no queue `{key}` any more.")
        return facts[0], keys.key(facts[0].name)

    def _task(self, request: web.Request) -> str:
        facts, _ = self._queue(request)
        return f"{facts.name}/tasks/{request.match_info['task']}"

    def _ask(
        self, sources: Sources, request: web.Request, question: dict[str, Any], back: str
    ) -> web.Response:
        context = page(sources, title=str(question["question"]))
        return self._show("confirm.html", context | question | {"back": back}, request)

    def _say(self, text: str) -> None:
        self._sources().surroundings.say(text)


async def _count(sources: Sources, facts: QueueFacts, asked: TaskFilter) -> int:
    if asked == TaskFilter(state=asked.state, up_to=facts.last_number):
        return queue_pages.state_count(facts, asked.state or "")
    found = 0
    async for each in sources.engine.service.search(facts.name, asked):
        found += isinstance(each, TaskFacts)
        if found >= queue_pages.MOST_COUNTED:
            break
    return found


def _done(href: str, text: str) -> web.HTTPSeeOther:
    return web.HTTPSeeOther(href, text=text)


def _all(count: int, one: str, many: str) -> str:
    return f"The {count} task {one}" if count == 1 else f"All {words.number(count)} tasks {many}"


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _finish(count: int) -> str:
    return "one finishes" if count == 1 else "ones finish"
