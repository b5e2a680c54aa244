"""Requests that a local listener answers, and requests it refuses."""

import pytest
from multidict import CIMultiDict

from queuewright.origins import RequestFilter, is_loopback

OWN = {"Host": "127.0.0.1:8124"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        OWN,
        {"Host": "localhost:8124"},
        {"Host": "LocalHost"},
        {"Host": "[::1]:8124"},
        {"Host": "192.168.1.7:8124"},
        {"Host": "host.docker.internal:8124"},
        {**OWN, "Sec-Fetch-Site": "none"},
        {**OWN, "Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:8124"},
    ],
)
def test_a_program_and_our_own_pages_are_answered(headers: dict[str, str]) -> None:
    assert RequestFilter().objection(CIMultiDict(headers)) is None


@pytest.mark.parametrize(
    "headers",
    [
        {**OWN, "Origin": "https://evil.example"},
        {**OWN, "origin": "null"},
        {**OWN, "Origin": "http://127.0.0.1:3000"},
        {**OWN, "Origin": "https://127.0.0.1:8124"},
        {**OWN, "Sec-Fetch-Site": "cross-site"},
        {**OWN, "sec-fetch-site": "same-site"},
        {"Host": "evil.example:8124"},
        {"Host": "evil.example.:8124", "Origin": "http://evil.example.:8124"},
        {"Host": "localhost.evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "evil.example:8124", "Sec-Fetch-Site": "same-origin"},
        {"Host": ""},
    ],
)
def test_a_web_page_of_another_origin_and_a_foreign_host_are_refused(
    headers: dict[str, str],
) -> None:
    assert RequestFilter().objection(CIMultiDict(headers)) is not None


def test_an_allowed_name_is_answered() -> None:
    allow = RequestFilter(["Tasks"])
    assert allow.objection({"Host": "tasks:8124"}) is None
    assert allow.objection({"Host": "other:8124"}) is not None
    assert RequestFilter(["*"]).objection({"Host": "other"}) is None


def test_an_allowed_name_does_not_open_the_listener_to_other_pages() -> None:
    foreign = {"Host": "tasks:8124", "Origin": "https://evil.example"}
    assert RequestFilter(["*"]).objection(foreign) is not None


def test_a_loopback_address_is_told_from_others() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.1.7", "tasks.example")))
