"""Checks that Cloud Tasks may make tokens: the role of its service agent."""

from __future__ import annotations

from collections.abc import Iterator

from queuewright.blueprint import Blueprint
from queuewright.cloud_tasks import roles
from queuewright.doctor.finding import Finding
from queuewright.doctor.machine import Credentials

AGENT = "@gcp-sa-cloudtasks.iam.gserviceaccount.com"


def tasks_agent(plan: Blueprint, credentials: Credentials) -> Iterator[Finding]:
    """Whether the agent has its role, which Google grants when the API is enabled.

    Without it, attempts of tasks with a token fail:
    https://cloud.google.com/tasks/docs/creating-http-target-tasks#sa.
    """
    delays = any(queue.delays is not None for queue in plan.pull_queues.values())
    if not delays and not any(queue.invoker is not None for queue in plan.queues.values()):
        return
    subject = "Cloud Tasks' service agent"
    url = f"https://cloudresourcemanager.googleapis.com/v1/projects/{plan.project}:getIamPolicy"
    answer = credentials.ask("POST", url, {"options": {"requestedPolicyVersion": 3}})
    bindings = answer.data.get("bindings")
    if answer.status != 200:
        yield Finding("deploy", "not checked", subject, answer.reason)
        return
    holders = [
        str(member)
        for binding in (bindings if isinstance(bindings, list) else ())
        if binding.get("role") == roles.TASKS_AGENT
        for member in binding.get("members", ())
    ]
    if any(holder.endswith(AGENT) for holder in holders):
        yield Finding("deploy", "ok", subject, f"has `{roles.TASKS_AGENT}`")
        return
    number = f"$(gcloud projects describe {plan.project} --format 'value(projectNumber)')"
    text = f"lacks `{roles.TASKS_AGENT}`, so it cannot make the tokens of tasks"
    fix = (
        f"gcloud projects add-iam-policy-binding {plan.project} --role {roles.TASKS_AGENT} "
        f"--condition None --member serviceAccount:service-{number}{AGENT}"
    )
    yield Finding("deploy", "missing", subject, text, fix)
