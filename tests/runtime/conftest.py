"""Fixtures of the runtime's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.runtime.servers import EngineThread

VARIABLES = (
    "CLOUD_TASKS_EMULATOR_HOST",
    "CLOUD_TASKS_EMULATOR_URL",
    "PUBSUB_EMULATOR_HOST",
    "GCE_METADATA_HOST",
    "GOOGLE_CLOUD_PROJECT",
)


@pytest.fixture(autouse=True)
def _own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineThread]:
    """An engine whose REST API is in the environment."""
    running = EngineThread()
    monkeypatch.setenv("CLOUD_TASKS_EMULATOR_URL", running.url)
    yield running
    running.stop()
