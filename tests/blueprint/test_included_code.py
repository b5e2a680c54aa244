"""What a handler is deployed from: its folder, what it includes, and how its image is built."""

from __future__ import annotations

import pytest

from queuewright.blueprint import HandlerPlan, ImageBuildPlan, blueprint
from queuewright.blueprint.explain import explain_text
from queuewright.spec import parse

REST = "\nproject: acme-dev\nlocation: europe-west1\n"


def plan(handler: str) -> HandlerPlan:
    """The plan of a handler."""
    return blueprint(parse(f"handlers: {{h: {handler}}}{REST}")).handlers["h"]


@pytest.mark.parametrize(
    ("settings", "context", "dockerfile"),
    [
        ("source: handlers/h", "handlers/h", "handlers/h/Dockerfile"),
        ("source: ./handlers/h/", "handlers/h", "handlers/h/Dockerfile"),
        ("source: handlers/h, context: .", ".", "handlers/h/Dockerfile"),
        ("source: handlers/h, dockerfile: handlers/h/d/D", "handlers/h", "handlers/h/d/D"),
        ("context: handlers, dockerfile: handlers/h/D", "handlers", "handlers/h/D"),
        ("context: ., dockerfile: Dockerfile", ".", "Dockerfile"),
    ],
)
@pytest.mark.parametrize("kind", ["service", "worker"])
def test_an_image_is_built_from_its_context(
    kind: str, settings: str, context: str, dockerfile: str
) -> None:
    """By default its source; without a source, the Dockerfile's folder is the source."""
    found = plan(f"{{{kind}: {{{settings}}}}}")
    assert found.build == ImageBuildPlan(context, dockerfile)
    assert found.folder == context


def test_without_a_source_the_dockerfiles_folder_is_the_source() -> None:
    """Its `requirements.txt` counts on this machine."""
    assert plan("{service: {context: ., dockerfile: a/b/Dockerfile}}").source == "a/b"
    assert plan("{worker: {context: ., dockerfile: Dockerfile}}").source == "."


@pytest.mark.parametrize(
    "handler",
    [
        "{service: {image: i}}",
        "{service: {source: s, runtime: python312, command: run}}",
        "{function: {source: s, entry_point: f, runtime: python312}}",
        "{url: 'https://a.example'}",
    ],
)
def test_other_handlers_have_no_build(handler: str) -> None:
    """They are ready, or deployed as they are."""
    found = plan(handler)
    assert found.build is None
    assert found.folder == found.source


def test_what_is_included_and_built_is_explained() -> None:
    """In a line each; an ordinary Dockerfile is not spelled out."""
    text = explain_text(
        blueprint(
            parse(
                "handlers:\n"
                "  a: {service: {source: handlers/a/}, include: [libs/./shared/, rates.json]}\n"
                "  b: {service: {context: ., dockerfile: handlers/b/Dockerfile}}\n"
                "  c: {worker: {source: handlers/c, dockerfile: handlers/c/prod.Dockerfile}}\n"
                f"{REST}"
            )
        )
    )
    lines = [line.strip() for line in text.splitlines()]
    assert "code       handlers/a/, built by its Dockerfile" in lines
    assert "includes   libs/shared, rates.json" in lines
    assert "code       handlers/b, built by its Dockerfile from ." in lines
    assert "code       handlers/c, built by handlers/c/prod.Dockerfile" in lines
