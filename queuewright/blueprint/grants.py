"""Who exists and who may do what: the accounts of a stack and their grants, least privilege.

- Every function and service runs as an account of its own.
- Every queue with such a handler has an invoker account, which may call that handler
  and nothing else.
- A producer may add tasks to the one queue that names it under `enqueuers`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from queuewright.blueprint.model import AccountPlan, Grant, Kind, Reason
from queuewright.blueprint.names import (
    account_email,
    account_id,
    app_engine_email,
    first_key,
    prefixed,
    secret_id,
)
from queuewright.blueprint.queues import full_name, needs_invoker
from queuewright.spec import HandlerSpec, Spec, dotted, queue_variable

BUILD = "build"
# Where Cloud Run functions puts sources before a build:
# https://cloud.google.com/functions/docs/building#image_registry.
FUNCTION_SOURCES = 'resource.name.startsWith("projects/_/buckets/gcf-v2-sources-")'
BUILD_ROLES = (
    ("roles/logging.logWriter", None),
    ("roles/storage.objectViewer", FUNCTION_SOURCES),
)
"""What the build account may do in the project, each role with the condition that narrows it.

With reading packages and writing images these are the roles that a build takes:
https://cloud.google.com/functions/docs/securing/build-custom-sa."""


def accounts(spec: Spec) -> dict[str, AccountPlan]:
    """Every service account of the stack, by key."""
    plans = {}
    # On Google Cloud things are called what they were first, and so are their accounts.
    first = {key: first_key(key, handler.renamed_from) for key, handler in spec.handlers.items()}
    for name, handler in spec.handlers.items():
        if has_account(handler):
            text = "handler `{}` runs as it"
            reason = _reason(spec, text.format(name), "handlers", name)
            key, called = handler_account(name), first[name]
            plans[key] = _account(spec, key, (called, "handler"), text.format(called), reason)
    for name, queue in spec.queues.items():
        if needs_invoker(spec.handlers[queue.handler]):
            text = "queue `{}` calls `{}` as it"
            reason = _reason(spec, text.format(name, queue.handler), "queues", name, "handler")
            key, called = invoker_account(name), first_key(name, queue.renamed_from)
            about = text.format(called, first[queue.handler])
            plans[key] = _account(spec, key, (called, "invoker"), about, reason)
    functions = [name for name, handler in spec.handlers.items() if handler.function is not None]
    if functions:
        reason = _reason(spec, "functions are built by it", "handlers", min(functions), "function")
        plans[BUILD] = _account(spec, BUILD, ("queuewright", BUILD), reason.text, reason)
    return plans


def has_account(handler: HandlerSpec) -> bool:
    """Whether the stack gives the handler an account to run as: where it deploys its code."""
    engine = handler.app_engine
    return handler.url is None and (engine is None or engine.source is not None)


def handler_account(handler: str) -> str:
    """The key of the account that a handler runs as."""
    return f"{handler}-handler"


def invoker_account(queue: str) -> str:
    """The key of the account whose token a queue's tasks carry."""
    return f"{queue}-invoker"


def enqueues(spec: Spec, handler: str) -> dict[str, str]:
    """The queues that a handler may add to: variable → full name."""
    return {
        queue_variable(key): full_name(spec, key)
        for key, queue in spec.queues.items()
        if handler in queue.enqueuers
    }


def grants(
    spec: Spec, plans: Mapping[str, AccountPlan], bucket: str | None, repository: str | None
) -> tuple[Grant, ...]:
    """Every grant of the stack, each with the line of YAML that it follows from.

    By resource, role and member, and each right once: two App Engine handlers, say, run as
    the same account.
    """
    found: dict[tuple[str, str, str, str], Grant] = {}
    for grant in _grants(spec, plans, bucket, repository):
        found.setdefault((grant.kind, grant.resource, grant.role, grant.member), grant)
    return tuple(found[key] for key in sorted(found))


def _grants(
    spec: Spec, plans: Mapping[str, AccountPlan], bucket: str | None, repository: str | None
) -> Iterator[Grant]:
    for name, queue in spec.queues.items():
        invoker = plans.get(invoker_account(name))
        if invoker is not None and spec.handlers[queue.handler].url is None:
            text = f"queue `{name}` dispatches to `{queue.handler}`"
            reason = _reason(spec, text, "queues", name, "handler")
            yield _grant("roles/run.invoker", invoker, "handler", queue.handler, reason)
        for index, member in enumerate(queue.enqueuers):
            reason = _reason(
                spec, f"`{member}` adds to queue `{name}`", "queues", name, "enqueuers", index
            )
            role = "roles/cloudtasks.enqueuer"
            if ":" in member:
                yield Grant(role, member, None, "queue", name, reason)
            elif (account := plans.get(handler_account(member))) is not None:
                yield _grant(role, account, "queue", name, reason)
            else:
                app = f"serviceAccount:{app_engine_email(spec.project)}"
                yield Grant(role, app, None, "queue", name, reason)
    for name, handler in spec.handlers.items():
        yield from _secret_grants(spec, name, handler, plans)
    if BUILD in plans and bucket and repository:
        yield from _build_grants(spec, plans[BUILD], bucket, repository)


def _secret_grants(
    spec: Spec, name: str, handler: HandlerSpec, plans: Mapping[str, AccountPlan]
) -> Iterator[Grant]:
    granted = set()
    for variable, secret in handler.secrets.items():
        first = first_key(name, handler.renamed_from)
        identifier = secret.secret or secret_id(spec.prefix, first, variable)
        if identifier in granted:
            continue
        granted.add(identifier)
        reason = _reason(
            spec, f"handler `{name}` reads it as {variable}", "handlers", name, "secrets", variable
        )
        account = plans[handler_account(name)]
        yield _grant("roles/secretmanager.secretAccessor", account, "secret", identifier, reason)


def _build_grants(
    spec: Spec, builder: AccountPlan, bucket: str, repository: str
) -> Iterator[Grant]:
    why = builder.reason
    for role, condition in BUILD_ROLES:
        yield _grant(role, builder, "project", spec.project, why, condition)
    yield _grant("roles/storage.objectViewer", builder, "bucket", bucket, why)
    yield _grant("roles/artifactregistry.writer", builder, "repository", repository, why)


def _account(
    spec: Spec, key: str, named_after: tuple[str, str], about: str, reason: Reason
) -> AccountPlan:
    """An account; `named_after` is a name and a role, `about` what people read of it there."""
    name, role = named_after
    identifier = account_id(prefixed(spec.prefix, name), role)
    # 100 characters at most: google/iam/admin/v1/iam.proto, ServiceAccount.display_name.
    display = f"queuewright {spec.environment}: {about}".replace("`", "")[:100]
    return AccountPlan(key, identifier, account_email(identifier, spec.project), display, reason)


def _grant(
    role: str,
    account: AccountPlan,
    kind: Kind,
    resource: str,
    reason: Reason,
    condition: str | None = None,
) -> Grant:
    return Grant(role, account.member, account.key, kind, resource, reason, condition)


def _reason(spec: Spec, text: str, *path: str | int) -> Reason:
    return Reason(text, dotted(path), spec.locate(*path))
