"""`docs/emulation.md` lists everything that tests prove, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from google.cloud.tasks_v2beta2.services.cloud_tasks.transports import (
    CloudTasksGrpcTransport as Beta2Transport,
)
from google.cloud.tasks_v2beta3.services.cloud_tasks.transports import (
    CloudTasksGrpcTransport as Beta3Transport,
)
from google.protobuf.descriptor import Descriptor

from queuewright.engine.protocol import messages, messages_beta, messages_lease
from tests.conformance.runner import table

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "emulation.md").read_text("utf-8")
STATES = {"emulated", "differs", "refused"}
REST_ONLY = {"BufferTask"}
OUTPUT_ONLY = ("max_retry_duration", "min_backoff", "max_backoff", "max_doublings")
"""Fields of `RetryConfig` that cannot be set on a pull queue."""


def rows() -> Iterator[tuple[str, list[str]]]:
    """Heading and cells of each row of each table, without header rows."""
    heading = ""
    for line in PAGE.splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("| ") and not line.startswith("| ---"):
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            if cells[-1].strip() != "Held by":
                yield heading, cells


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def fields_on_the_page() -> set[str]:
    found = set()
    for heading, cells in rows():
        if re.fullmatch(r"[A-Z][A-Za-z.]+( \(v2beta[23]\))?", heading) and len(cells) == 4:
            found |= {f"{heading}.{name}" for name in names(cells[0])}
    return found - {f"Dispatch.{name}" for name in ("X-CloudTasks-…", "X-AppEngine-…")}


def described(classes: object, package: str) -> dict[str, set[str]]:
    """Message to fields, for every message reachable from a version's requests and responses."""
    found: dict[str, set[str]] = {}
    waiting = [
        kind.DESCRIPTOR
        for kind in vars(classes).values()
        if getattr(getattr(kind, "DESCRIPTOR", None), "full_name", "").startswith(package)
    ]
    while waiting:
        message: Descriptor = waiting.pop()
        name = message.full_name.removeprefix(package)
        if name in found or not message.full_name.startswith(package):
            continue
        if message.GetOptions().map_entry:
            continue
        found[name] = {field.name for field in message.fields}
        waiting += [field.message_type for field in message.fields if field.message_type]
    return found


def rpcs(transport: type) -> set[str]:
    properties = {name for name, value in vars(transport).items() if isinstance(value, property)}
    properties -= {"grpc_channel", "kind", "operations_client"}
    return {"".join(part.capitalize() for part in name.split("_")) for name in properties}


def test_every_method_is_on_the_page() -> None:
    """Each RPC of any version has a row, and each row is an RPC."""
    told = {names(cells[0])[0] for heading, cells in rows() if heading == "Methods"}
    others = {names(cells[0])[0] for heading, cells in rows() if heading == "Methods (v2beta2)"}
    assert told == rpcs(CloudTasksGrpcTransport) | rpcs(Beta3Transport) | REST_ONLY
    assert others == rpcs(Beta2Transport) - told


def test_every_field_is_on_the_page() -> None:
    """Each field of each message of v2, and each additional one of the others, has a row."""
    v2 = described(messages, "google.cloud.tasks.v2.")
    wanted = {f"{message}.{name}" for message, fields in v2.items() for name in fields}
    for version, classes in (("v2beta3", messages_beta), ("v2beta2", messages_lease)):
        wanted |= {
            f"{message} ({version}).{name}"
            for message, fields in described(classes, f"google.cloud.tasks.{version}.").items()
            for name in fields - v2.get(message, set())
        }
    # These have a name of v2's, and mean something else.
    wanted |= {"RateLimits (v2beta3).max_burst_size", "RateLimits (v2beta2).max_burst_size"}
    wanted |= {f"RetryConfig (v2beta2).{name}" for name in ("max_attempts", *OUTPUT_ONLY)}
    assert fields_on_the_page() == wanted


def test_every_row_has_a_state() -> None:
    """Emulated, differs or refused."""
    for heading, cells in rows():
        if "rror texts" not in heading:
            assert STATES & set(cells), (heading, cells)


def test_every_row_names_an_existing_case_or_test() -> None:
    """A case of the conformance table, or the name of a test."""
    known = {case.name for case in table()}
    for file in (ROOT / "tests").rglob("test_*.py"):
        known |= set(re.findall(r"def (test_\w+)", file.read_text("utf-8")))
    for heading, cells in rows():
        held = names(cells[-1])
        assert held, (heading, cells)
        assert set(held) <= known, (heading, cells[0], set(held) - known)


def test_every_case_is_on_the_page() -> None:
    """A case that the page does not name proves something that the page does not list."""
    named = {name for _, cells in rows() for name in names(cells[-1])}
    untold = {case.name for case in table()} - named
    assert untold == set()


@cache
def texts() -> dict[tuple[str, str], str]:
    """Code and text of each row of the error texts, to a pattern."""
    found = {}
    for heading, cells in rows():
        if heading == "Error texts":
            (text,) = names(cells[1]) or [""]
            pattern = ".*".join(map(re.escape, text.split("…")))
            found[cells[0], text] = pattern
    return found


@cache
def refusals() -> set[tuple[str, str]]:
    """Code and text of each refusal in the conformance table."""
    return {
        (step["refused"][0], step["refused"][1])
        for case in table()
        for step in case.steps
        if "refused" in step
    }


@pytest.mark.parametrize(("code", "text"), sorted(refusals()))
def test_every_refusal_is_on_the_page(code: str, text: str) -> None:
    """Each refusal of a case is among the error texts."""
    assert any(
        told == code and re.fullmatch(pattern, text, re.DOTALL)
        for (told, _), pattern in texts().items()
    )


def test_every_text_on_the_page_is_a_refusal() -> None:
    """Each text is a refusal of some case."""
    for (code, text), pattern in texts().items():
        assert any(
            told == code and re.fullmatch(pattern, refused, re.DOTALL)
            for told, refused in refusals()
        ), text
