"""A handler's page: its health, its version, its last lines, its queues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from queuewright.blueprint import HandlerPlan
from queuewright.dashboard import states, words
from queuewright.dashboard.keys import queue_href
from queuewright.dashboard.log_lines import log_line
from queuewright.dashboard.pages.frame import page
from queuewright.dashboard.sources import Sources
from queuewright.dashboard.surroundings import HandlerFacts

_SENTENCES = {
    "healthy": "It serves.",
    "starting": "It is starting; its tasks wait until it listens.",
    "failing": "Its process ended; a new one is started. Its tasks wait.",
    "held": "It has not started, so its tasks wait. Fix the error and save: it is started again.",
    "elsewhere": "It does not run here; its tasks are sent there.",
    "caught": "It does not run here: its tasks are caught and answered with 200.",
}


def handler_page(sources: Sources, key: str) -> dict[str, Any] | None:
    """Return the context of a handler's page; None if there is no such handler."""
    facts = next((each for each in sources.surroundings.handlers() if each.key == key), None)
    if facts is None:
        return None
    plan = sources.blueprint.handlers.get(key) if sources.blueprint is not None else None
    lines = [
        {
            "time": words.clock(at_us),
            "severity": line.severity,
            "text": line.text,
            "is_bad": line.is_bad,
        }
        for at_us, text in reversed(sources.surroundings.log_lines(key))
        for line in (log_line(text, key),)
    ]
    error = f" Last error: {words.visible(facts.error)}" if facts.error else ""
    return page(sources, title=key, topics=["overview"]) | {
        "handler": {"key": key, "state": states.HANDLER[facts.health]},
        "sentence": f"{_SENTENCES[facts.health]}{error}",
        "lines": lines,
        "facts": _facts(sources, facts, plan),
    }


@dataclass(frozen=True)
class Fact:
    """A fact about a handler."""

    label: str
    value: str = ""
    code: str = ""
    href: str = ""
    place: str = ""
    at_us: int | None = None


def _facts(sources: Sources, facts: HandlerFacts, plan: HandlerPlan | None) -> list[Fact]:
    place = plan.reason.location if plan is not None else None
    line = f"{place.file.rpartition('/')[2]}:{place.line}" if place is not None else ""
    found = [
        Fact("Kind", facts.noun, place=line),
        Fact("Runs", code=words.visible(facts.runs)),
        Fact("Address", code=facts.address),
    ]
    if facts.version:
        found.append(Fact("Version", code=facts.version))
    if facts.since_us is not None:
        found.append(Fact("Serves since", at_us=facts.since_us))
    found.append(Fact("Restarts", words.number(facts.restarts)))
    if plan is None:
        return found
    keys = sources.keys()
    for name, queue in sources.plans().items():
        if queue.handler == facts.key:
            key = keys.key(name)
            found.append(Fact("Queue", key, href=queue_href(key)))
    if plan.environment:
        found.append(Fact("Variables", ", ".join(sorted(plan.environment))))
    if plan.secrets:
        found.append(Fact("Secrets", f"{', '.join(sorted(plan.secrets))}, masked"))
    return found
