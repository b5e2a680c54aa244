"""The RPCs on a queue's IAM policy."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from queuewright.engine.protocol import names, refusals
from queuewright.engine.protocol.fields import snake
from queuewright.engine.protocol.messages import (
    GetIamPolicyRequest,
    Policy,
    SetIamPolicyRequest,
    TestIamPermissionsRequest,
    TestIamPermissionsResponse,
)
from queuewright.engine.service.calls import Caller, Calls
from queuewright.engine.service.iam import PERMISSIONS, check_policy


class PolicyCalls(Calls):
    """GetIamPolicy, SetIamPolicy and TestIamPermissions."""

    async def get_iam_policy(self, request: GetIamPolicyRequest, caller: Caller) -> Policy:
        """Return a queue's policy, which is empty until one is set."""
        self._allow(caller, "cloudtasks.queues.getIamPolicy", request.resource)
        return _with_etag(self._queue(request.resource).row.policy)

    async def set_iam_policy(self, request: SetIamPolicyRequest, caller: Caller) -> Policy:
        """Replace a queue's policy. An `etag`, if given, must be the current policy's."""
        self._allow(caller, "cloudtasks.queues.setIamPolicy", request.resource)
        queue = self._queue(request.resource)
        check_policy(request.policy)
        etag = request.policy.etag
        if etag and etag != _with_etag(queue.row.policy).etag:
            raise refusals.aborted(
                "There were concurrent policy changes. Please retry the whole "
                "read-modify-write with exponential backoff."
            )
        policy = _masked(queue.row.policy, request)
        row = replace(queue.row, policy=policy)
        self._store.save_queue(row)
        queue.row = row
        return _with_etag(policy)

    async def test_iam_permissions(
        self, request: TestIamPermissionsRequest, caller: Caller
    ) -> TestIamPermissionsResponse:
        """Return the caller's permissions on a queue; none if the queue does not exist."""
        names.check_queue(request.resource)
        for permission in request.permissions:
            if permission not in PERMISSIONS:
                raise refusals.invalid(f"Permission {permission} is not valid for this resource.")
        queue = self._registry.get(request.resource)
        if queue is None:
            return TestIamPermissionsResponse()
        principal, policy = caller.principal, queue.row.policy
        return TestIamPermissionsResponse(
            permissions=[
                permission
                for permission in request.permissions
                if principal is None
                or self._parts.grants.allows(principal, permission, queue.name, policy)
            ]
        )


def _masked(current: Policy, request: SetIamPolicyRequest) -> Policy:
    """Return the new policy: with the fields named by the mask, or all fields without a mask."""
    paths = {snake(path) for path in request.update_mask.paths}
    unknown = sorted(paths - set(Policy.DESCRIPTOR.fields_by_name))
    if unknown:
        raise refusals.invalid(f"Invalid field path in updateMask: '{unknown[0]}'.")
    policy = Policy()
    policy.CopyFrom(request.policy)
    if paths and "bindings" not in paths:
        policy.ClearField("bindings")
        policy.bindings.MergeFrom(current.bindings)
    policy.ClearField("etag")
    return policy


def _with_etag(policy: Policy) -> Policy:
    """Return a copy of the policy with its fingerprint as `etag`."""
    shown = Policy()
    shown.CopyFrom(policy)
    content = policy.SerializeToString(deterministic=True)
    shown.etag = hashlib.blake2b(content, digest_size=8).digest()
    return shown
