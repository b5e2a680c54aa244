"""Checks the organization's policies that can refuse parts of a stack.

https://cloud.google.com/resource-manager/docs/organization-policy/org-policy-constraints
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from queuewright.blueprint import Blueprint, app_engine_email
from queuewright.cloud_tasks import roles
from queuewright.cloud_tasks.ingress import FUNCTION_INGRESS
from queuewright.doctor.finding import Finding, State
from queuewright.doctor.machine import Credentials, Response

Policy = Mapping[str, Any]
"""https://cloud.google.com/resource-manager/reference/rest/v1/Policy"""


@dataclass(frozen=True)
class _Question:
    """One constraint that matters to a stack.

    Attributes:
        constraint: its name.
        refused: what an effective policy refuses in the stack; empty for nothing.
        fix: what to do then.
        state: of the finding then.
    """

    constraint: str
    refused: Callable[[Policy], str]
    fix: str
    state: State = "missing"


def policy_findings(plan: Blueprint, credentials: Credentials) -> Iterator[Finding]:
    """Each policy that refuses a part of the stack, with what it refuses and what to do."""
    subject = "organization policies"
    questions = list(_questions(plan))
    refused = []
    for question in questions:
        answer = _effective(plan, credentials, question.constraint)
        if answer.status != 200:
            names = ", ".join(f"`{each.constraint}`" for each in questions)
            text = f"{answer.reason or 'no answer'}; any of {names} could refuse a part of it"
            fix = f"ask for `{roles.POLICY_VIEWER}`" if answer.status == 403 else None
            yield Finding("deploy", "not checked", subject, text, fix)
            return
        if what := question.refused(answer.data):
            name = f"organization policy `{question.constraint}`"
            refused.append(Finding("deploy", question.state, name, what, question.fix))
    yield from refused
    if questions and not refused:
        text = f"none of the {len(questions)} that could refuse this stack does"
        yield Finding("deploy", "ok", subject, text)


def _effective(plan: Blueprint, credentials: Credentials, constraint: str) -> Response:
    """https://cloud.google.com/resource-manager/reference/rest/v1/projects/getEffectiveOrgPolicy."""
    url = f"https://cloudresourcemanager.googleapis.com/v1/projects/{plan.project}"
    body = {"constraint": f"constraints/{constraint}"}
    return credentials.ask("POST", f"{url}:getEffectiveOrgPolicy", body)


def _questions(plan: Blueprint) -> Iterator[_Question]:
    exempt = f"ask the organization's administrator to exempt `{plan.project}`"
    internal = "write `ingress: internal` (Cloud Tasks of the same project still reaches it)"
    on_run = {
        key: handler.runtime.ingress
        for key, handler in plan.handlers.items()
        if handler.runtime is not None
    }
    functions = {
        key: FUNCTION_INGRESS[ingress]
        for key, ingress in on_run.items()
        if plan.handlers[key].kind == "function"
    }
    fix = f"{internal}, or {exempt}"
    if on_run:
        yield _Question("run.allowedIngress", _ingress(on_run), fix)
    if functions:
        yield _Question("cloudfunctions.allowedIngressSettings", _ingress(functions), fix)
    yield _Question(
        "gcp.restrictNonCmekServices",
        lambda policy: _named(
            "refuses resources without a key of your own, of",
            [api for api in plan.apis if not _allows(policy, api)],
        ),
        f"{exempt}: queuewright sets no keys",
    )
    if plan.accounts:
        accounts = f"the stack's {len(plan.accounts)} service accounts"
        yield _Question(
            "iam.disableServiceAccountCreation",
            lambda policy: f"refuses to create {accounts}" if _is_enforced(policy) else "",
            exempt,
        )
    outside = sorted({grant.member for grant in plan.grants if grant.account is None})
    if outside:
        yield _Question(
            "iam.allowedPolicyMemberDomains",
            lambda policy: (
                _named("refuses members of organizations that it does not name; see", outside)
                if _is_limited(policy)
                else ""
            ),
            "compare with: gcloud org-policies describe iam.allowedPolicyMemberDomains "
            f"--effective --project {plan.project}",
            "advice",
        )
    if any(handler.kind == "app_engine" for handler in plan.handlers.values()):
        account = app_engine_email(plan.project)
        yield _Question(
            "iam.automaticIamGrantsForDefaultServiceAccounts",
            lambda policy: (
                f"gives no role to `{account}`, so `gcloud app deploy` of the app's default "
                "service fails"
                if _is_enforced(policy)
                else ""
            ),
            f"gcloud projects add-iam-policy-binding {plan.project} --role {roles.BUILDS_BUILDER} "
            f"--condition None --member serviceAccount:{account}",
            "advice",
        )


def _ingress(handlers: Mapping[str, str]) -> Callable[[Policy], str]:
    """What a policy on ingress refuses of these handlers, given as handler → ingress."""
    return lambda policy: _named(
        "refuses the ingress of",
        [key for key, value in handlers.items() if not _allows(policy, value)],
    )


def _named(text: str, names: list[str]) -> str:
    return f"{text} {', '.join(f'`{name}`' for name in names)}" if names else ""


def _is_enforced(policy: Policy) -> bool:
    return bool(policy.get("booleanPolicy", {}).get("enforced"))


def _is_limited(policy: Policy) -> bool:
    rules = policy.get("listPolicy", {})
    return rules.get("allValues") == "DENY" or bool(
        rules.get("allowedValues") or rules.get("deniedValues")
    )


def _allows(policy: Policy, value: str) -> bool:
    """Whether a policy allows a value; a value in it may begin with `is:`.

    >>> _allows({"listPolicy": {"allowedValues": ["is:internal"]}}, "all")
    False
    >>> _allows({"listPolicy": {"deniedValues": ["run.googleapis.com"]}}, "iam.googleapis.com")
    True
    """
    rules = policy.get("listPolicy", {})
    if rules.get("allValues") in ("ALLOW", "DENY"):
        return bool(rules["allValues"] == "ALLOW")
    allowed, denied = (
        {str(each).removeprefix("is:") for each in rules.get(key, ())}
        for key in ("allowedValues", "deniedValues")
    )
    return value not in denied and (not allowed or value in allowed)
