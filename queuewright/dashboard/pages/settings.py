"""A queue's settings in words, each with the line of YAML that it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from queuewright.blueprint import Blueprint, QueuePlan
from queuewright.cloud_tasks.durations import written_duration
from queuewright.cloud_tasks.retry import UNLIMITED, RetryPolicy, backoff_us, elapsed_us
from queuewright.dashboard import words
from queuewright.engine import QueueFacts

_WAITS: Final = 7


@dataclass(frozen=True)
class Setting:
    """A setting of a queue, or a fact about something."""

    label: str
    value: str
    code: str = ""
    """A piece of code after the value, with `at` between them."""
    href: str = ""
    place: str = ""
    """The line, such as `:23`; with the file's name if that is another."""
    full_place: str = ""


def settings(
    facts: QueueFacts, plan: QueuePlan | None, blueprint: Blueprint | None
) -> tuple[str, list[Setting]]:
    """Return the file of most settings, and the settings."""
    found = list(_settings(facts, plan, blueprint))
    if plan is None:
        return "", [setting for setting, _ in found]
    file = plan.reason.location.file
    return file, [_placed(setting, path, plan, file) for setting, path in found]


def _settings(
    facts: QueueFacts, plan: QueuePlan | None, blueprint: Blueprint | None
) -> Iterator[tuple[Setting, str]]:
    if plan is not None:
        href = f"/handlers/{plan.handler}"
        yield Setting("Handler", plan.handler, plan.path or "", href=href), "handler"
    else:
        override = facts.config.http_target.uri_override
        if override.host:
            yield Setting("Sent to", "", f"{override.host}{override.path_override.path}"), ""
    if facts.is_pull:
        yield Setting("Kind", "pull: workers lease its tasks"), ""
        yield Setting("Leases", _attempts(facts.retry)), ""
        return
    limits = facts.limits
    yield (
        Setting("Rate", f"{words.rate(limits.rate)} a second"),
        "rate_limits.max_dispatches_per_second",
    )
    yield Setting("Burst", words.number(limits.burst)), ""
    yield (
        Setting("At once", words.number(limits.concurrency)),
        "rate_limits.max_concurrent_dispatches",
    )
    retry, dead = facts.retry, plan.dead_letters if plan is not None else None
    if dead is not None:  # the queue makes some attempts more, which only bury
        retry = replace(retry, max_attempts=dead.max_attempts)
    yield Setting("Attempts", _attempts(retry)), "retry_config.max_attempts"
    yield Setting("Waits", waits(retry)), "retry_config.min_backoff"
    if dead is not None and plan is not None:
        kept = f"kept for {words.spaced(written_duration(dead.keep))}"
        href = f"/dead-letters?queue={plan.key}"
        yield Setting("Dead letters", kept, href=href), "dead_letters"
    if facts.retry.max_retry_duration_us:
        text = f"for {words.span(facts.retry.max_retry_duration_us)} at least"
        yield Setting("Retried", text), "retry_config.max_retry_duration"
    if plan is not None and blueprint is not None:
        adders = _enqueuers(plan, blueprint)
        yield Setting("May add", adders or "nobody but you"), "enqueuers"
        if plan.invoker is not None:
            yield Setting("Token", f"OIDC of {blueprint.accounts[plan.invoker].account_id}"), ""
    token = facts.config.http_target.oidc_token
    if plan is None and token.service_account_email:
        yield Setting("Token", f"OIDC of {token.service_account_email}"), ""


def _placed(setting: Setting, path: str, plan: QueuePlan, file: str) -> Setting:
    place = plan.places.get(path) if path else None
    if place is None:
        return setting
    shown = (
        f":{place.line}" if place.file == file else f"{place.file.rpartition('/')[2]}:{place.line}"
    )
    return Setting(setting.label, setting.value, setting.code, setting.href, shown, str(place))


def _enqueuers(plan: QueuePlan, blueprint: Blueprint) -> str:
    found = [
        grant.member.partition(":")[2].partition("@")[0]
        for grant in blueprint.grants
        if grant.kind == "queue" and grant.resource == plan.key and grant.role.endswith("enqueuer")
    ]
    return ", ".join(dict.fromkeys(found))


def _attempts(policy: RetryPolicy) -> str:
    r"""Return how often a task is tried, in words.

    >>> _attempts(RetryPolicy(max_attempts=8, min_backoff_us=10_000_000,
    ...     max_backoff_us=300_000_000, max_doublings=3))
    '8, over 14\xa0m\xa010\xa0s'
    """
    if policy.max_attempts == UNLIMITED:
        return "no limit"
    if policy.max_attempts == 1:
        return "1, no retry"
    over = words.span(elapsed_us(policy, policy.max_attempts))
    return f"{words.number(policy.max_attempts)}, over {over}"


def waits(policy: RetryPolicy) -> str:
    """Return the waits between attempts.

    >>> waits(RetryPolicy(max_attempts=8, min_backoff_us=10_000_000,
    ...     max_backoff_us=300_000_000, max_doublings=3)).replace(words.SPACE, " ")
    '10 s, 20 s, 40 s, 1 m 20 s, 2 m 40 s, 4 m, 5 m'
    """
    if policy.max_attempts == 1:
        return "none"
    count = policy.max_attempts - 1 if policy.max_attempts != UNLIMITED else 10**6
    found: list[str] = []
    for failures in range(1, min(count, 60) + 1):
        wait_us = backoff_us(policy, failures)
        text = words.span(wait_us) if wait_us >= words.SECOND_US else words.took(wait_us)
        if found and found[-1] == text:
            return (
                f"{', '.join(found)} …"
                if failures <= count and count > len(found)
                else ", ".join(found)
            )
        if len(found) == _WAITS:
            return f"{', '.join(found)} … up to {words.span(policy.max_backoff_us)}"
        found.append(text)
    return ", ".join(found)
