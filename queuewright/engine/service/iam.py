"""Who may do what: roles, permissions and the check of a call against them.

Grants reach the engine from two sides: as plain data (`grant`), the way an environment's
configuration gives them, and as policies that calls set on a queue. Roles as listed at
https://cloud.google.com/tasks/docs/roles-and-permissions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from queuewright.cloud_tasks import roles
from queuewright.engine.protocol import refusals
from queuewright.engine.protocol.messages import Policy
from queuewright.engine.protocol.names import project_of
from queuewright.engine.settings import ExplainDenial

_LOCATIONS: Final = {"cloudtasks.locations.get", "cloudtasks.locations.list"}
_QUEUES: Final = {
    f"cloudtasks.queues.{verb}"
    for verb in ("create", "delete", "get", "list", "pause", "purge", "resume", "update")
}
_POLICIES: Final = {"cloudtasks.queues.getIamPolicy", "cloudtasks.queues.setIamPolicy"}
_TASKS: Final = {
    f"cloudtasks.tasks.{verb}" for verb in ("create", "delete", "fullView", "get", "list", "run")
}
_CMEK: Final = {"cloudtasks.cmekConfig.get", "cloudtasks.cmekConfig.update"}

PERMISSIONS: Final = frozenset(_LOCATIONS | _QUEUES | _POLICIES | _TASKS | _CMEK)
"""All permissions of Cloud Tasks."""

ACT_AS: Final = "iam.serviceAccounts.actAs"

ROLES: Final = {
    roles.TASKS_ADMIN: PERMISSIONS,
    roles.TASKS_EDITOR: _LOCATIONS | _QUEUES | _TASKS | {"cloudtasks.cmekConfig.get"},
    roles.QUEUE_ADMIN: _LOCATIONS | _QUEUES | _POLICIES,
    roles.ENQUEUER: {"cloudtasks.tasks.create", "cloudtasks.tasks.fullView"},
    roles.TASKS_VIEWER: _LOCATIONS
    | {
        "cloudtasks.queues.get",
        "cloudtasks.queues.list",
        "cloudtasks.tasks.get",
        "cloudtasks.tasks.list",
        "cloudtasks.tasks.fullView",
    },
    roles.TASK_RUNNER: {"cloudtasks.tasks.run", "cloudtasks.tasks.fullView"},
    roles.TASK_DELETER: {"cloudtasks.tasks.delete"},
    roles.ACCOUNT_USER: {ACT_AS},
    roles.OWNER: PERMISSIONS | {ACT_AS},
    roles.EDITOR: (PERMISSIONS | {ACT_AS}) - {"cloudtasks.queues.setIamPolicy"},
    roles.VIEWER: _LOCATIONS
    | {
        "cloudtasks.queues.get",
        "cloudtasks.queues.list",
        "cloudtasks.tasks.get",
        "cloudtasks.tasks.list",
    },
}
"""The permissions of each role that has any here."""

_EVERYONE: Final = frozenset({"allUsers", "allAuthenticatedUsers"})


class Grants:
    """The grants of an environment, and the answer to "may this principal?"."""

    def __init__(self, explain: ExplainDenial | None = None) -> None:
        self._explain = explain
        self._grants: dict[str, set[tuple[str, str | None]]] = {}

    def grant(self, principal: str, role: str, resource: str | None) -> None:
        """Give `principal` (such as "serviceAccount:x@p.iam.gserviceaccount.com") a role.

        Args:
            principal: a member as IAM writes it.
            role: one of `ROLES`; others give nothing here.
            resource: a queue's or a service account's name; None: everything.
        """
        self._grants.setdefault(principal, set()).add((role, resource))

    def check(
        self, principal: str | None, permission: str, resource: str, policy: Policy | None = None
    ) -> None:
        """Let the call pass, or not. Principal None is the developer, who may do all.

        Raises:
            Refusal: PERMISSION_DENIED, in Google's words and with what `explain_denial` adds.
        """
        if principal is None or self.allows(principal, permission, resource, policy):
            return
        explanation = self._explain(principal, permission, resource) if self._explain else None
        raise refusals.permission_denied(permission, resource, explanation)

    def allows(
        self, principal: str, permission: str, resource: str, policy: Policy | None = None
    ) -> bool:
        """Return whether a grant or the resource's own policy gives the permission."""
        scopes = (None, resource, project_of(resource))
        for role, where in self._grants.get(principal, ()):
            if where in scopes and permission in ROLES.get(role, ()):
                return True
        return policy is not None and any(
            permission in ROLES.get(binding.role, ())
            and (principal in binding.members or not _EVERYONE.isdisjoint(binding.members))
            for binding in policy.bindings
        )


def check_policy(policy: Policy) -> None:
    """Check a policy that a call sets.

    Raises:
        Refusal: INVALID_ARGUMENT for a role or member that isn't one; UNIMPLEMENTED for a
            condition, which is not emulated.
    """
    for binding in policy.bindings:
        if not binding.role.startswith((roles.PREFIX, "projects/", "organizations/")):
            raise refusals.invalid(f"Role {binding.role or '(empty)'} is not supported.")
        if binding.HasField("condition"):
            raise refusals.unimplemented("Conditions in IAM policies are not emulated.")
        _check_members(binding.members)


def _check_members(members: Iterable[str]) -> None:
    for member in members:
        kind, colon, who = member.partition(":")
        if member not in _EVERYONE and not (kind and colon and who):
            raise refusals.invalid(
                f"The member {member} is of an unknown type. Please set a valid type prefix for "
                "the member."
            )
