"""The wait until Google knows the grants that this update has made.

A right works some time after it is granted: usually 2 minutes, and sometimes 7 or more
(https://cloud.google.com/iam/docs/access-change-propagation). A build that starts too early fails.
Grants that were there before are known, so an update without new ones does not wait.
"""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from functools import cached_property
from typing import Final

import pulumi

from queuewright.cloud_tasks.durations import parse_us, written_duration
from queuewright.errors import Problem, SpecError

GRANT_WAIT: Final = timedelta(seconds=60)
"""As long as in the provider's own example of a function with a build account:
https://www.pulumi.com/registry/packages/gcp/api-docs/cloudfunctionsv2/function."""

SETTING: Final = "queuewright:grantWait"


class WaitClock:
    """The time that a wait takes; a test hands over a clock of its own."""

    def now(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds."""
        await asyncio.sleep(seconds)


class NewGrants:
    """The grants that this update has made, and the wait until Google knows the last of them.

    Pulumi's engine calls the hooks: one after it has created a grant, the other before it creates
    or updates code that needs one. Previews run no hooks.

    Args:
        name: the beginning of the hooks' names, unique in the program.
        wait: from the last new grant; zero for no hooks at all. Default: the configured one.
        clock: the clock to wait by.

    Raises:
        SpecError: the configured wait is not a duration.
    """

    def __init__(
        self, name: str, wait: timedelta | None = None, clock: WaitClock | None = None
    ) -> None:
        self._wait = configured_wait() if wait is None else wait
        self._name, self._clock = name, clock or WaitClock()
        self._count, self._known_at = 0, 0.0
        self._one_at_a_time = asyncio.Lock()

    @cached_property
    def grant_hooks(self) -> pulumi.ResourceHookBinding | None:
        """For each grant."""
        if not self._wait:
            return None
        created = pulumi.ResourceHook(f"{self._name}-grant-is-new", self._note)
        return pulumi.ResourceHookBinding(after_create=[created])

    @cached_property
    def code_hooks(self) -> pulumi.ResourceHookBinding | None:
        """For each resource whose build or start needs grants."""
        if not self._wait:
            return None
        needed = pulumi.ResourceHook(f"{self._name}-grants-are-known", self._wait_until_known)
        return pulumi.ResourceHookBinding(before_create=[needed], before_update=[needed])

    def _note(self, _: pulumi.ResourceHookArgs) -> None:
        self._count += 1
        self._known_at = self._clock.now() + self._wait.total_seconds()

    async def _wait_until_known(self, _: pulumi.ResourceHookArgs) -> None:
        # A later caller finds that the time has already passed.
        async with self._one_at_a_time:
            rest = self._known_at - self._clock.now()
            if rest > 0:
                grants = "1 new grant" if self._count == 1 else f"{self._count} new grants"
                wait = written_duration(timedelta(seconds=round(rest)))
                pulumi.log.info(f"waiting {wait} until Google knows {grants} everywhere")
                await self._clock.sleep(rest)


def merged(*hooks: pulumi.ResourceHookBinding | None) -> pulumi.ResourceHookBinding | None:
    """One binding for code that waits for the grants of several components."""
    result = None
    for each in hooks:
        if each is not None:
            result = pulumi.ResourceHookBinding.merge(result, each) if result else each
    return result


def configured_wait() -> timedelta:
    """The wait in the stack's configuration, as in `pulumi config set queuewright:grantWait 3m`.

    Raises:
        SpecError: it is not a duration.
    """
    namespace, _, key = SETTING.partition(":")
    text = pulumi.Config(namespace).get(key)
    if text is None:
        return GRANT_WAIT
    try:
        return timedelta(microseconds=parse_us(text))
    except ValueError as error:
        hint = f"pulumi config set {SETTING} 2m"
        raise SpecError([Problem(None, SETTING, str(error), hint)]) from None
