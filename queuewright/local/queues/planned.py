"""A queue's plan as the engine takes it: with the addresses of this machine. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from queuewright.blueprint import (
    AppEngineRoute,
    Blueprint,
    GrantPlan,
    HandlerRoute,
    QueuePlan,
    UrlRoute,
)
from queuewright.engine.protocol import Binding, HttpTarget, Policy, Queue
from queuewright.spec import RateLimits, RetryConfig

# Queue.State, UriOverride.Scheme and UriOverrideEnforceMode of google/cloud/tasks/v2.
STATES = {"RUNNING": 1, "PAUSED": 2}
SCHEMES = {"http": 1, "https": 2}
ALWAYS = 2


@dataclass(frozen=True)
class Address:
    """Where the tasks for a handler go on this machine."""

    url: str
    """Scheme, host, port, and a path where all of its paths are below one."""
    is_its_own: bool
    """Whether somebody named this place (`local.url`), so that it takes the place of all that
    the plan says of the URL."""


def queue_message(plan: QueuePlan, blueprint: Blueprint, addresses: Mapping[str, Address]) -> Queue:
    """The queue of a plan; `addresses` are the handlers', by key."""
    queue = Queue(name=plan.name)
    limit(queue, plan.rate_limits, plan.retry_config)
    if plan.sampling_ratio:  # as on Google Cloud, where 0 and nothing said are one
        queue.stackdriver_logging_config.sampling_ratio = plan.sampling_ratio
    queue.state = STATES[plan.desired_state]
    email = blueprint.accounts[plan.invoker].email if plan.invoker is not None else None
    address = addresses.get(plan.handler)
    match plan.route:
        case HandlerRoute(path=path):
            assert address is not None, "every handler of the stack has an address here"
            point(queue.http_target, address.url, path)
            _sign(queue.http_target, email, address.url)
        case UrlRoute() as route:
            assert address is not None, "an endpoint that is not ours has a catcher here"
            path = plan.path if address.is_its_own else route.path
            point(queue.http_target, address.url, path)
            if route.query is not None and not address.is_its_own:
                queue.http_target.uri_override.query_override.query_params = route.query
            for key, value in route.headers.items():
                override = queue.http_target.header_overrides.add()
                override.header.key, override.header.value = key, value
            _sign(queue.http_target, email, route.audience)
        case AppEngineRoute() as route:
            routing = queue.app_engine_routing_override
            routing.service = route.service
            routing.version = route.version or ""
            routing.instance = route.instance or ""
    return queue


def queue_policy(grants: Iterable[GrantPlan], queue: str) -> Policy:
    """Who may do what with the queue of key `queue`."""
    members: dict[str, list[str]] = {}
    for grant in grants:
        if (grant.kind, grant.resource) == ("queue", queue):
            members.setdefault(grant.role, []).append(grant.member)
    bindings = (Binding(role=role, members=who) for role, who in members.items())
    return Policy(bindings=bindings)


def limit(queue: Queue, rates: RateLimits, asked: RetryConfig) -> None:
    """Write a queue's limits and how it retries."""
    queue.rate_limits.max_dispatches_per_second = rates.max_dispatches_per_second
    queue.rate_limits.max_concurrent_dispatches = rates.max_concurrent_dispatches
    retry = queue.retry_config
    retry.max_attempts = asked.max_attempts
    retry.max_retry_duration.FromTimedelta(asked.max_retry_duration)
    retry.min_backoff.FromTimedelta(asked.min_backoff)
    retry.max_backoff.FromTimedelta(asked.max_backoff)
    retry.max_doublings = asked.max_doublings


def point(target: HttpTarget, url: str, path: str | None) -> None:
    """Let tasks go to `url`, with `path` behind its own; where neither has one, to their own."""
    parts = urlsplit(url)
    uri = target.uri_override
    uri.scheme = SCHEMES[parts.scheme]
    host = parts.hostname or ""
    uri.host = f"[{host}]" if ":" in host else host
    if parts.port is not None:
        uri.port = parts.port
    joined = parts.path.rstrip("/") + (path or "")
    if joined:
        uri.path_override.path = joined
    uri.uri_override_enforce_mode = ALWAYS


def _sign(target: HttpTarget, email: str | None, audience: str | None) -> None:
    if email is not None and audience is not None:
        target.oidc_token.service_account_email = email
        target.oidc_token.audience = audience
