"""The service accounts of a stack.

- Every function, service, worker and deployed App Engine version runs as an account of its own.
- Every handler that takes a token has an invoker account, shared by its queues.
- Every pull queue with delays has an account that publishes them.
- One account builds all functions.
"""

from __future__ import annotations

from typing import Final

from queuewright.blueprint.model import AccountPlan, Reason
from queuewright.blueprint.names import account_email, account_id, first_key, prefixed
from queuewright.blueprint.phrases import listed
from queuewright.cloud_tasks.limits import SERVICE_ACCOUNTS_PER_PROJECT
from queuewright.spec import HandlerSpec, Spec, dotted

BUILD: Final = "build"
"""The key of the account that builds functions."""

MANY_ACCOUNTS: Final = SERVICE_ACCOUNTS_PER_PROJECT * 9 // 10
"""A stack with more accounts than this leaves little room in its project."""


def accounts(spec: Spec) -> dict[str, AccountPlan]:
    """Every service account of the stack, by key."""
    plans = {}
    # Accounts on Google Cloud are named after the oldest keys, and so are their descriptions.
    first = {key: first_key(key, handler.renamed_from) for key, handler in spec.handlers.items()}
    for name, handler in spec.handlers.items():
        if has_account(handler):
            reason = _reason(spec, f"handler `{name}` runs as this account", "handlers", name)
            key, called = handler_account(name), first[name]
            about = f"handler {called} runs as it"
            plans[key] = _account(spec, key, (called, "handler"), about, reason)
    for name, handler in spec.handlers.items():
        queues = queues_of(spec, name)
        if queues and takes_token(handler):
            text = f"tasks of {listed('queue', queues)} call `{name}` with its token"
            reason = _reason(spec, text, "queues", queues[0], "handler")
            key, called = invoker_account(name), first[name]
            # The same for any number of queues: a new queue must not change the account.
            about = f"tasks call {called} with its token"
            plans[key] = _account(spec, key, (called, "invoker"), about, reason)
    for name, queue in spec.pull_queues.items():
        if queue.pull.delays:
            text = f"delayed tasks of `{name}` are published as this account"
            reason = _reason(spec, text, "queues", name, "pull", "delays")
            called = first_key(name, queue.renamed_from)
            about = f"delayed tasks of {called} are published by it"
            key = delays_account(name)
            plans[key] = _account(spec, key, (called, "delays"), about, reason)
    functions = [name for name, handler in spec.handlers.items() if handler.function is not None]
    if functions:
        reason = _reason(spec, "it builds functions", "handlers", min(functions), "function")
        about = "functions are built by it"
        plans[BUILD] = _account(spec, BUILD, ("queuewright", BUILD), about, reason)
    return plans


def has_account(handler: HandlerSpec) -> bool:
    """Whether the handler runs as an account of the stack, because the stack deploys its code."""
    engine = handler.app_engine
    return handler.url is None and (engine is None or engine.source is not None)


def takes_token(handler: HandlerSpec) -> bool:
    """Whether the handler's tasks carry a token."""
    if handler.url is not None:
        return handler.audience is not None
    return handler.app_engine is None and handler.worker is None


def queues_of(spec: Spec, handler: str) -> list[str]:
    """The keys of the queues that dispatch to a handler."""
    return [key for key, queue in spec.queues.items() if queue.handler == handler]


def handler_account(handler: str) -> str:
    """The key of the account that a handler runs as."""
    return f"{handler}-handler"


def invoker_account(handler: str) -> str:
    """The key of the account whose token a handler's tasks carry."""
    return f"{handler}-invoker"


def delays_account(queue: str) -> str:
    """The key of the account that publishes the delayed tasks of a pull queue."""
    return f"{queue}-delays"


def _account(
    spec: Spec, key: str, named_after: tuple[str, str], about: str, reason: Reason
) -> AccountPlan:
    """An account, named after a key and its role; `about` ends up in the display name."""
    name, role = named_after
    identifier = account_id(prefixed(spec.prefix, name), role)
    # At most 100 characters: google/iam/admin/v1/iam.proto, ServiceAccount.display_name.
    display = f"queuewright {spec.environment}: {about}"[:100]
    return AccountPlan(key, identifier, account_email(identifier, spec.project), display, reason)


def _reason(spec: Spec, text: str, *path: str | int) -> Reason:
    return Reason(text, dotted(path), spec.locate(*path))
