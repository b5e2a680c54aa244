"""Who may call a handler, decided like Cloud Run: from the token and the grants. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from queuewright.blueprint import Blueprint
from queuewright.cloud_tasks.roles import INVOKER
from queuewright.engine import Signer
from queuewright.errors import Refusal

# Cloud Run replaces the signature of the token that it passes on, so that nobody can reuse it:
# https://cloud.google.com/run/docs/troubleshooting#signature-removed.
REMOVED = "SIGNATURE_REMOVED_BY_GOOGLE"


@dataclass(frozen=True)
class Denied:
    """A request that does not reach the handler: the HTTP status, the reason and a hint."""

    status: int
    reason: str
    hint: str


@dataclass(frozen=True)
class Access:
    """Who may call one handler; `audience` is the root URL of its front door."""

    handler: str
    audience: str
    callers: Mapping[str, str]
    """Member → the line of YAML that allows it."""
    signer: Signer

    def denial(self, authorization: str | None, now_us: int) -> Denied | None:
        """Return why a request with this `Authorization` header is denied, or None.

        403 without a token or without permission, 401 for an invalid token
        (https://cloud.google.com/run/docs/troubleshooting#unauthorized-client).
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            hint = "add a task to one of its queues: `queuewright enqueue`"
            return Denied(403, "the request carries no token", hint)
        try:
            claims = self.signer.verify(token.strip(), self.audience, now_us)
        except Refusal as refusal:
            hint = "leave the token to the queue: tasks need no `oidc_token` of their own"
            return Denied(401, refusal.message, hint)
        member = f"serviceAccount:{claims.get('email')}"
        if member not in self.callers:
            hint = f"tasks of a queue with `handler: {self.handler}` carry the token it needs"
            return Denied(403, f"`{member}` lacks {INVOKER} on `{self.handler}`", hint)
        return None


def callers(blueprint: Blueprint, handler: str) -> dict[str, str]:
    """Return the members that may call a handler, each with the place in the spec that says so."""
    return {
        grant.member: str(grant.reason)
        for grant in blueprint.grants
        if (grant.role, grant.kind, grant.resource) == (INVOKER, "handler", handler)
    }


def without_signature(authorization: str) -> str:
    """Return the header as a handler receives it.

    >>> without_signature("Bearer head.claims.signature")
    'Bearer head.claims.SIGNATURE_REMOVED_BY_GOOGLE'
    """
    rest, dot, _ = authorization.rpartition(".")
    return f"{rest}.{REMOVED}" if dot else authorization
