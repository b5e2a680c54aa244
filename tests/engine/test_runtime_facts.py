"""What the runtime knows of Cloud Tasks without importing the engine is what the engine does."""

from __future__ import annotations

from queuewright.engine.api.rest_errors import HTTP_STATUS
from queuewright.engine.protocol.status import CODES
from queuewright.engine.service.batch import MAX_CREATES
from queuewright_runtime import apis, limits


def test_the_codes_and_their_http_statuses_are_the_same() -> None:
    assert tuple(code for code, _ in apis.CODES) == tuple(CODES)
    assert dict(apis.CODES[1:]) == HTTP_STATUS


def test_a_batch_has_as_many_tasks() -> None:
    assert limits.MAX_CREATES == MAX_CREATES
