"""Checks a stack's pull queues in Pub/Sub: what stops `pulumi up`, and what loses tasks."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from queuewright.blueprint import Blueprint, GrantPlan, PullQueuePlan, pubsub_agent
from queuewright.cloud_tasks import pubsub
from queuewright.doctor.finding import Finding
from queuewright.doctor.machine import Credentials, Response
from queuewright.terminal import shell_word

HOST = "https://pubsub.googleapis.com/v1"


def pull_queue_findings(plan: Blueprint, credentials: Credentials) -> Iterator[Finding]:
    """Whether each pull queue is as `pulumi up` left it, and can give up tasks.

    A queue that does not exist is no problem: the next `pulumi up` creates it.
    """
    for queue in plan.pull_queues.values():
        subject = f"pull queue `{queue.key}`"
        found = list(_findings(plan, queue, subject, credentials))
        yield from found or [Finding("deploy", "ok", subject, "as `pulumi up` makes it")]


def _findings(
    plan: Blueprint, queue: PullQueuePlan, subject: str, credentials: Credentials
) -> Iterator[Finding]:
    topic = credentials.ask("GET", f"{HOST}/{queue.topic}")
    subscription = credentials.ask("GET", f"{HOST}/{queue.subscription}")
    if topic.status == subscription.status == 404:
        yield Finding("deploy", "ok", subject, "not there yet; `pulumi up` creates it")
        return
    for each in (topic, subscription):
        if each.status not in (200, 404):
            yield Finding("deploy", "not checked", subject, each.reason)
            return
    stack = shell_word(plan.environment)
    refresh = f"pulumi refresh --stack {stack}; pulumi up --stack {stack}"
    for response, name in ((topic, queue.topic), (subscription, queue.subscription)):
        if response.status == 404:
            yield Finding("deploy", "missing", subject, f"`{name}` was deleted", refresh)
    if subscription.status == 200:
        yield from _differences(queue, subject, subscription, refresh)
        yield from _lacking_grants(plan, queue, subject, credentials)


def _differences(
    queue: PullQueuePlan, subject: str, subscription: Response, refresh: str
) -> Iterator[Finding]:
    """What an update of the live subscription cannot change, or what deletes it."""
    live = subscription.data
    attached = live.get("topic")
    if attached == pubsub.DELETED_TOPIC or live.get("detached"):
        text = f"`{queue.subscription}` has lost its topic, so no task reaches it"
        fix = f"gcloud pubsub subscriptions delete {queue.subscription}; {refresh}"
        yield Finding("deploy", "missing", subject, text, fix)
    elif attached != queue.topic:
        text = f"`{queue.subscription}` is of another topic, `{attached}`"
        yield Finding("deploy", "missing", subject, text, "choose another key or a `prefix`")
    if bool(live.get("enableMessageOrdering")) != queue.ordering and queue.protect:
        text = "`ordering` differs; a change replaces the subscription, which is protected"
        fix = f"write `ordering: {str(not queue.ordering).lower()}`, or `protect: false` first"
        yield Finding("deploy", "missing", subject, text, fix)
    policy = live.get("expirationPolicy")
    if isinstance(policy, dict) and policy.get("ttl"):
        text = f"Google deletes `{queue.subscription}` after {policy['ttl']} without activity"
        yield Finding("deploy", "advice", subject, text, refresh)


def _lacking_grants(
    plan: Blueprint, queue: PullQueuePlan, subject: str, credentials: Credentials
) -> Iterator[Finding]:
    """The grants without which Pub/Sub gives up no task: those of its service agent."""
    names = {
        "topic": queue.topic,
        "subscription": queue.subscription,
        "dead_letter_topic": queue.dead_letter_topic,
    }
    for grant in plan.grants:
        name = names.get(grant.kind) if grant.resource == queue.key else None
        if grant.agent is None or name is None:
            continue
        answer = credentials.ask("GET", f"{HOST}/{name}:getIamPolicy")
        if answer.status == 404:
            continue  # `pulumi up` creates it, with its grants
        if answer.status != 200:
            yield Finding("deploy", "not checked", subject, answer.reason)
            return
        if not any(_is_agent(member) for member in _holders(answer, grant.role)):
            kind = "subscriptions" if grant.kind == "subscription" else "topics"
            text = (
                f"Pub/Sub lacks `{grant.role}` on `{name}`, so it gives up no task and failed "
                "ones circle on"
            )
            yield Finding("deploy", "missing", subject, text, _grant(plan, grant, kind, name))


def _grant(plan: Blueprint, grant: GrantPlan, kind: str, name: str) -> str:
    number = f"$(gcloud projects describe {plan.project} --format 'value(projectNumber)')"
    return (
        f"gcloud pubsub {kind} add-iam-policy-binding {shlex.quote(name)} --role {grant.role} "
        f"--member serviceAccount:{pubsub_agent(number)}"
    )


def _holders(policy: Response, role: str) -> Sequence[str]:
    """The members with a role: https://cloud.google.com/pubsub/docs/reference/rest/v1/Policy."""
    bindings = policy.data.get("bindings")
    return [
        str(member)
        for binding in (bindings if isinstance(bindings, list) else ())
        if binding.get("role") == role
        for member in binding.get("members", ())
    ]


def _is_agent(member: str) -> bool:
    return member.startswith("serviceAccount:") and member.endswith(
        pubsub_agent("").removeprefix("service-")
    )
