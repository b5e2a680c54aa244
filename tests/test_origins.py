"""Requests that a local listener answers, and requests it refuses."""

import pytest
from multidict import CIMultiDict

from queuewright.origins import RequestFilter, browser_objection, is_loopback

OWN = {"Host": "127.0.0.1:8124"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        OWN,
        {"Host": "localhost:8124"},
        {"Host": "LocalHost"},
        {"Host": "[::1]:8124"},
        {"Host": "127.1.2.3:8124"},
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
        {"Host": "192.168.1.7:8124"},
        {"Host": "0.0.0.0:8124"},
        {"Host": "[::]:8124"},
        {"Host": "[::ffff:127.0.0.1]:8124"},
        {"Host": "[::ffff:7f00:1]:8124"},
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


def test_a_listener_for_other_machines_answers_to_any_address_of_an_interface() -> None:
    """Browsers send `Sec-Fetch-Site` to none of the others, which reach this machine as well."""
    objection = RequestFilter(any_address=True).objection
    hosts = ("192.168.1.7:8124", "[fd00::7]:8124", "127.0.0.1")
    assert not any(objection({"Host": host}) for host in hosts)
    assert all(objection({"Host": host}) for host in ("0.0.0.0:8124", "[::]", "[::ffff:7f00:1]"))


def test_an_address_can_be_allowed_like_a_name() -> None:
    allow = RequestFilter(["0.0.0.0", "fd00::7"])
    assert allow.objection({"Host": "0.0.0.0:8124"}) is None
    assert allow.objection({"Host": "[fd00::7]:8124"}) is None


FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_browser_that_names_no_page_may_have_no_effect(method: str) -> None:
    """As for an `<img>` at an address that it doesn't trust."""
    assert browser_objection(method, CIMultiDict({"user-agent": FIREFOX})) is not None


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {}),
        ("GET", {"User-Agent": "curl/8.5.0"}),
        ("GET", {"User-Agent": "Google-Cloud-Tasks"}),
        ("GET", {"User-Agent": "node", "Sec-Fetch-Mode": "cors"}),
        ("GET", {"User-Agent": FIREFOX, "Sec-Fetch-Site": "none"}),
        ("POST", {"User-Agent": FIREFOX}),
    ],
)
def test_programs_and_the_address_bar_may(method: str, headers: dict[str, str]) -> None:
    assert browser_objection(method, CIMultiDict(headers)) is None


def test_an_allowed_name_does_not_open_the_listener_to_other_pages() -> None:
    foreign = {"Host": "tasks:8124", "Origin": "https://evil.example"}
    assert RequestFilter(["*"]).objection(foreign) is not None


def test_a_loopback_address_is_told_from_others() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.1.7", "tasks.example")))
