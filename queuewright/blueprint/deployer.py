"""What whoever runs `pulumi up` must be allowed to do: the least that the blueprint's parts take.

The roles are Google's own, and each is asked for because of something that is in the blueprint.
Their permissions: https://cloud.google.com/iam/docs/roles-permissions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from queuewright.blueprint.conditions import on_bucket, on_secrets
from queuewright.blueprint.model import (
    AppEnginePlan,
    Blueprint,
    FunctionPlan,
    ServicePlan,
)
from queuewright.cloud_tasks import roles

MOST_NAMED = 3
"""More things of a kind than this are counted, not named."""


@dataclass(frozen=True, order=True)
class DeployerRole:
    """One role that the deployer needs, on what, and what for."""

    role: str
    """As IAM writes it: `roles/cloudtasks.queueAdmin`."""
    kind: Literal["project", "secret", "account"]
    resource: str
    """The project's or the secret's id, or the account's email address."""
    because: str
    permissions: tuple[str, ...]
    """Permissions of the role without which the deployment fails."""
    condition: str | None = None
    """A CEL expression that narrows the grant; None is none."""


def deployer_roles(blueprint: Blueprint) -> tuple[DeployerRole, ...]:
    """The roles that a first `pulumi up` of this blueprint takes, by name.

    What holds Pulumi's state takes a role of its own, which depends on where that is.
    """
    found = (
        *_queue_roles(blueprint),
        *_account_roles(blueprint),
        *_handler_roles(blueprint),
        *_code_roles(blueprint),
        *_secret_roles(blueprint),
        *_policy_roles(blueprint),
    )
    return tuple(sorted(found))


def _queue_roles(blueprint: Blueprint) -> Iterator[DeployerRole]:
    # Also for the identity of Cloud Tasks itself, which is made like an API is enabled:
    # https://cloud.google.com/service-usage/docs/access-control.
    yield _on_project(
        blueprint,
        "serviceusage.serviceUsageAdmin",
        f"enables {len(blueprint.apis)} APIs",
        "serviceusage.services.enable",
    )
    if blueprint.queues:
        yield _on_project(
            blueprint,
            "cloudtasks.queueAdmin",
            f"makes {_these('queue', blueprint.queues)} and says who may add tasks",
            "cloudtasks.queues.create",
            "cloudtasks.queues.setIamPolicy",
        )


def _account_roles(blueprint: Blueprint) -> Iterator[DeployerRole]:
    """To create accounts, and to act as these and no others.

    IAM knows no condition on an account's name, so the rights are on each account, and it must
    exist: https://cloud.google.com/iam/docs/conditions-attribute-reference#resource-name.
    """
    if not blueprint.accounts:
        return
    yield DeployerRole(
        roles.ACCOUNT_CREATOR,
        "project",
        blueprint.project,
        f"makes {_these('service account', blueprint.accounts)}",
        ("iam.serviceAccounts.create",),
    )
    for account in blueprint.accounts.values():
        yield DeployerRole(
            roles.ACCOUNT_ADMIN,
            "account",
            account.email,
            "changes and deletes it",
            ("iam.serviceAccounts.update", "iam.serviceAccounts.delete"),
        )
        # https://cloud.google.com/iam/docs/service-accounts-actas
        yield DeployerRole(
            roles.ACCOUNT_USER,
            "account",
            account.email,
            "lets a handler run, or a queue sign its tasks, as it",
            ("iam.serviceAccounts.actAs",),
        )


def _handler_roles(blueprint: Blueprint) -> Iterator[DeployerRole]:
    targets = {key: plan.target for key, plan in blueprint.handlers.items()}
    functions = [key for key, target in targets.items() if isinstance(target, FunctionPlan)]
    services = [key for key, target in targets.items() if isinstance(target, ServicePlan)]
    engine = {key: each for key, each in targets.items() if isinstance(each, AppEnginePlan)}
    versions = [key for key, each in engine.items() if each.source is not None]
    called = sorted({each.resource for each in blueprint.grants if each.kind == "handler"})
    if functions:
        # https://cloud.google.com/functions/docs/reference/iam/roles
        yield _on_project(
            blueprint,
            "cloudfunctions.developer",
            f"deploys {_these('function', functions)}",
            "cloudfunctions.functions.create",
        )
    # A function is a service underneath; `run.developer` deploys, but cannot let anybody call:
    # https://cloud.google.com/run/docs/reference/iam/roles.
    if called:
        deploys = f"deploys {_these('service', services)} and " if services else ""
        yield _on_project(
            blueprint,
            "run.admin",
            f"{deploys}lets queues call {_these('handler', called)}",
            "run.services.setIamPolicy",
        )
    elif services:
        yield _on_project(
            blueprint,
            "run.developer",
            f"deploys {_these('service', services)}",
            "run.services.create",
        )
    # https://cloud.google.com/appengine/docs/standard/roles
    if versions:
        yield _on_project(
            blueprint,
            "appengine.deployer",
            f"deploys {_these('version', versions)} of App Engine services",
            "appengine.versions.create",
        )
        yield _on_project(
            blueprint,
            "cloudbuild.builds.editor",
            f"builds {_these('version', versions)} of App Engine services",
            "cloudbuild.builds.create",
        )
    elif engine:
        yield _on_project(
            blueprint,
            "appengine.appViewer",
            f"reads the app that {_these('handler', engine)} is part of",
            "appengine.applications.get",
        )


def _code_roles(blueprint: Blueprint) -> Iterator[DeployerRole]:
    if blueprint.bucket is not None:
        yield DeployerRole(
            roles.STORAGE_ADMIN,
            "project",
            blueprint.project,
            f"makes bucket `{blueprint.bucket}` and puts packages into it",
            ("storage.buckets.create", "storage.objects.create"),
            on_bucket(blueprint.bucket),
        )
    if blueprint.repository is not None:
        yield _on_project(
            blueprint,
            "artifactregistry.admin",
            f"makes repository `{blueprint.repository}` for images",
            "artifactregistry.repositories.create",
        )


def _secret_roles(blueprint: Blueprint) -> Iterator[DeployerRole]:
    targets = [plan.target for plan in blueprint.handlers.values()]
    runtimes = [each.runtime for each in targets if isinstance(each, FunctionPlan | ServicePlan)]
    secrets = [secret for runtime in runtimes for secret in runtime.secrets.values()]
    made = sorted({secret.secret for secret in secrets if secret.config is not None})
    for some, condition in on_secrets(made):
        yield DeployerRole(
            roles.SECRET_ADMIN,
            "project",
            blueprint.project,
            f"makes {_these('secret', some)} and says who may read",
            ("secretmanager.secrets.create",),
            condition,
        )
    for name in sorted({secret.secret for secret in secrets} - set(made)):
        because = "says which handlers may read it"
        permissions = ("secretmanager.secrets.setIamPolicy",)
        yield DeployerRole(roles.SECRET_ADMIN, "secret", name, because, permissions)


def _policy_roles(blueprint: Blueprint) -> Iterator[DeployerRole]:
    """To grant roles on the project; only those that the blueprint grants there."""
    granted = sorted({each.role for each in blueprint.grants if each.kind == "project"})
    if not granted:
        return
    listed = ", ".join(f"'{role}'" for role in granted)
    # https://cloud.google.com/iam/docs/setting-limits-on-granting-roles
    condition = (
        f"api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly([{listed}])"
    )
    yield DeployerRole(
        "roles/resourcemanager.projectIamAdmin",
        "project",
        blueprint.project,
        f"grants {' and '.join(f'`{role}`' for role in granted)}, nothing else",
        ("resourcemanager.projects.setIamPolicy",),
        condition,
    )


def _on_project(blueprint: Blueprint, name: str, because: str, *permissions: str) -> DeployerRole:
    return DeployerRole(f"roles/{name}", "project", blueprint.project, because, permissions)


def _these(noun: str, names: Collection[str]) -> str:
    """Things of one kind: by name if they are few.

    >>> _these("queue", ["emails"]), _these("queue", ["a", "b"]), _these("queue", "abcdef")
    ('queue `emails`', 'queues `a` and `b`', '6 queues')
    """
    if len(names) > MOST_NAMED:
        return f"{len(names)} {noun}s"
    *first, last = (f"`{name}`" for name in names)
    if not first:
        return f"{noun} {last}"
    return f"{noun}s {', '.join(first)} and {last}"
