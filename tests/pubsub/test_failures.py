"""A bug of ours is logged and answered, and what runs in the background goes on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from queuewright.pubsub.delivery import subscription
from queuewright.pubsub.delivery.sharing import shared
from tests.pubsub.stage import refused, stage


async def test_a_failure_while_delivering_is_logged_and_answered(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And what was leased in vain is delivered next."""
    failures = [ValueError("broken")]

    def broken(*arguments: Any) -> Any:
        if failures:
            arguments[0].lease(2**60)
            raise failures.pop()
        return shared(*arguments)

    async with stage() as s:
        await s.publish(b"a")
        await s.advance("1s")
        monkeypatch.setattr(subscription, "shared", broken)
        assert await refused(s.pull()) == ("INTERNAL", "Internal error encountered.")
        assert await s.data() == [b"a"]
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "delivering messages of projects/acme/subscriptions/reports failed" in record.message


async def test_a_failed_sweep_is_logged_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A minute later."""
    async with stage() as s:
        await s.publish(b"a")
        store = s.server._store
        drop_old, failures = store.drop_old, [ValueError("broken")]

        def broken(*arguments: Any) -> Iterator[int]:
            if failures:
                raise failures.pop()
            return drop_old(*arguments)

        monkeypatch.setattr(store, "drop_old", broken)
        await s.advance("7d")
        assert [record.message for record in caplog.records] == [
            "sweeping failed in Pub/Sub itself"
        ]
        assert store._database.execute("SELECT count(*) FROM content").fetchone() == (1,)
        await s.advance("1m")
        assert store._database.execute("SELECT count(*) FROM content").fetchone() == (0,)
