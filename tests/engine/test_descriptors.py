"""How many connections the engine opens at most."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest

from queuewright.engine import Engine, InProcessSender, ManualClock, Settings
from queuewright.engine.dispatch.http.descriptors import connections, raised_limit


@pytest.fixture(autouse=True)
def a_soft_limit_of_256() -> Iterator[None]:
    """As a shell on macOS sets it."""
    soft, hard = before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < 256:
        pytest.skip("this process may not have that many")
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def soft_limit() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


async def test_an_engine_raises_the_soft_limit_on_descriptors() -> None:
    engine = Engine(clock=ManualClock())
    assert soft_limit() > 256 or soft_limit() == resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    await engine.stop()


async def test_an_engine_that_opens_no_connections_leaves_the_limit_alone() -> None:
    engine = Engine(clock=ManualClock(), sender=InProcessSender(lambda _: 200))
    assert soft_limit() == 256
    await engine.stop()


def test_the_limit_is_raised_no_further_than_the_system_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_which: int, _limits: tuple[int, int]) -> None:
        raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert raised_limit() == 256
    monkeypatch.undo()
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 256))
    assert raised_limit() == 256
    assert connections(1) == 128
    assert connections(3) == 42
    monkeypatch.setattr(resource, "getrlimit", lambda _: (100, 100))
    assert connections(1) == 16
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)
    assert connections(1) > 10_000


async def test_no_more_attempts_are_in_flight_than_there_may_be_connections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 256))
    for asked, expected in ((None, 42), (10, 10), (1000, 42)):
        settings = Settings(max_in_flight=asked, descriptors_per_attempt=3)
        engine = Engine(clock=ManualClock(), settings=settings)
        assert engine._dispatcher._slots.limit == expected
        await engine.stop()
