"""The status that an HTTP code becomes."""

from __future__ import annotations

import pytest

from queuewright.engine.protocol.status import attempt_status, code_name


@pytest.mark.parametrize(
    ("http_code", "name"),
    [(200, "OK"), (299, "OK"), (302, "UNKNOWN"), (400, "INVALID_ARGUMENT"), (404, "NOT_FOUND"),
     (418, "FAILED_PRECONDITION"), (429, "RESOURCE_EXHAUSTED"), (500, "UNKNOWN"),
     (502, "INTERNAL"), (503, "UNAVAILABLE"), (599, "INTERNAL"), (-1, "DEADLINE_EXCEEDED"),
     (-2, "UNAVAILABLE")],
)  # fmt: skip
def test_an_http_code_has_a_canonical_name(http_code: int, name: str) -> None:
    assert code_name(http_code) == name


def test_the_status_of_an_attempt_has_the_real_services_text() -> None:
    status = attempt_status(502)
    assert (status.code, status.message) == (13, "INTERNAL(13): HTTP status code 502")
