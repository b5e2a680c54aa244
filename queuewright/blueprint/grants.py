"""The grants of a stack: who may do what, with the fewest rights that work.

- A handler's invoker may call that handler and nothing else.
- An enqueuer may add tasks to the queue that names it.
- A handler may add dead letters to the queue that keeps them.
- A worker may take tasks from the pull queues that name it.
- A pull queue's delayed tasks are published by an account that may do nothing else.
- Pub/Sub may move the tasks that a pull queue gives up.
- A handler may read its own secrets.
- The build account may read packages and write images and logs.
- So may the account of an App Engine version, which also builds the version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from queuewright.blueprint.accounts import (
    BUILD,
    delays_account,
    handler_account,
    invoker_account,
    queues_of,
)
from queuewright.blueprint.model import AccountPlan, Condition, GrantPlan, GuardedKind, Reason
from queuewright.blueprint.names import PUBSUB, app_engine_email, first_key, pubsub_agent, secret_id
from queuewright.blueprint.phrases import listed
from queuewright.blueprint.pull_queues import delay_queue, gives_up, topic
from queuewright.blueprint.queues import producer_variables
from queuewright.blueprint.rights import (
    ADD_TASKS,
    BUILD_FUNCTIONS,
    CALL_HANDLER,
    POLL,
    PUBLISH,
    READ_PACKAGES,
    READ_SECRET,
    WRITE_IMAGES,
    build_app_engine,
)
from queuewright.spec import HandlerSpec, PullQueueSpec, Spec, delays_key, dotted, queue_variable

AGENT_GRANTS: Final[tuple[tuple[str, GuardedKind], ...]] = (
    (PUBLISH, "dead_letter_topic"),
    (POLL, "subscription"),
)
"""What Pub/Sub's agent needs to give up a task. Without both, a task that fails circles on."""


def grants(
    spec: Spec, plans: Mapping[str, AccountPlan], bucket: str | None, repository: str | None
) -> tuple[GrantPlan, ...]:
    """Every grant of the stack, each with the line of YAML that asks for it.

    Sorted by resource, role and member, without duplicates: two App Engine handlers, for example,
    can run as the same account.
    """
    found: dict[tuple[str, str, str, str], GrantPlan] = {}
    for grant in _grants(spec, plans, bucket, repository):
        found.setdefault((grant.kind, grant.resource, grant.role, grant.member), grant)
    return tuple(found[key] for key in sorted(found))


def enqueues(spec: Spec, handler: str) -> dict[str, str]:
    """The variables that tell a handler about the queues that it may add tasks to.

    A pull queue with delays has two: its topic, and the queue that keeps its delayed tasks.
    """
    push = {
        variable: value
        for key, queue in spec.queues.items()
        if handler in queue.enqueuers
        for variable, value in producer_variables(spec, key).items()
    }
    pull = {
        queue_variable(key): topic(spec, key)
        for key, queue in spec.pull_queues.items()
        if handler in queue.enqueuers
    }
    delays = {
        queue_variable(delays_key(key)): delay_queue(spec, key)
        for key, queue in spec.pull_queues.items()
        if handler in queue.enqueuers and queue.pull.delays
    }
    return {**push, **pull, **delays}


def _grants(
    spec: Spec, plans: Mapping[str, AccountPlan], bucket: str | None, repository: str | None
) -> Iterator[GrantPlan]:
    for name, handler in spec.handlers.items():
        yield from _call_grants(spec, name, handler, plans)
        yield from _secret_grants(spec, name, handler, plans)
        if handler.app_engine is not None and handler.app_engine.source is not None and bucket:
            yield from _app_engine_grants(spec, name, plans[handler_account(name)], bucket)
    for name, queue in spec.queues.items():
        yield from _enqueuer_grants(spec, name, queue.enqueuers, plans, ADD_TASKS, "queue")
        if queue.dead_letters is not None:
            text = f"handler `{queue.handler}` moves the tasks there that queue `{name}` gives up"
            reason = _reason(spec, text, "queues", name, "dead_letters")
            account = plans[handler_account(queue.handler)]
            yield _grant(ADD_TASKS, account, "dead_letter_queue", name, reason)
    for name, pulled in spec.pull_queues.items():
        yield from _enqueuer_grants(spec, name, pulled.enqueuers, plans, PUBLISH, "topic")
        yield from _pull_grants(spec, name, pulled, plans)
        yield from _delay_grants(spec, name, pulled, plans)
    if BUILD in plans and bucket and repository:
        yield from _build_grants(spec, plans[BUILD], bucket, repository)


def _call_grants(
    spec: Spec, name: str, handler: HandlerSpec, plans: Mapping[str, AccountPlan]
) -> Iterator[GrantPlan]:
    invoker = plans.get(invoker_account(name))
    # Other people's endpoints check tokens themselves.
    if invoker is not None and handler.url is None:
        queues = queues_of(spec, name)
        text = f"tasks of {listed('queue', queues)} go to `{name}`"
        reason = _reason(spec, text, "queues", queues[0], "handler")
        yield _grant(CALL_HANDLER, invoker, "handler", name, reason)


def _secret_grants(
    spec: Spec, name: str, handler: HandlerSpec, plans: Mapping[str, AccountPlan]
) -> Iterator[GrantPlan]:
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
        yield _grant(READ_SECRET, plans[handler_account(name)], "secret", identifier, reason)


def _pull_grants(
    spec: Spec, name: str, queue: PullQueueSpec, plans: Mapping[str, AccountPlan]
) -> Iterator[GrantPlan]:
    if queue.worker is not None:
        text = f"worker `{queue.worker}` polls queue `{name}`"
        reason = _reason(spec, text, "queues", name, "worker")
        yield _grant(POLL, plans[handler_account(queue.worker)], "subscription", name, reason)
    if gives_up(queue):
        path = ("dead_letters",) if queue.dead_letters else ("pull", "max_attempts")
        reason = _reason(
            spec, f"Pub/Sub moves the tasks that queue `{name}` gives up", "queues", name, *path
        )
        agent = f"serviceAccount:{pubsub_agent()}"
        for role, kind in AGENT_GRANTS:
            yield GrantPlan(role, agent, None, kind, name, reason, agent=PUBSUB)


def _delay_grants(
    spec: Spec, name: str, queue: PullQueueSpec, plans: Mapping[str, AccountPlan]
) -> Iterator[GrantPlan]:
    if not queue.pull.delays:
        return
    text = f"delayed tasks of queue `{name}` are published when they are due"
    reason = _reason(spec, text, "queues", name, "pull", "delays")
    yield _grant(PUBLISH, plans[delays_account(name)], "topic", name, reason)
    yield from _enqueuer_grants(spec, name, queue.enqueuers, plans, ADD_TASKS, "delay_queue")


def _enqueuer_grants(
    spec: Spec,
    name: str,
    enqueuers: Sequence[str],
    plans: Mapping[str, AccountPlan],
    role: str,
    kind: GuardedKind,
) -> Iterator[GrantPlan]:
    for index, member in enumerate(enqueuers):
        reason = _reason(
            spec, f"`{member}` adds to queue `{name}`", "queues", name, "enqueuers", index
        )
        if ":" in member:
            yield GrantPlan(role, member, None, kind, name, reason)
        elif (account := plans.get(handler_account(member))) is not None:
            yield _grant(role, account, kind, name, reason)
        else:
            app = f"serviceAccount:{app_engine_email(spec.project)}"
            yield GrantPlan(role, app, None, kind, name, reason)


def _build_grants(
    spec: Spec, builder: AccountPlan, bucket: str, repository: str
) -> Iterator[GrantPlan]:
    why = builder.reason
    for each in BUILD_FUNCTIONS:
        yield _grant(each.role, builder, "project", spec.project, why, each.condition)
    yield _grant(READ_PACKAGES, builder, "bucket", bucket, why)
    yield _grant(WRITE_IMAGES, builder, "repository", repository, why)


def _app_engine_grants(
    spec: Spec, name: str, account: AccountPlan, bucket: str
) -> Iterator[GrantPlan]:
    text = f"App Engine builds `{name}` as this account"
    reason = _reason(spec, text, "handlers", name, "app_engine", "source")
    for each in build_app_engine(spec.project):
        yield _grant(each.role, account, "project", spec.project, reason, each.condition)
    yield _grant(READ_PACKAGES, account, "bucket", bucket, reason)


def _grant(
    role: str,
    account: AccountPlan,
    kind: GuardedKind,
    resource: str,
    reason: Reason,
    condition: Condition | None = None,
) -> GrantPlan:
    return GrantPlan(role, account.member, account.key, kind, resource, reason, condition)


def _reason(spec: Spec, text: str, *path: str | int) -> Reason:
    return Reason(text, dotted(path), spec.locate(*path))
