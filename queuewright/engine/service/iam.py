"""IAM: roles, their permissions, and the check of a call.

Grants come from two sources: the configuration of an environment (`Grants.grant`) and the policies
that callers set on queues. The roles are those of
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
"""The permissions of every role that has permissions in the engine."""

_EVERYONE: Final = frozenset({"allUsers", "allAuthenticatedUsers"})


class Grants:
    """The grants of an environment, and the check of a principal's permissions."""

    def __init__(self, explain: ExplainDenial | None = None) -> None:
        self._explain = explain
        self._grants: dict[str, set[tuple[str, str | None]]] = {}

    def grant(self, principal: str, role: str, resource: str | None) -> None:
        """Give `principal` (such as "serviceAccount:x@p.iam.gserviceaccount.com") a role.

        Args:
            principal: a member in IAM's notation.
            role: one of `ROLES`; other roles have no effect.
            resource: the name of a project, a queue or a service account. None is everything.
        """
        self._grants.setdefault(principal, set()).add((role, resource))

    def check(
        self, principal: str | None, permission: str, resource: str, policy: Policy | None = None
    ) -> None:
        """Check that a principal has a permission. None is the developer, who has all of them.

        Raises:
            Refusal: PERMISSION_DENIED, in Google's wording, plus the text of `explain_denial`.
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
    """Check a policy that a caller sets.

    Raises:
        Refusal: INVALID_ARGUMENT for an unknown kind of role or member; UNIMPLEMENTED for a
            condition, because conditions are not emulated.
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
