"""Checks a Google Cloud project: access, APIs, accounts, the App Engine app, secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlencode

from queuewright.blueprint import MANY_ACCOUNTS, Blueprint, deployer_roles
from queuewright.cloud_tasks.limits import SERVICE_ACCOUNTS_PER_PROJECT
from queuewright.doctor.agents import tasks_agent
from queuewright.doctor.finding import Finding, State
from queuewright.doctor.functions import failed_functions
from queuewright.doctor.machine import Credentials, Machine, Response
from queuewright.doctor.policies import policy_findings
from queuewright.doctor.pull_queues import pull_queue_findings
from queuewright.terminal import shell_word

LOGIN = "gcloud auth application-default login"

# Pulumi's provider needs these two before it can enable any other:
# https://cloud.google.com/resource-manager/reference/rest and
# https://cloud.google.com/service-usage/docs/reference/rest.
FIRST_APIS = ("cloudresourcemanager.googleapis.com", "serviceusage.googleapis.com")
TASKS_API = "cloudtasks.googleapis.com"
PUBSUB_API = "pubsub.googleapis.com"
MOST_NAMES = 30
"""The most services in one `batchGet`: https://cloud.google.com/service-usage/docs/reference/rest/v1/services/batchGet."""

# Two regions have another name in App Engine: https://cloud.google.com/appengine/docs/standard/locations.
APP_ENGINE_REGIONS = {"us-central1": "us-central", "europe-west1": "europe-west"}


def cloud_findings(plan: Blueprint | None, machine: Machine) -> Iterator[Finding]:
    """Google credentials, and the project as far as they can see it."""
    yield from _many_accounts(plan)
    credentials = machine.credentials()
    if isinstance(credentials, str):
        yield _finding("missing", "Google credentials", credentials, LOGIN)
        if plan is not None:
            text = "access, APIs and resources need credentials"
            yield _finding("not checked", f"project `{plan.project}`", text)
        return
    if plan is None:
        yield _finding("ok", "Google credentials", credentials.name)
        return
    access = _tested(plan, credentials)
    if access.status == 401:
        yield _finding("missing", "Google credentials", f"refused: {access.reason}", LOGIN)
        return
    yield _finding("ok", "Google credentials", credentials.name)
    if access.status is None:
        yield _finding("not checked", f"project `{plan.project}`", access.reason)
        return
    yield from _access(plan, access)
    yield from _accounts(plan, credentials)
    enabled = _enabled_apis(plan, credentials)
    if isinstance(enabled, Finding):
        yield enabled
    else:
        yield from _apis(plan, enabled)
        if TASKS_API in enabled:
            yield from tasks_agent(plan, credentials)
        if PUBSUB_API in enabled:
            yield from pull_queue_findings(plan, credentials)
    yield from policy_findings(plan, credentials)
    yield from failed_functions(plan, credentials)
    yield from _app_engine(plan, credentials)
    yield from _secrets(plan, credentials)


def _many_accounts(plan: Blueprint | None) -> Iterator[Finding]:
    """Whether the environment needs most of the service accounts that a project may have."""
    if plan is not None and len(plan.accounts) > MANY_ACCOUNTS:
        text = (
            f"needs {len(plan.accounts)}, and `{plan.project}` may have "
            f"{SERVICE_ACCOUNTS_PER_PROJECT} unless its quota was raised"
        )
        fix = "request a higher quota: https://cloud.google.com/iam/quotas"
        yield _finding("advice", "service accounts", text, fix)


def _tested(plan: Blueprint, credentials: Credentials) -> Response:
    """The permissions for a deployment that these credentials have.

    https://cloud.google.com/resource-manager/reference/rest/v1/projects/testIamPermissions
    """
    return _held(plan, credentials, _permissions(plan, "project"))


def _permissions(plan: Blueprint, kind: str) -> list[str]:
    """The permissions that a deployment needs on resources of one kind."""
    roles = [role for role in deployer_roles(plan) if role.kind == kind]
    return list(dict.fromkeys(permission for role in roles for permission in role.permissions))


def _held(
    plan: Blueprint, credentials: Credentials, wanted: list[str], on: str | None = None
) -> Response:
    """The permissions that these credentials have on the project, or on one of its accounts."""
    url = f"https://cloudresourcemanager.googleapis.com/v1/projects/{plan.project}"
    if on is not None:
        url = f"https://iam.googleapis.com/v1/projects/{plan.project}/serviceAccounts/{on}"
    return credentials.ask("POST", f"{url}:testIamPermissions", {"permissions": wanted})


def _access(plan: Blueprint, answer: Response) -> Iterator[Finding]:
    subject = f"access to `{plan.project}`"
    if answer.api_is_disabled:
        fix = f"gcloud services enable {FIRST_APIS[0]} --project {plan.project}"
        yield _finding("missing", subject, f"`{FIRST_APIS[0]}` is not enabled", fix)
        return
    if answer.status in (403, 404):
        text = "the project does not exist, or these credentials may not see it"
        fix = f"gcloud projects create {plan.project}, or ask its owner for access"
        yield _finding("missing", subject, text, fix)
        return
    if answer.status != 200:
        yield _finding("not checked", subject, answer.reason)
        return
    held = _names(answer)
    lacking = [
        role
        for role in deployer_roles(plan)
        if role.kind == "project" and not held.issuperset(role.permissions)
    ]
    for role in lacking:
        absent = [each for each in role.permissions if each not in held]
        text = f"lacks {' and '.join(f'`{each}`' for each in absent)}; the deployer {role.because}"
        fix = f"grant `{role.role}`; see queuewright doctor {shell_word(plan.environment)} --roles"
        yield _finding("missing", subject, text, fix)
    if not lacking:
        yield _finding("ok", subject, "has every permission that `pulumi up` needs")


def _names(answer: Response) -> set[str]:
    granted = answer.data.get("permissions")
    return set(granted) if isinstance(granted, list) else set()


def _accounts(plan: Blueprint, credentials: Credentials) -> Iterator[Finding]:
    """The stack's accounts on which these credentials lack rights.

    Accounts that don't exist yet are created by the first `pulumi up`.
    https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts/testIamPermissions
    """
    wanted = _permissions(plan, "account")
    if not wanted or _names(_held(plan, credentials, wanted)).issuperset(wanted):
        return
    lacking = []
    for each in plan.accounts.values():
        answer = _held(plan, credentials, wanted, each.email)
        if answer.status == 200 and not _names(answer).issuperset(wanted):
            lacking.append(f"`{each.account_id}`")
    if lacking:
        text = f"too few rights on {', '.join(sorted(lacking))}, which handlers and queues act as"
        fix = f"grant them; see queuewright doctor {shell_word(plan.environment)} --roles"
        yield _finding("missing", "service accounts", text, fix)


def _enabled_apis(plan: Blueprint, credentials: Credentials) -> set[str] | Finding:
    """The enabled ones of the APIs that the stack needs, or why that is unknown.

    https://cloud.google.com/service-usage/docs/reference/rest/v1/services/batchGet
    """
    wanted = sorted({*FIRST_APIS, *plan.apis})
    enabled: set[str] = set()
    for start in range(0, len(wanted), MOST_NAMES):
        names = [
            ("names", f"projects/{plan.project}/services/{api}")
            for api in wanted[start : start + MOST_NAMES]
        ]
        url = f"https://serviceusage.googleapis.com/v1/projects/{plan.project}/services:batchGet"
        answer = credentials.ask("GET", f"{url}?{urlencode(names)}")
        if answer.api_is_disabled:
            fix = f"gcloud services enable {' '.join(FIRST_APIS)} --project {plan.project}"
            return _finding("missing", "APIs", f"`{FIRST_APIS[1]}` is not enabled", fix)
        if answer.status != 200:
            return _finding("not checked", "APIs", answer.reason)
        enabled |= set(_enabled(answer.data))
    return enabled


def _apis(plan: Blueprint, enabled: set[str]) -> Iterator[Finding]:
    """Whether the APIs are enabled, or can be by `pulumi up`."""
    subject, wanted = "APIs", sorted({*FIRST_APIS, *plan.apis})
    absent = [api for api in FIRST_APIS if api not in enabled]
    if absent:
        fix = f"gcloud services enable {' '.join(absent)} --project {plan.project}"
        text = f"`pulumi up` needs {' and '.join(f'`{api}`' for api in absent)} to start"
        yield _finding("missing", subject, text, fix)
    later = [api for api in wanted if api not in enabled and api not in absent]
    if later:
        yield _finding("ok", subject, f"`pulumi up` will enable {', '.join(later)}")
    elif not absent:
        yield _finding("ok", subject, f"all {len(wanted)} enabled")


def _enabled(data: Mapping[str, object]) -> Iterator[str]:
    services = data.get("services")
    for service in services if isinstance(services, list) else ():
        if service.get("state") == "ENABLED":
            yield str(service["name"]).rpartition("/")[2]


def _app_engine(plan: Blueprint, credentials: Credentials) -> Iterator[Finding]:
    """Whether the app exists in the queues' region. It is created once and cannot be moved.

    https://cloud.google.com/appengine/docs/admin-api/reference/rest/v1/apps/get
    """
    if not any(each.kind == "app_engine" for each in plan.handlers.values()):
        return
    subject = "App Engine app"
    region = APP_ENGINE_REGIONS.get(plan.location, plan.location)
    answer = credentials.ask("GET", f"https://appengine.googleapis.com/v1/apps/{plan.project}")
    there = answer.data.get("locationId")
    if answer.status == 404 or answer.api_is_disabled:
        fix = f"gcloud app create --region {region} --project {plan.project}"
        yield _finding("missing", subject, f"`{plan.project}` has none", fix)
    elif answer.status != 200:
        yield _finding("not checked", subject, answer.reason)
    elif there != region:
        text = f"it is in `{there}` and cannot be moved; the queues are in `{plan.location}`"
        names = {ours: location for location, ours in APP_ENGINE_REGIONS.items()}
        fix = f"write `location: {names.get(str(there), there)}`"
        yield _finding("missing", subject, text, fix)
    else:
        yield _finding("ok", subject, f"in `{there}`")


def _secrets(plan: Blueprint, credentials: Credentials) -> Iterator[Finding]:
    """Each secret version that a handler reads, except for those that the stack creates.

    https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions/get
    """
    secrets = [secret for each in plan.handlers.values() for secret in each.secrets.values()]
    for name, version in sorted({(s.secret, s.version) for s in secrets if s.config is None}):
        subject = f"secret `{name}`"
        path = f"projects/{plan.project}/secrets/{name}/versions/{version}"
        answer = credentials.ask("GET", f"https://secretmanager.googleapis.com/v1/{path}")
        if answer.status == 404 or answer.api_is_disabled:
            fix = (
                f"gcloud secrets create {name} --project {plan.project}; "
                f"gcloud secrets versions add {name} --project {plan.project} --data-file FILE"
            )
            yield _finding("missing", subject, f"version `{version}` does not exist", fix)
        elif answer.status != 200:
            yield _finding("not checked", subject, answer.reason)
        elif answer.data.get("state") != "ENABLED":
            text = f"version `{version}` is {str(answer.data.get('state')).lower()}"
            fix = f"gcloud secrets versions enable {version} --secret {name}"
            fix += f" --project {plan.project}"
            yield _finding("missing", subject, text, fix)
        else:
            yield _finding("ok", subject, f"version `{version}` exists")


def _finding(state: State, subject: str, text: str, fix: str | None = None) -> Finding:
    return Finding("deploy", state, subject, text, fix)
