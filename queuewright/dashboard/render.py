"""Renders the templates. Everything is escaped; an unknown variable is an error."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from queuewright.dashboard import words

MEDIA_TYPES: Final = {
    "style.css": "text/css",
    "dashboard.js": "text/javascript",
    "favicon.svg": "image/svg+xml",
}


@cache
def environment() -> Environment:
    """Return the templates' environment."""
    made = Environment(
        loader=PackageLoader("queuewright.dashboard", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters["iso"] = words.iso
    made.filters["exact"] = words.exact
    made.filters["clock"] = words.clock
    made.filters["relative"] = shown_time
    made.globals["asset"] = asset_path
    return made


def render(template: str, context: dict[str, Any]) -> str:
    """Return a page."""
    return environment().get_template(template).render(context)


def shown_time(at_us: int, now_us: int, rel: str = "") -> str:
    """Return a moment as `static/dashboard.js` shows it, too.

    `rel` "for" gives the time since then, "in" the time until then, or `due`.
    """
    if rel == "for":
        return f"for{words.SPACE}{words.span(max(0, now_us - at_us))}"
    if rel == "in" and at_us <= now_us:
        return "due"
    return words.relative(at_us, now_us)


@cache
def asset(name: str) -> bytes:
    """Return a static file."""
    return resources.files("queuewright.dashboard").joinpath("static", name).read_bytes()


@cache
def asset_path(name: str) -> str:
    """Return the address of a static file, which changes with its content."""
    digest = hashlib.sha256(asset(name)).hexdigest()[:12]
    return f"/static/{digest}/{name}"
