"""The roles that the deployer needs, who runs `pulumi up`: the fewest for this blueprint.

Their permissions: https://cloud.google.com/iam/docs/roles-permissions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from queuewright.blueprint.conditions import on_bucket, on_secrets
from queuewright.blueprint.model import Blueprint
from queuewright.blueprint.phrases import listed
from queuewright.cloud_tasks import roles
from queuewright.spec import delays_key


@dataclass(frozen=True, order=True)
class DeployerRole:
    """One role that the deployer needs, on which resource, and why."""

    role: str
    kind: Literal["project", "secret", "account"]
    resource: str
    """The id of the project or secret, or the account's email address."""
    because: str
    """What the deployer does with it: `deploys function `mailer``."""
    permissions: tuple[str, ...]
    """The permissions of the role that the deployment needs."""
    condition: str | None = None
    """A CEL expression that narrows the grant."""


def deployer_roles(blueprint: Blueprint) -> tuple[DeployerRole, ...]:
    """The roles that the first `pulumi up` of this blueprint needs, by name.

    Pulumi's state may need a further role; that depends on where it is stored.
    """
    found = (
        *_queue_roles(blueprint),
        *_pull_queue_roles(blueprint),
        *_account_roles(blueprint),
        *_handler_roles(blueprint),
        *_code_roles(blueprint),
        *_secret_roles(blueprint),
        *_policy_roles(blueprint),
    )
    return tuple(sorted(found))


def _queue_roles(blueprint: Blueprint) -> Iterator[DeployerRole]:
    # This also creates the service agents of the APIs:
    # https://cloud.google.com/service-usage/docs/access-control.
    yield _on_project(
        blueprint,
        roles.SERVICE_USAGE_ADMIN,
        f"enables {len(blueprint.apis)} APIs",
        "serviceusage.services.enable",
    )
    delays = [delays_key(key) for key, queue in blueprint.pull_queues.items() if queue.delays]
    if blueprint.queues or delays:
        yield _on_project(
            blueprint,
            roles.QUEUE_ADMIN,
            f"creates {listed('queue', [*blueprint.queues, *delays])} and grants rights on them",
            "cloudtasks.queues.create",
            "cloudtasks.queues.setIamPolicy",
        )


def _pull_queue_roles(blueprint: Blueprint) -> Iterator[DeployerRole]:
    if blueprint.pull_queues:
        # The editor's role cannot grant rights: https://cloud.google.com/pubsub/docs/access-control
        yield _on_project(
            blueprint,
            roles.PUBSUB_ADMIN,
            f"creates {listed('pull queue', blueprint.pull_queues)} and grants rights on them",
            "pubsub.topics.create",
            "pubsub.topics.setIamPolicy",
            "pubsub.subscriptions.create",
            "pubsub.subscriptions.setIamPolicy",
        )


def _account_roles(blueprint: Blueprint) -> Iterator[DeployerRole]:
    """The rights to create accounts, and to act as the stack's accounts and no others.

    IAM has no condition on an account's name. So the rights are granted on each account, which
    must exist: https://cloud.google.com/iam/docs/conditions-attribute-reference#resource-name.
    """
    if not blueprint.accounts:
        return
    yield DeployerRole(
        roles.ACCOUNT_CREATOR,
        "project",
        blueprint.project,
        f"creates {listed('service account', blueprint.accounts)}",
        ("iam.serviceAccounts.create",),
    )
    for account in blueprint.accounts.values():
        yield DeployerRole(
            roles.ACCOUNT_ADMIN,
            "account",
            account.email,
            "changes and deletes the stack's accounts",
            ("iam.serviceAccounts.update", "iam.serviceAccounts.delete"),
        )
        # https://cloud.google.com/iam/docs/service-accounts-actas
        yield DeployerRole(
            roles.ACCOUNT_USER,
            "account",
            account.email,
            "assigns the stack's accounts to handlers and queues",
            ("iam.serviceAccounts.actAs",),
        )


def _handler_roles(blueprint: Blueprint) -> Iterator[DeployerRole]:
    handlers = blueprint.handlers
    functions = [key for key, handler in handlers.items() if handler.kind == "function"]
    services = [key for key, handler in handlers.items() if handler.kind == "service"]
    workers = [key for key, handler in handlers.items() if handler.kind == "worker"]
    engine = [key for key, handler in handlers.items() if handler.kind == "app_engine"]
    versions = [key for key in engine if handlers[key].source is not None]
    called = sorted({each.resource for each in blueprint.grants if each.kind == "handler"})
    if functions:
        # https://cloud.google.com/functions/docs/reference/iam/roles
        yield _on_project(
            blueprint,
            roles.FUNCTIONS_DEVELOPER,
            f"deploys {listed('function', functions)}",
            "cloudfunctions.functions.create",
        )
    # A function has a Cloud Run service. The developer's role deploys, but cannot grant rights:
    # https://cloud.google.com/run/docs/reference/iam/roles.
    run = {"service": services, "worker": workers}
    deployed = " and ".join(listed(noun, keys) for noun, keys in run.items() if keys)
    pools = ["run.workerpools.create"] if workers else []
    if called:
        deploys = f"deploys {deployed} and " if deployed else ""
        yield _on_project(
            blueprint,
            roles.RUN_ADMIN,
            f"{deploys}lets queues call {listed('handler', called)}",
            "run.services.setIamPolicy",
            *pools,
        )
    elif deployed:
        made = ["run.services.create"] if services else []
        yield _on_project(blueprint, roles.RUN_DEVELOPER, f"deploys {deployed}", *made, *pools)
    # https://cloud.google.com/appengine/docs/standard/roles
    if versions:
        yield _on_project(
            blueprint,
            roles.APP_ENGINE_DEPLOYER,
            f"deploys {listed('version', versions)} of App Engine services",
            "appengine.versions.create",
        )
        yield _on_project(
            blueprint,
            roles.BUILDS_EDITOR,
            f"builds {listed('version', versions)} of App Engine services",
            "cloudbuild.builds.create",
        )
    elif engine:
        yield _on_project(
            blueprint,
            roles.APP_ENGINE_VIEWER,
            f"reads the App Engine app of {listed('handler', engine)}",
            "appengine.applications.get",
        )


def _code_roles(blueprint: Blueprint) -> Iterator[DeployerRole]:
    if blueprint.bucket is not None:
        yield DeployerRole(
            roles.STORAGE_ADMIN,
            "project",
            blueprint.project,
            f"creates bucket `{blueprint.bucket}` and uploads packages",
            ("storage.buckets.create", "storage.objects.create"),
            on_bucket(blueprint.bucket),
        )
    if blueprint.repository is not None:
        yield _on_project(
            blueprint,
            roles.IMAGE_ADMIN,
            f"creates repository `{blueprint.repository}` for images",
            "artifactregistry.repositories.create",
        )


def _secret_roles(blueprint: Blueprint) -> Iterator[DeployerRole]:
    secrets = [
        secret for handler in blueprint.handlers.values() for secret in handler.secrets.values()
    ]
    made = sorted({secret.secret for secret in secrets if secret.config is not None})
    for some, condition in on_secrets(made):
        yield DeployerRole(
            roles.SECRET_ADMIN,
            "project",
            blueprint.project,
            f"creates {listed('secret', some)} and grants rights on them",
            ("secretmanager.secrets.create",),
            condition,
        )
    for name in sorted({secret.secret for secret in secrets} - set(made)):
        because = "grants handlers the right to read it"
        permissions = ("secretmanager.secrets.setIamPolicy",)
        yield DeployerRole(roles.SECRET_ADMIN, "secret", name, because, permissions)


def _policy_roles(blueprint: Blueprint) -> Iterator[DeployerRole]:
    """The right to grant roles on the project, limited to those that the blueprint grants."""
    granted = sorted({each.role for each in blueprint.grants if each.kind == "project"})
    if not granted:
        return
    names = ", ".join(f"'{role}'" for role in granted)
    # https://cloud.google.com/iam/docs/setting-limits-on-granting-roles
    condition = (
        f"api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly([{names}])"
    )
    yield DeployerRole(
        roles.PROJECT_IAM_ADMIN,
        "project",
        blueprint.project,
        f"grants {' and '.join(f'`{role}`' for role in granted)}, and nothing else",
        ("resourcemanager.projects.setIamPolicy",),
        condition,
    )


def _on_project(blueprint: Blueprint, role: str, because: str, *permissions: str) -> DeployerRole:
    return DeployerRole(role, "project", blueprint.project, because, permissions)
