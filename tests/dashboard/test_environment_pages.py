"""The pages about an environment: identity, handlers, pull queues; and time."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from xml.etree import ElementTree

from queuewright.blueprint import Blueprint, blueprint
from queuewright.dashboard import HandlerFacts, PulledQueue, PulledTask, Surroundings
from queuewright.dashboard.pages.identity import identity_graph
from queuewright.engine import events
from queuewright.spec import parse
from tests.dashboard.stage import stage, text_of

SPEC = """\
project: acme-staging
location: europe-west1
handlers:
  mailer:
    service: {image: europe-docker.pkg.dev/acme/mailer}
    secrets: {SMTP_PASSWORD: {secret: smtp-password, version: "1"}}
  shop:
    service: {image: europe-docker.pkg.dev/acme/shop}
  webhook:
    url: https://partner.example/hooks
queues:
  emails:
    handler: mailer
    path: /send
    rate_limits: {max_dispatches_per_second: 5}
    enqueuers: [shop]
    example: {to: ada@example.com}
  events:
    handler: webhook
"""


class Around(Surroundings):
    """The environment of the spec above."""

    name = "staging"

    def __init__(self) -> None:
        self.plan: Blueprint = blueprint(parse(SPEC, environment="staging"))
        self.said: list[str] = []

    @property
    def blueprint(self) -> Blueprint:
        return self.plan

    def handlers(self) -> Sequence[HandlerFacts]:
        return [HandlerFacts("mailer", "service", "failing", "image", "http://x", error="exit 1")]

    async def pulled_queues(self, most: int) -> Sequence[PulledQueue]:
        task = PulledTask("17", "leased", 2, "reporter 1", 1_000_000, 0, 120)
        return [PulledQueue("charts", "reporter", "1m", 3, 1, None, 0, (task,)[:most])]

    def log_lines(self, handler: str) -> Sequence[tuple[int, str]]:
        return [(0, '{"severity": "ERROR", "message": "<b>no</b>"}')] if handler == "mailer" else []

    def say(self, text: str) -> None:
        self.said.append(text)


def test_the_graph_shows_who_adds_who_calls_and_what_is_read() -> None:
    graph = identity_graph(Around().plan)
    columns = {node.id.partition(":")[2]: node.column for node in graph.nodes}
    assert columns["emails"] == 1
    assert columns["mailer"] == 3
    assert columns["smtp-password"] == 4
    lines = {
        (
            edge.start.split("@")[0].partition(":")[2].removeprefix("serviceAccount:"),
            edge.end.partition(":")[2],
        ): edge.label
        for edge in graph.edges
    }
    assert lines["emails", "mailer-invoker"] == "spec.yaml:13"
    assert lines["mailer", "smtp-password"] == "spec.yaml:6"
    assert lines["events", "webhook"] == "no token"
    assert [label for (_, end), label in lines.items() if end == "emails"] == ["spec.yaml:16"]


def test_no_two_boxes_of_a_column_overlap() -> None:
    graph = identity_graph(Around().plan)
    for column in range(5):
        tops = sorted(node.y for node in graph.nodes if node.column == column)
        assert all(below - above >= 28 for above, below in itertools.pairwise(tops))
        assert all(0 < top < graph.height for top in tops)


def test_a_focus_leaves_only_what_is_connected() -> None:
    graph = identity_graph(Around().plan, "queue:events")
    assert sorted(node.id for node in graph.nodes) == ["handler:webhook", "queue:events"]


async def test_the_page_draws_the_graph_and_lists_refusals() -> None:
    async with stage(Around()) as playing:
        playing.dashboard.notice(
            events.CallDenied(
                time_us=playing.clock.now_us(),
                queue="",
                principal="serviceAccount:x@y.z",
                status="PERMISSION_DENIED",
                message="add `x` to `queues.emails.enqueuers`",
            )
        )
        page = await playing.get("/identity")
        text = text_of(page)
        assert "Refused in the last hour 1" in text
        assert "add `x` to `queues.emails.enqueuers`" in text
        drawing = page[page.index('<svg class="graph"') :]
        root = ElementTree.fromstring(drawing[: drawing.index("</svg>") + 6])
        assert len(root.findall("a")) == len(identity_graph(Around().plan).nodes)


async def test_a_queues_settings_name_their_lines() -> None:
    around = Around()
    async with stage(around) as playing:
        await playing.queue(around.plan.queues["emails"].name)
        text = text_of(await playing.get("/queues/emails"))
        assert "spec.yaml" in text
        assert "Handler :13 mailer at /send" in text
        assert "Rate :15 5 a second" in text
        assert "May add :16 shop" in text


async def test_a_handler_shows_its_health_and_its_lines_as_text() -> None:
    async with stage(Around()) as playing:
        page = await playing.get("/handlers/mailer")
        text = text_of(page)
        assert "Failing" in text
        assert "Last error: exit 1" in text
        assert "ERROR <b>no</b>" in text
        assert "SMTP_PASSWORD, masked" in text
        await playing.get("/handlers/none", 404)


async def test_a_pull_queue_shows_who_holds_what_until_when() -> None:
    async with stage(Around()) as playing:
        text = text_of(await playing.get("/"))
        assert "charts reporter Running 2 tasks to be leased 2 1 none kept" in text
        text = text_of(await playing.get("/pulled/charts"))
        assert "reporter leases its tasks, each for 1m at first. 2 tasks wait, 1 is held." in text
        assert "Leased 17 reporter 1" in text


async def test_what_is_done_is_told_to_whoever_runs_the_environment() -> None:
    around = Around()
    async with stage(around) as playing:
        await playing.queue(around.plan.queues["emails"].name)
        await playing.post("/queues/emails/pause")
        assert around.said == ["paused emails"]


async def test_the_form_is_filled_with_the_example() -> None:
    around = Around()
    async with stage(around) as playing:
        await playing.queue(around.plan.queues["emails"].name)
        page = await playing.get("/send?queue=emails")
        assert "&#34;to&#34;: &#34;ada@example.com&#34;" in page
        assert "queuewright enqueue emails --example" in page
        assert "the example spec.yaml:17" in text_of(page)


async def test_a_manual_clock_is_advanced_from_the_page() -> None:
    async with stage() as playing:
        await playing.queue()
        await playing.task(later_s=90)
        text = text_of(await playing.get("/time"))
        assert "The next task is due in 1 m 30 s." in text
        assert "To the next task, 1 m 30 s" in text
        before_us = playing.clock.now_us()
        await playing.post("/time/advance", span="90s")
        assert playing.clock.now_us() - before_us == 90_000_000
        refused = await playing.post("/time/advance", 400, span="soon")
        assert "soon" in refused["error"]
