"""The dashboard: its pages, its actions and its stream, as routes of the REST listener."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiohttp import web

from queuewright.dashboard import words
from queuewright.dashboard.actions import Actions
from queuewright.dashboard.activity import EVERYTHING, Activity
from queuewright.dashboard.bodies import embedded_pictures, picture_type
from queuewright.dashboard.filters import PageFilter
from queuewright.dashboard.guard import BODY_POLICY, Guard
from queuewright.dashboard.keys import queue_href, task_href
from queuewright.dashboard.live import Live
from queuewright.dashboard.metrics import CONTENT_TYPE, metrics
from queuewright.dashboard.pages import queue as queue_pages
from queuewright.dashboard.pages.dead_letters import dead_letters_page, find_letters
from queuewright.dashboard.pages.frame import page
from queuewright.dashboard.pages.handler import handler_page
from queuewright.dashboard.pages.identity import identity_page
from queuewright.dashboard.pages.overview import Values, live_overview, overview
from queuewright.dashboard.pages.pulled import MOST, pulled_page
from queuewright.dashboard.pages.send import Form, send_page
from queuewright.dashboard.pages.task import (
    VIEWS,
    Story,
    task_page,
    task_revision,
    unknown_history,
)
from queuewright.dashboard.pages.time import time_page
from queuewright.dashboard.render import MEDIA_TYPES, asset, asset_path, render
from queuewright.dashboard.sources import Sources
from queuewright.dashboard.surroundings import Surroundings
from queuewright.dashboard.views import Views
from queuewright.engine import Engine, Event, QueueFacts
from queuewright.errors import QueuewrightError, Refusal
from queuewright.history import ENDS, History, TaskRecord

_FRESH_S: Final = 0.9
"""How long a page is given to several readers of the stream."""


class Dashboard:
    """The dashboard of an engine.

    ::

        dashboard = Dashboard(history)
        engine = Engine(on_event=dashboard.notice)
        dashboard.open(engine)
        await engine.serve_http(pages=dashboard.routes)
        ...
        await dashboard.close()

    Args:
        history: what happened before; None: only what happens while it watches.
        surroundings: the environment around the engine.
    """

    def __init__(
        self, history: History | None = None, surroundings: Surroundings | None = None
    ) -> None:
        self.activity = Activity(self._changed)
        self.surroundings = surroundings or Surroundings()
        self._history = history
        self._guard = Guard()
        self._boot = secrets.token_hex(6)
        self._views = Views()
        self._live = Live(self.activity, self._topic, self._boot, self._now_ms)
        self._pages: dict[str, tuple[float, str]] = {}
        self._sources: Sources | None = None

    def open(self, engine: Engine) -> None:
        """Show this engine from now on."""
        self._sources = Sources(engine, self.activity, self.surroundings)

    def notice(self, event: Event) -> None:
        """Take an event of the engine."""
        self.activity.notice(event)

    async def close(self) -> None:
        """End the streams, so that the listener can stop."""
        await self._live.close()

    @property
    def routes(self) -> list[web.AbstractRouteDef]:
        """The routes for `Engine.serve_http`."""
        read, write = self._guard.page, self._guard.action
        actions = Actions(self._ready, self._show, self._find_story)
        return [
            web.get("/", read(self._page(self._overview))),
            web.get("/find", read(self._page(self._find))),
            web.get("/queues/{queue}", read(self._page(self._queue))),
            web.get("/queues/{queue}/confirm", read(self._page(actions.confirm_queue))),
            web.post("/queues/{queue}/{verb:pause|resume}", write(self._act(actions.set_state))),
            web.post("/queues/{queue}/purge", write(self._act(actions.purge))),
            web.post("/queues/{queue}/{verb:retry|delete}", write(self._act(actions.bulk))),
            web.get("/queues/{queue}/tasks/{task}", read(self._page(self._task))),
            web.get("/queues/{queue}/tasks/{task}/confirm", read(self._page(actions.confirm_task))),
            web.post("/queues/{queue}/tasks/{task}/run", write(self._act(actions.run))),
            web.post("/queues/{queue}/tasks/{task}/delete", write(self._act(actions.delete))),
            web.get("/queues/{queue}/tasks/{task}/body", read(self._page(self._body))),
            web.get(r"/queues/{queue}/tasks/{task}/body/{index:\d}", read(self._page(self._body))),
            web.post("/{verb:pause|resume}-all", write(self._act(actions.set_all))),
            web.get("/pulled/{queue}", read(self._page(self._pulled))),
            web.get("/send", read(self._page(self._send))),
            web.post("/send", write(self._act(self._sent))),
            web.get("/handlers/{handler}", read(self._page(self._handler))),
            web.get("/dead-letters", read(self._page(self._dead_letters))),
            web.get("/dead-letters/confirm", read(self._page(actions.confirm_letters))),
            web.post("/dead-letters/{verb:replay|discard}", write(self._act(actions.letters))),
            web.get("/identity", read(self._page(self._identity))),
            web.get("/time", read(self._page(self._time))),
            web.post("/time/advance", write(self._act(actions.advance))),
            web.get("/events", self._live.answer),
            web.get("/static/{digest}/{name}", read(self._asset)),
            web.get("/metrics", read(self._metrics)),
            web.get("/favicon.ico", read(self._favicon)),
        ]

    # Pages

    async def _overview(self, request: web.Request) -> web.StreamResponse:
        if not _accepts_html(request):
            return web.Response(status=406, text="The dashboard is HTML; the API is at /v2/.\n")
        pulled = await self.surroundings.pulled_queues(0)
        context = overview(self._ready(), pulled, shows_all="all" in request.query)
        return self._show("overview.html", context, request)

    async def _queue(self, request: web.Request) -> web.StreamResponse:
        sources = self._ready()
        facts = self._named_queue(request)
        wanted = PageFilter.of(request.query)
        before = _number(request.query.get("before"))
        if wanted.is_of_history:
            return await self._gone_tasks(request, sources, facts, wanted, before)
        found = await queue_pages.find(sources, facts.name, wanted, before)
        view = self._views.keep(facts.name, [(each.name, each.number) for each in found.tasks])
        counts = self._counts(facts.name)
        context = queue_pages.queue_page(sources, facts, wanted, found, before, view, counts)
        return self._show("queue.html", context, request)

    async def _gone_tasks(
        self,
        request: web.Request,
        sources: Sources,
        facts: QueueFacts,
        wanted: PageFilter,
        before: int | None,
    ) -> web.StreamResponse:
        records: list[TaskRecord] = []
        if self._history is not None:
            records = await asyncio.to_thread(
                self._history.tasks,
                facts.name,
                queue_pages.states_of(wanted.state),
                text=wanted.text,
                before=before,
                limit=queue_pages.PAGE + 1,
            )
        counts = self._counts(facts.name)
        context = queue_pages.gone_page(
            sources, facts, wanted, records, before, counts, has_history=self._history is not None
        )
        return self._show("queue.html", context, request)

    async def _task(self, request: web.Request) -> web.StreamResponse:
        sources = self._ready()
        name = self._task_name(request)
        story = await self._find_story(name)
        if story.live is None and story.record is None and not story.attempts:
            raise web.HTTPNotFound(text=self._missing_task(request))
        view = request.query.get("view", "body")
        queue = sources.engine.service.queue_facts(name.rpartition("/tasks/")[0])
        context = task_page(
            sources, queue[0] if queue else None, story, view if view in VIEWS else "body"
        )
        return self._show("task.html", context, request)

    async def _body(self, request: web.Request) -> web.StreamResponse:
        story = await self._find_story(self._task_name(request))
        body, index = story.body, request.match_info.get("index")
        kind = picture_type(body)
        if index is not None:
            pictures = [each for each in embedded_pictures(body) if each.index == int(index)]
            if not pictures:
                raise web.HTTPNotFound(text="There is no such picture.")
            body, kind = pictures[0].content, pictures[0].media_type
        headers = {"Content-Security-Policy": BODY_POLICY}
        if "download" in request.query or kind is None:
            name = f"{request.match_info['task'][:80]}.bin"
            headers["Content-Disposition"] = f'attachment; filename="{name}"'
            kind = "application/octet-stream"
        return web.Response(body=body, content_type=kind, headers=headers)

    async def _send(self, request: web.Request) -> web.StreamResponse:
        sources = self._ready()
        form = await self._prefilled(request.query, sources)
        return self._show("send.html", await self._send_context(sources, form), request)

    async def _sent(self, request: web.Request) -> web.StreamResponse:
        sources = self._ready()
        form = Form.of({key: str(value) for key, value in (await request.post()).items()})
        try:
            name = await form.create(sources)
        except QueuewrightError as error:
            text = error.message if isinstance(error, Refusal) else str(error)
            context = await self._send_context(sources, form, error=text)
            return self._show("send.html", context, request, status=400)
        queue, _, task_id = name.rpartition("/tasks/")
        key = sources.keys().key(queue)
        sources.surroundings.say(f"sent a task to {key}")
        raise web.HTTPSeeOther(task_href(key, task_id))

    async def _prefilled(self, query: Mapping[str, str], sources: Sources) -> Form:
        form = Form.blank(sources, query.get("queue", ""))
        past = query.get("from", "")
        name = sources.keys().name(form.queue)
        if past and name is not None:
            form = form.copied(await self._find_story(f"{name}/tasks/{past}"))
        return form

    async def _send_context(self, sources: Sources, form: Form, error: str = "") -> dict[str, Any]:
        name = sources.keys().name(form.queue)
        past: list[TaskRecord] = []
        if name is not None and self._history is not None:
            past = await asyncio.to_thread(self._history.tasks, name, ENDS, limit=4)
        return send_page(sources, form, past, error)

    async def _handler(self, request: web.Request) -> web.StreamResponse:
        context = handler_page(self._ready(), request.match_info["handler"])
        if context is None:
            raise web.HTTPNotFound(text=f"There is no handler `{request.match_info['handler']}`.")
        return self._show("handler.html", context, request)

    async def _pulled(self, request: web.Request) -> web.StreamResponse:
        key = request.match_info["queue"]
        for each in await self.surroundings.pulled_queues(MOST):
            if each.key == key:
                return self._show("pulled.html", pulled_page(self._ready(), each), request)
        raise web.HTTPNotFound(text=f"There is no pull queue `{words.visible(key)}`.")

    async def _dead_letters(self, request: web.Request) -> web.StreamResponse:
        sources, query = self._ready(), request.query
        letters = await find_letters(sources, query.get("queue", ""), query.get("text", ""))
        return self._show("dead_letters.html", dead_letters_page(sources, letters, query), request)

    async def _identity(self, request: web.Request) -> web.StreamResponse:
        context = identity_page(self._ready(), request.query.get("focus", ""))
        if context is None:
            text = "An emulator has no identities: `queuewright up` draws those of an environment."
            raise web.HTTPNotFound(text=text)
        return self._show("identity.html", context, request)

    async def _time(self, request: web.Request) -> web.StreamResponse:
        context = time_page(self._ready())
        if context is None:
            raise web.HTTPNotFound(text="Time passes by itself here: the clock is the machine's.")
        return self._show("time.html", context, request)

    async def _find(self, request: web.Request) -> web.StreamResponse:
        """Go to the task with this full name or id."""
        sources, asked = self._ready(), request.query.get("q", "").strip()
        keys = sources.keys()
        queue, _, task_id = asked.rpartition("/tasks/")
        names = [queue] if queue else sources.engine.service.queue_names()
        for name in names:
            full = f"{name}/tasks/{task_id or asked}"
            if sources.engine.service.number_of(full) is not None or await self._is_past(full):
                raise web.HTTPSeeOther(task_href(keys.key(name), task_id or asked))
        links = [
            {"href": f"{queue_href(keys.key(name))}?text={asked}", "label": keys.key(name)}
            for name in names[:20]
        ]
        context = page(sources, title=f"No task `{words.visible(asked[:60])}`")
        text = "No task has this id. Look for it in the bodies of a queue's tasks:"
        return self._show("message.html", context | {"text": text, "links": links}, request)

    async def _is_past(self, name: str) -> bool:
        if self._history is None:
            return False
        return (await asyncio.to_thread(self._history.task, name)).record is not None

    async def _asset(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name not in MEDIA_TYPES:
            raise web.HTTPNotFound
        is_current = asset_path(name) == request.path
        caching = "public, max-age=31536000, immutable" if is_current else "no-store"
        return web.Response(
            body=asset(name),
            content_type=MEDIA_TYPES[name],
            charset="utf-8",
            headers={"Cache-Control": caching},
        )

    async def _metrics(self, _: web.Request) -> web.StreamResponse:
        return web.Response(body=metrics(self._ready()), headers={"Content-Type": CONTENT_TYPE})

    async def _favicon(self, _: web.Request) -> web.StreamResponse:
        return web.Response(body=asset("favicon.svg"), content_type="image/svg+xml")

    # The stream

    async def _topic(self, topic: str, dirty: Mapping[str, str]) -> Values | None:
        sources = self._ready()
        kind, _, rest = topic.partition(":")
        if kind == "overview":
            return live_overview(sources, await self.surroundings.pulled_queues(0))
        if kind == "queue":
            name = sources.keys().name(rest)
            facts = sources.engine.service.queue_facts(name) if name else []
            if not facts:
                return {"state": "wait|dead|Deleted"}
            return queue_pages.live_queue(sources, facts[0], self._counts(facts[0].name))
        if kind == "rows":
            return self._rows(sources, topic, dirty)
        if kind == "task":
            return await self._task_values(sources, rest, dirty)
        return None

    def _rows(self, sources: Sources, topic: str, dirty: Mapping[str, str]) -> Values | None:
        view = self._views.get(topic)
        if view is None:
            return {"reload": "1"}
        names = (
            set(view.numbers)
            if EVERYTHING in dirty
            else {name for name in view.numbers if name in dirty}
        )
        if not names:
            return None
        numbers = {view.numbers[name] for name in names}
        found = sources.engine.service.facts_of(view.queue, sorted(numbers))
        values: Values = {}
        for each in found:
            values |= queue_pages.row_values(sources.as_told(each), self.activity.reasons)
        for number in numbers - {each.number for each in found}:
            outcome = next(
                (dirty[name] for name in names if view.numbers[name] == number and name in dirty),
                "",
            )
            values |= queue_pages.gone_values(number, outcome)
        return values

    async def _task_values(
        self, sources: Sources, rest: str, dirty: Mapping[str, str]
    ) -> Values | None:
        key, _, task_id = rest.partition("/")
        queue = sources.keys().name(key)
        if queue is None:
            return None
        name = f"{queue}/tasks/{task_id}"
        is_running = self._history is not None and bool(self._history.running(name))
        if EVERYTHING not in dirty and name not in dirty and not is_running:
            return None
        return {"task@rev": task_revision(await self._find_story(name))}

    # Parts of the above

    def _changed(self) -> None:
        self._live.wake()

    def _now_ms(self) -> int:
        return self._ready().now_us // 1000

    def _ready(self) -> Sources:
        if self._sources is None:
            raise web.HTTPServiceUnavailable(text="queuewright is starting.")
        return self._sources

    def _counts(self, queue: str) -> dict[str, int] | None:
        """Return how many tasks of a queue are in the history, by state."""
        if self._history is None:
            return None
        return {
            state: count for (name, state), count in self._history.counts.items() if name == queue
        }

    def _named_queue(self, request: web.Request) -> QueueFacts:
        sources, key = self._ready(), request.match_info["queue"]
        keys = sources.keys()
        name = keys.name(key)
        facts = sources.engine.service.queue_facts(name) if name is not None else []
        if not facts:
            nearest = keys.nearest(key)
            meant = f" Did you mean `{nearest}`?" if nearest else ""
            raise web.HTTPNotFound(text=f"There is no queue `{words.visible(key)}`.{meant}")
        return facts[0]

    def _task_name(self, request: web.Request) -> str:
        key = request.match_info["queue"]
        name = self._ready().keys().name(key)
        if name is None:
            raise web.HTTPNotFound(text=f"There is no queue `{words.visible(key)}`.")
        return f"{name}/tasks/{request.match_info['task']}"

    def _missing_task(self, request: web.Request) -> str:
        task_id = words.visible(request.match_info["task"][:80])
        return f"There is no task `{task_id}` in this queue, and the history knows none."

    async def _find_story(self, name: str) -> Story:
        sources = self._ready()
        history = unknown_history()
        if self._history is not None:
            history = await asyncio.to_thread(self._history.task, name)
        live = sources.engine.service.task_facts(name)
        live = None if live is None else sources.as_told(live)
        parent = None
        if history.record is not None and history.record.parent and self._history is not None:
            found = await asyncio.to_thread(self._history.task, history.record.parent)
            parent = found.record
        plan = sources.plan(name.rpartition("/tasks/")[0])
        dead = plan.dead_letters if plan is not None else None
        return Story(name, live, history, parent, dead.max_attempts if dead is not None else None)

    def _show(
        self, template: str, context: dict[str, Any], request: web.Request, status: int = 200
    ) -> web.Response:
        said = _said(request.query.get("said", ""))
        more = {"token": self._guard.token, "boot": self._boot, "said": said}
        text = render(template, context | more)
        return web.Response(text=text, status=status, content_type="text/html", charset="utf-8")

    def _page(
        self, answer: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Return a handler that shows errors as pages, and shares what the stream's readers ask."""

        async def shown(request: web.Request) -> web.StreamResponse:
            is_shared = "X-Queuewright-Live" in request.headers
            asked = f"{request.path_qs} {request.headers.get('X-Queuewright-Live')}"
            if is_shared:
                kept = self._pages.get(asked)
                if kept is not None and time.monotonic() - kept[0] < _FRESH_S:
                    return web.Response(text=kept[1], content_type="text/html", charset="utf-8")
            try:
                response = await answer(request)
            except web.HTTPMove as redirection:
                return web.Response(
                    status=redirection.status, headers={"Location": str(redirection.location)}
                )
            except web.HTTPError as error:
                return self._error(request, error.status, error.text or error.reason)
            except Refusal as refusal:
                return self._error(
                    request, 404 if refusal.code == "NOT_FOUND" else 400, refusal.message
                )
            except QueuewrightError as error:
                return self._error(request, 503, str(error))
            if is_shared and isinstance(response, web.Response) and response.text is not None:
                if len(self._pages) > 50:
                    self._pages.clear()
                self._pages[asked] = (time.monotonic(), response.text)
            return response

        return shown

    def _act(
        self, answer: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Return a handler of a form: it answers with JSON where a script asks for it."""

        async def acted(request: web.Request) -> web.StreamResponse:
            is_script = "application/json" in request.headers.get("Accept", "")
            self._pages.clear()
            try:
                return await answer(request)
            except web.HTTPMove as redirection:
                if is_script:
                    return web.json_response(
                        {"href": str(redirection.location), "said": redirection.text or ""}
                    )
                return web.Response(status=303, headers={"Location": str(redirection.location)})
            except (web.HTTPError, QueuewrightError) as error:
                text, status = str(error), 400
                if isinstance(error, Refusal):
                    text = error.message
                elif isinstance(error, web.HTTPError):
                    text, status = error.text or error.reason, error.status
                if is_script:
                    return web.json_response({"error": text}, status=status)
                return self._error(request, status, text)

        return acted

    def _error(self, request: web.Request, status: int, text: str) -> web.Response:
        if self._sources is None:
            return web.Response(status=status, text=f"{text}\n")
        titles = {404: "Not found", 410: "Gone", 503: "Not available"}
        context = page(self._sources, title=titles.get(status, "Not done"))
        return self._show("message.html", context | {"text": text, "links": []}, request, status)


def _accepts_html(request: web.Request) -> bool:
    accepted = request.headers.get("Accept", "*/*")
    return any(each in accepted for each in ("text/html", "text/*", "*/*"))


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() and len(text) < 19 else None


_SAID: Final = {
    "retried": "{} sent again as the queue's rate allows.",
    "deleted": "{} deleted.",
    "purged": "Purged.",
    "replayed": "{} added to their queues again.",
    "discarded": "{} discarded.",
}


def _said(text: str) -> str:
    r"""Return the sentence for a result such as `retried-18`; "" for anything else.

    >>> _said("purged-0"), _said("<b>")
    ('Purged.', '')
    """
    verb, _, count = text.partition("-")
    if verb not in _SAID or (count and not count.isdecimal()):
        return ""
    noun = "dead letter" if verb in ("replayed", "discarded") else "task"
    return _SAID[verb].format(words.plural(int(count or 0), noun))
