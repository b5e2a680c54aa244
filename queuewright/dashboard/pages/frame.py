"""What all pages have: the environment's name, the navigation, and the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Any

from queuewright.dashboard.sources import Sources


@dataclass(frozen=True)
class PageLink:
    """A link of the navigation."""

    href: str
    label: str
    count: str = ""


@dataclass(frozen=True)
class Frame:
    """What is around every page."""

    name: str
    place: str
    pages: tuple[PageLink, ...]
    addresses: tuple[str, ...]
    version: str


@cache
def version() -> str:
    """Return queuewright's version."""
    try:
        return metadata.version("queuewright")
    except metadata.PackageNotFoundError:
        return "unknown"


def frame(sources: Sources) -> Frame:
    """Return what is around every page."""
    blueprint = sources.blueprint
    pages = [PageLink("/", "Overview")]
    if blueprint is not None:
        pages.append(PageLink("/identity", "Identity"))
    if sources.is_frozen:
        pages.append(PageLink("/time", "Time"))
    pages.append(PageLink("/send", "Send"))
    place = "" if blueprint is None else f"{blueprint.project} · {blueprint.location}"
    return Frame(
        sources.surroundings.name,
        place,
        tuple(pages),
        tuple(sources.surroundings.addresses),
        version(),
    )


def page(
    sources: Sources, *, title: str, current: str = "", topics: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the part of a page's context that every page has."""
    return {
        "title": title,
        "current": current,
        "topics": list(topics),
        "frame": frame(sources),
        "now_us": sources.now_us,
        "is_frozen": sources.is_frozen,
        "said": "",
    }
