"""Finds functions that Google could not deploy.

A function whose creation failed stays behind in state `FAILED`. Pulumi may then call it done, or
say that it already exists: https://github.com/hashicorp/terraform-provider-google/issues/13535.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from queuewright.blueprint import Blueprint
from queuewright.doctor.finding import Finding
from queuewright.doctor.machine import Credentials
from queuewright.terminal import shell_word

MOST_FUNCTIONS = 1000
"""On one page: https://cloud.google.com/functions/docs/reference/rest/v2/projects.locations.functions/list."""


def failed_functions(plan: Blueprint, credentials: Credentials) -> Iterator[Finding]:
    """The functions of the stack in state `FAILED`, each with Google's reason."""
    named = sorted(each.name for each in plan.handlers.values() if each.kind == "function")
    if not named:
        return
    place = f"projects/{plan.project}/locations/{plan.location}"
    url = f"https://cloudfunctions.googleapis.com/v2/{place}/functions?pageSize={MOST_FUNCTIONS}"
    answer = credentials.ask("GET", url)
    if answer.api_is_disabled:
        return  # there are none yet
    if answer.status != 200:
        yield Finding("deploy", "not checked", "functions", answer.reason)
        return
    listed = answer.data.get("functions")
    found = {
        str(each["name"]).rpartition("/")[2]: each
        for each in (listed if isinstance(listed, list) else ())
    }
    failed = [name for name in named if found.get(name, {}).get("state") == "FAILED"]
    stack = shell_word(plan.environment)
    for name in failed:
        text = f"state `FAILED`, so it does not serve: {_reason(found[name])}"
        fix = (
            f"when the reason is gone: gcloud functions delete {name} --gen2 "
            f"--region {plan.location} --project {plan.project}; "
            f"pulumi refresh --stack {stack}; pulumi up --stack {stack}"
        )
        yield Finding("deploy", "missing", f"function `{name}`", text, fix)
    if not failed:
        yield Finding("deploy", "ok", "functions", "none has failed")


def _reason(function: Mapping[str, object]) -> str:
    """https://cloud.google.com/functions/docs/reference/rest/v2/projects.locations.functions#statemessage."""
    messages = function.get("stateMessages")
    texts = [
        str(each.get("message", "")).partition("\n")[0]
        for each in (messages if isinstance(messages, list) else ())
    ]
    return "; ".join(text for text in texts if text) or "Google gives no reason"
