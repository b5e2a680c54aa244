"""The routes of queues, and their tokens."""

from __future__ import annotations

import pytest

from queuewright.blueprint import AppEngineRoute, HandlerRoute, UrlRoute
from tests.blueprint.stack import derive, every_kind


def test_a_handler_of_ours_is_named() -> None:
    """Its URL is known to the target only."""
    queues = every_kind().queues
    assert queues["emails"].route == HandlerRoute("mailer", "/send")
    assert queues["thumbs"].route == HandlerRoute("web", None)
    assert queues["emails"].invoker == "mailer-invoker"


def test_an_app_engine_service_is_routed_to() -> None:
    """Without a token: App Engine trusts Cloud Tasks itself."""
    queues = every_kind().queues
    assert queues["entries"].route == AppEngineRoute("ledger", "v2", None)
    assert queues["papers"].route == AppEngineRoute("reports", None, None)
    assert queues["entries"].invoker is None


def test_somebody_elses_endpoint_is_written_out() -> None:
    """With its port, query, headers, and a token for its audience."""
    queues = every_kind().queues
    assert queues["hooks"].route == UrlRoute(
        scheme="HTTPS",
        host="partner.example",
        port=8443,
        path="/hooks/orders",
        query="key=1",
        audience="https://partner.example",
        headers={"X-Api-Version": "2"},
    )
    assert queues["hooks"].invoker == "partner-invoker"
    assert queues["posts"].route == UrlRoute("HTTP", "public.example", None, None, None, None, {})
    assert queues["posts"].invoker is None


@pytest.mark.parametrize(
    ("url", "path", "joined"),
    [
        ("https://a.example", None, None),
        ("https://a.example/", None, None),
        ("https://a.example", "/x", "/x"),
        ("https://a.example/", "/x", "/x"),
        ("https://a.example/hooks", None, "/hooks"),
        ("https://a.example/hooks/", None, "/hooks/"),
        ("https://a.example/hooks", "/x", "/hooks/x"),
        ("https://a.example/hooks/", "/x", "/hooks/x"),
        ("https://a.example/hooks/", "/x/", "/hooks/x/"),
        ("https://a.example/hooks", "/", "/hooks/"),
        ("https://a.example/a%20b", "/c%2Fd", "/a%20b/c%2Fd"),
    ],
)
def test_a_queues_path_is_joined_to_the_urls(
    url: str, path: str | None, joined: str | None
) -> None:
    """With exactly one slash between them."""
    more = f", path: {path}" if path else ""
    plan = derive(f"handlers: {{h: {{url: '{url}'}}}}\nqueues: {{q: {{handler: h{more}}}}}\n")
    route = plan.queues["q"].route
    assert isinstance(route, UrlRoute)
    assert route.path == joined


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://A.Example", "a.example", None),
        ("http://127.0.0.1:8080", "127.0.0.1", 8080),
        ("https://a.example:443/x", "a.example", 443),
    ],
)
def test_host_and_port(url: str, host: str, port: int | None) -> None:
    """The host in lower case; the port only if the URL has one."""
    plan = derive(f"handlers: {{h: {{url: '{url}'}}}}\nqueues: {{q: {{handler: h}}}}\n")
    route = plan.queues["q"].route
    assert isinstance(route, UrlRoute)
    assert (route.host, route.port) == (host, port)
