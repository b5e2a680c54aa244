"""Who may add tasks, who calls, and what each handler may read: drawn, and as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from queuewright.blueprint import Blueprint, GrantPlan
from queuewright.dashboard import words
from queuewright.dashboard.pages.frame import page
from queuewright.dashboard.sources import Sources
from queuewright.errors import Location

COLUMNS: Final = ("may add tasks", "queue", "calls as", "handler", "may read")
WIDTH: Final = 1160
NODE_WIDTH: Final = 168
NODE_HEIGHT: Final = 28
_GAP: Final = 14
_TOP: Final = 34
_MOST_NODES: Final = 40
_LONGEST: Final = 22

_QUEUE_ROLES: Final = ("queue", "topic")


@dataclass
class Node:
    """A box."""

    id: str
    column: int
    label: str
    title: str
    href: str = ""
    y: float = 0
    near: list[str] = field(default_factory=list)
    """The boxes and lines that are connected to it, through any number of steps."""

    @property
    def x(self) -> float:
        """The left edge."""
        return self.column * (WIDTH - NODE_WIDTH) / (len(COLUMNS) - 1)


@dataclass
class Edge:
    """A line from a box to one further right."""

    id: str
    start: str
    end: str
    label: str
    place: str
    path: str = ""
    x: float = 0
    y: float = 0


@dataclass(frozen=True)
class Graph:
    """The drawing."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    height: float


def identity_page(sources: Sources, focus: str) -> dict[str, Any] | None:
    """Return the context of the page; None without an environment."""
    blueprint = sources.blueprint
    if blueprint is None:
        return None
    graph = identity_graph(blueprint, focus)
    hour_us = sources.now_us - words.HOUR_US
    refusals = [
        {
            "at_us": each.time_us,
            "who": _who(each.principal, blueprint),
            "text": words.visible(each.message),
        }
        for each in reversed(sources.activity.refusals)
        if each.time_us > hour_us
    ]
    return page(sources, title="Identity", current="/identity", topics=["overview"]) | {
        "graph": graph if len(graph.nodes) <= _MOST_NODES else None,
        "columns": [
            {"label": label, "x": index * (WIDTH - NODE_WIDTH) / (len(COLUMNS) - 1)}
            for index, label in enumerate(COLUMNS)
        ],
        "width": WIDTH,
        "node_width": NODE_WIDTH,
        "node_height": NODE_HEIGHT,
        "refusals": refusals,
        "grants": [_row(each, blueprint) for each in blueprint.grants],
        "focus": focus,
    }


def identity_graph(blueprint: Blueprint, focus: str = "") -> Graph:
    """Return who adds tasks to which queue, as whom it calls which handler, and what that reads.

    Args:
        blueprint: the environment.
        focus: only what is connected to this box, such as `queue:emails`; "" shows all.
    """
    draft = _Draft(blueprint)
    draft.draw()
    nodes, edges = draft.nodes, draft.edges
    _connect(nodes, edges)
    if focus in nodes:
        kept = {focus, *nodes[focus].near}
        nodes = {key: node for key, node in nodes.items() if key in kept}
        edges = [edge for edge in edges if edge.id in kept]
    height = _place(nodes, edges)
    return Graph(tuple(nodes.values()), tuple(edges), height)


class _Draft:
    """Collects boxes and lines."""

    def __init__(self, blueprint: Blueprint) -> None:
        self.nodes: dict[str, Node] = {}
        self.edges: list[Edge] = []
        self._blueprint = blueprint
        self._code = {
            handler.member: key for key, handler in blueprint.handlers.items() if handler.member
        }
        """The handlers by the member that their code acts as."""

    def draw(self) -> None:
        """Draw everything."""
        blueprint = self._blueprint
        for key, plan in blueprint.queues.items():
            queue = self._node(f"queue:{key}", 1, key, plan.name, f"/queues/{plan.queue_id}")
            handler = self._handler(plan.handler)
            place = plan.places.get("handler", plan.reason.location)
            if plan.invoker is None:
                self._edge(queue, handler, "no token", place)
                continue
            account = blueprint.accounts[plan.invoker]
            invoker = self._node(f"account:{plan.invoker}", 2, account.account_id, account.email)
            self._edge(queue, invoker, _line(place), place)
            self._edge(invoker, handler, "may call", self._call_place(account.member, place))
        for key, pulled in blueprint.pull_queues.items():
            queue = self._node(f"queue:{key}", 1, key, pulled.topic)
            if pulled.worker is not None:
                place = pulled.reason.location
                self._edge(queue, self._handler(pulled.worker), "polls", place)
        for grant in blueprint.grants:
            self._granted(grant)

    def _granted(self, grant: GrantPlan) -> None:
        place = grant.reason.location
        adds = grant.role.endswith(("enqueuer", "publisher"))
        if grant.kind in _QUEUE_ROLES and adds and f"queue:{grant.resource}" in self.nodes:
            label = _who(grant.member, self._blueprint)
            who = self._node(f"who:{grant.member}", 0, label, grant.member)
            self._edge(who, self.nodes[f"queue:{grant.resource}"], _line(place), place)
        elif grant.kind == "secret" and grant.member in self._code:
            secret = self._node(f"secret:{grant.resource}", 4, grant.resource, grant.resource)
            self._edge(self._handler(self._code[grant.member]), secret, _line(place), place)

    def _handler(self, key: str) -> Node:
        plan = self._blueprint.handlers[key]
        return self._node(f"handler:{key}", 3, key, f"{key}, {plan.noun}", f"/handlers/{key}")

    def _call_place(self, member: str, otherwise: Location) -> Location:
        for grant in self._blueprint.grants:
            if grant.member == member and grant.kind == "handler":
                return grant.reason.location
        return otherwise

    def _node(self, key: str, column: int, label: str, title: str, href: str = "") -> Node:
        if key not in self.nodes:
            short = label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1]}…"
            self.nodes[key] = Node(key, column, short, title, href)
        return self.nodes[key]

    def _edge(self, start: Node, end: Node, label: str, place: Location) -> None:
        if not any(each.start == start.id and each.end == end.id for each in self.edges):
            number = len(self.edges)
            self.edges.append(Edge(f"edge{number}", start.id, end.id, label, str(place)))


def _connect(nodes: Mapping[str, Node], edges: Iterable[Edge]) -> None:
    """Note what is connected to each box, to the left and to the right."""
    edges = list(edges)
    for node in nodes.values():
        for way in ("left", "right"):
            reached, waiting = {node.id}, [node.id]
            while waiting:
                at = waiting.pop()
                for edge in edges:
                    here, there = (
                        (edge.start, edge.end) if way == "right" else (edge.end, edge.start)
                    )
                    if here == at:
                        node.near.append(edge.id)
                        if there not in reached:
                            reached.add(there)
                            waiting.append(there)
            node.near += sorted(reached)


def _place(nodes: Mapping[str, Node], edges: Iterable[Edge]) -> float:
    """Give boxes and lines their places; return the height."""
    edges = list(edges)
    columns = [[node for node in nodes.values() if node.column == at] for at in range(5)]
    rows: dict[str, float] = {}
    for column in columns:
        rows |= {node.id: float(index) for index, node in enumerate(column)}
    for order in (columns, columns[::-1]) * 2:
        for column in order:
            means = {node.id: _mean(node, edges, rows) for node in column}
            column.sort(key=lambda node: means[node.id])
            rows |= {node.id: float(index) for index, node in enumerate(column)}
    step = NODE_HEIGHT + _GAP
    most = max((len(column) for column in columns), default=0)
    for column in columns:
        offset = (most - len(column)) / 2
        for index, node in enumerate(column):
            node.y = _TOP + (offset + index) * step
    for edge in edges:
        _draw(edge, nodes[edge.start], nodes[edge.end])
    return _TOP + most * step


def _mean(node: Node, edges: Iterable[Edge], rows: Mapping[str, float]) -> float:
    near = [rows[edge.end] for edge in edges if edge.start == node.id and edge.end in rows]
    near += [rows[edge.start] for edge in edges if edge.end == node.id and edge.start in rows]
    return sum(near) / len(near) if near else rows[node.id]


def _draw(edge: Edge, start: Node, end: Node) -> None:
    x1, y1 = start.x + NODE_WIDTH, start.y + NODE_HEIGHT / 2
    x2, y2 = end.x, end.y + NODE_HEIGHT / 2
    half = (x1 + x2) / 2
    edge.path = f"M{x1:g} {y1:g}C{half:g} {y1:g} {half:g} {y2:g} {x2:g} {y2:g}"
    # Near its beginning, where lines to several boxes have parted and have not met others.
    edge.x = x1 + min(80.0, (x2 - x1) / 2)
    edge.y = _height_at(edge.x, x1, y1, x2, y2)


def _height_at(x: float, x1: float, y1: float, x2: float, y2: float) -> float:
    """Return the height of the curve at `x`, found by halving."""
    low, high = 0.0, 1.0
    half = (x1 + x2) / 2
    for _ in range(20):
        t = (low + high) / 2
        at = (
            (1 - t) ** 3 * x1 + 3 * (1 - t) ** 2 * t * half + 3 * (1 - t) * t * t * half + t**3 * x2
        )
        low, high = (t, high) if at < x else (low, t)
    t = (low + high) / 2
    share = 3 * (1 - t) * t * t + t**3
    return round(y1 + (y2 - y1) * share, 1)


def _who(member: str, blueprint: Blueprint) -> str:
    """Return a member as people know it: a handler's key, an account's id, or an address."""
    for key, handler in blueprint.handlers.items():
        if handler.member == member:
            return key
    kind, _, address = member.partition(":")
    return address.partition("@")[0] if kind == "serviceAccount" else address or member


def _line(place: Location) -> str:
    return f"{place.file.rpartition('/')[2]}:{place.line}"


def _row(grant: GrantPlan, blueprint: Blueprint) -> dict[str, str]:
    return {
        "who": _who(grant.member, blueprint),
        "member": grant.member,
        "role": grant.role.removeprefix("roles/"),
        "on": f"{grant.kind.replace('_', ' ')} {grant.resource}",
        "reason": grant.reason.text,
        "place": _line(grant.reason.location),
        "full_place": str(grant.reason.location),
    }
