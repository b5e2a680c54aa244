"""Google's v2beta2 clients, each in a process of its own, against an engine in another."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest

from tests.clients.engine_ports import engine_ports
from tests.clients.programs import HERE, ROOT, go_program, java_program, node_program, run

PARENT = "projects/acme-dev/locations/europe-west1"

EXPECTED = [
    ["create", True, -1],
    ["list", ["a", "b", "c", "d"]],
    ["oldest tag", ["a", "c"], ["a", "c"]],
    ["attempts", [1, 1], True],
    ["held", [], ["d"]],
    ["renew", True],
    ["old proof", "FailedPrecondition"],
    ["acknowledge again", "NotFound"],
    ["cancel", True],
    ["again", ["c"], 2],
    ["used up", ["b"], ["b", "d"]],
    ["paused", "FailedPrecondition"],
    ["run", "InvalidArgument"],
    ["stats", 2, 2],
    ["purge", []],
    ["delete", "NotFound"],
]
"""What every client has to see, step by step."""

BAD_REQUEST = {"python": "BadRequest", "go": "BadRequest", "java": "InvalidArgument"}
"""A 400 over REST in the clients that know only its HTTP status; Node reads the body."""


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    with engine_ports() as found:
        yield found


@pytest.fixture(scope="module")
def python() -> list[str]:
    return [sys.executable, str(HERE / "lease_scenario.py")]


@pytest.fixture(scope="module")
def node() -> list[str]:
    return node_program("leases.mjs")


@pytest.fixture(scope="module")
def go() -> list[str]:
    return go_program("./leases", "leases")


@pytest.fixture(scope="module")
def java() -> list[str]:
    return java_program("Leases.java")


@pytest.mark.parametrize(
    "client",
    [
        "python",
        pytest.param("node", marks=pytest.mark.slow),
        pytest.param("go", marks=pytest.mark.slow),
        pytest.param("java", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_the_scenario_of_leases(
    request: pytest.FixtureRequest, ports: dict[str, int], client: str, protocol: str
) -> None:
    """Create a pull queue and tasks; lease by tag, renew, acknowledge, give back, use up, purge."""
    command = request.getfixturevalue(client)
    queue = f"leases-{client}-{protocol}"
    seen = run([*command, protocol, str(ports[protocol]), PARENT, queue], ROOT)
    expected = EXPECTED
    if protocol == "rest" and client in BAD_REQUEST:
        text = json.dumps(expected)
        for code in ("FailedPrecondition", "InvalidArgument"):
            text = text.replace(code, BAD_REQUEST[client])
        expected = json.loads(text)
    assert json.loads(seen) == expected
