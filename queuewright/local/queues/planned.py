"""Turns a queue's plan into the engine's messages, with the addresses of this machine. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from queuewright.blueprint import (
    AppEngineRoute,
    Blueprint,
    DelayQueuePlan,
    GrantPlan,
    GuardedKind,
    HandlerRoute,
    QueuePlan,
    UrlRoute,
)
from queuewright.engine import METHODS
from queuewright.engine.protocol import Binding, HttpTarget, Policy, Queue
from queuewright.local.queues.fields import STATES, set_address, set_limits


@dataclass(frozen=True)
class Address:
    """Where the tasks for a handler go on this machine."""

    url: str
    """Scheme, host, port, and a path if all of its paths are below one."""
    is_its_own: bool
    """The user named it (`local.url`), so it replaces the whole URL in the plan."""


def queue_message(plan: QueuePlan, blueprint: Blueprint, addresses: Mapping[str, Address]) -> Queue:
    """Return the queue of a plan; `addresses` holds the address of each handler, by key."""
    queue = Queue(name=plan.name)
    set_limits(queue, plan.rate_limits, plan.retry_config)
    if plan.sampling_ratio:  # on Google Cloud, too, 0 is the same as no ratio
        queue.stackdriver_logging_config.sampling_ratio = plan.sampling_ratio
    queue.state = STATES[plan.desired_state]
    email = blueprint.accounts[plan.invoker].email if plan.invoker is not None else None
    match plan.route:
        case HandlerRoute(path=path):
            address = addresses[plan.handler]
            set_address(queue.http_target, address.url, path)
            _set_token(queue.http_target, email, address.url)
        case UrlRoute() as route:
            address = addresses[plan.handler]
            path = plan.path if address.is_its_own else route.path
            set_address(queue.http_target, address.url, path)
            if route.query is not None and not address.is_its_own:
                queue.http_target.uri_override.query_override.query_params = route.query
            for key, value in route.headers.items():
                override = queue.http_target.header_overrides.add()
                override.header.key, override.header.value = key, value
            _set_token(queue.http_target, email, route.audience)
        case AppEngineRoute() as route:
            routing = queue.app_engine_routing_override
            routing.service = route.service
            routing.version = route.version or ""
            routing.instance = route.instance or ""
    return queue


def delay_queue_message(plan: DelayQueuePlan, blueprint: Blueprint, url: str) -> Queue:
    """Return the queue that keeps delayed tasks; they are published at `url`."""
    queue = Queue(name=plan.name)
    set_limits(queue, plan.rate_limits, plan.retry_config)
    queue.state = STATES[plan.desired_state]
    target = queue.http_target
    target.http_method = METHODS.index("POST")
    set_address(target, url, plan.path)
    target.oauth_token.service_account_email = blueprint.accounts[plan.account].email
    target.oauth_token.scope = plan.scope
    return queue


def queue_policy(grants: Iterable[GrantPlan], queue: str, kind: GuardedKind = "queue") -> Policy:
    """Return who may do what with the queue of key `queue`, or another one that belongs to it."""
    members: dict[str, list[str]] = {}
    for grant in grants:
        if (grant.kind, grant.resource) == (kind, queue):
            members.setdefault(grant.role, []).append(grant.member)
    bindings = (Binding(role=role, members=who) for role, who in members.items())
    return Policy(bindings=bindings)


def _set_token(target: HttpTarget, email: str | None, audience: str | None) -> None:
    if email is not None and audience is not None:
        target.oidc_token.service_account_email = email
        target.oidc_token.audience = audience
