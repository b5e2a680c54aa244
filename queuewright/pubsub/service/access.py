"""Who calls, and the check of a call's permission."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from queuewright.engine import Clock
from queuewright.pubsub.events import CallDenied, Event
from queuewright.pubsub.protocol import refusals

Denial = Callable[[str, str, str], str | None]
"""Maps (principal, permission, resource) to None if the call is allowed, or to a sentence on how
to get the permission, which may be empty."""


@dataclass(frozen=True)
class Client:
    """Who makes the calls on a listener."""

    name: str = ""
    """For people; it tells who holds a message."""
    principal: str | None = None
    """A member in IAM's notation. None is the developer, who may do everything."""


DEVELOPER: Final = Client()


class Access:
    """Checks the permissions of clients.

    Args:
        clock: tells the time of a denial.
        denial: decides; None allows everything.
        emit: gets each denial.
    """

    def __init__(
        self, clock: Clock, denial: Denial | None, emit: Callable[[Event], None] | None
    ) -> None:
        self._clock = clock
        self._denial = denial
        self._emit = emit

    def check(self, client: Client, permission: str, resource: str) -> None:
        """Check that a client has a permission on a resource.

        Raises:
            Refusal: PERMISSION_DENIED.
        """
        if client.principal is None or self._denial is None:
            return
        explanation = self._denial(client.principal, permission, resource)
        if explanation is None:
            return
        refusal = refusals.permission_denied(explanation)
        if self._emit is not None:
            self._emit(
                CallDenied(
                    time_us=self._clock.now_us(),
                    principal=client.principal,
                    resource=resource,
                    message=refusal.message,
                )
            )
        raise refusal
