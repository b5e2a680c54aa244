"""Google's rules for inputs that a type cannot express: units, ranges, spellings.

Only mistakes that are easy to overlook: a duration without its unit, a host with a scheme, a role
without its prefix. Each rule has its source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from queuewright.cloud_tasks import limits, names, pubsub, roles
from queuewright.cloud_tasks.retry import UNLIMITED
from queuewright.graph.wire import Properties, Value, walk


@dataclass(frozen=True)
class _Text:
    """A text that must match a pattern; `wanted` describes it."""

    pattern: str
    wanted: str

    def accepts(self, value: Value) -> bool:
        return not isinstance(value, str) or re.fullmatch(self.pattern, value) is not None


@dataclass(frozen=True)
class _Range:
    """A number between two others, inclusive.

    For some fields the provider omits a zero from its request. Google then applies its default,
    and every later preview shows a difference. There `zero_arrives` is false.
    """

    least: float
    most: float
    zero_arrives: bool = True

    @property
    def wanted(self) -> str:
        return f"{self.least:g} to {self.most:g}" + ("" if self.zero_arrives else ", and not 0")

    def accepts(self, value: Value) -> bool:
        if not isinstance(value, int | float):
            return True
        return self.least <= value <= self.most and (self.zero_arrives or value != 0)


def _one_of(*words: str) -> _Text:
    return _Text("|".join(words), " or ".join(words))


_DURATION = _Text(r"\d+(\.\d{1,9})?s", "a duration in seconds such as 0.100s")
_MEMBER = _Text(
    r"allUsers|allAuthenticatedUsers"
    r"|(user|serviceAccount|group|domain|principal|principalSet|project\w+|deleted):.+",
    "a member such as serviceAccount:NAME@PROJECT.iam.gserviceaccount.com",
)
_ROLE = _Text(
    rf"((projects|organizations)/[^/]+/)?{roles.PREFIX}[\w.]+", f"a role such as {roles.INVOKER}"
)
_LABEL = _Text(r"[a-z0-9_-]{0,63}", "at most 63 of a-z, 0-9, _ and -")
_INGRESS = "INGRESS_TRAFFIC_"

# Type, path, rule. Types and paths are patterns; `[n]` stands for any index.
_RULES: tuple[tuple[str, str, _Text | _Range], ...] = (
    # https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues
    ("cloudtasks/queue", r"name", _Text(names.QUEUE_ID, "letters, digits and hyphens")),
    ("cloudtasks/queue", r"retryConfig\.(min|max)Backoff", _DURATION),
    ("cloudtasks/queue", r"retryConfig\.maxRetryDuration", _DURATION),
    (
        "cloudtasks/queue",
        r"retryConfig\.maxAttempts",
        _Range(UNLIMITED, limits.MAX_INT32, zero_arrives=False),
    ),
    (
        "cloudtasks/queue",
        r"retryConfig\.maxDoublings",
        _Range(0, limits.MAX_INT32, zero_arrives=False),
    ),
    (
        "cloudtasks/queue",
        r"rateLimits\.maxDispatchesPerSecond",
        _Range(0, limits.MAX_DISPATCHES_PER_SECOND, zero_arrives=False),
    ),
    (
        "cloudtasks/queue",
        r"rateLimits\.maxConcurrentDispatches",
        _Range(0, limits.MAX_CONCURRENT_DISPATCHES, zero_arrives=False),
    ),
    (
        "cloudtasks/queue",
        r"stackdriverLoggingConfig\.samplingRatio",
        _Range(0, 1, zero_arrives=False),
    ),
    ("cloudtasks/queue", r"desiredState", _one_of("RUNNING", "PAUSED")),
    ("cloudtasks/queue", r"httpTarget\.uriOverride\.scheme", _one_of("HTTP", "HTTPS")),
    (
        "cloudtasks/queue",
        r"httpTarget\.uriOverride\.host",
        _Text(r"[A-Za-z0-9.-]+", "a host name without scheme, port or path"),
    ),
    (
        "cloudtasks/queue",
        r"httpTarget\.uriOverride\.uriOverrideEnforceMode",
        _one_of("ALWAYS", "IF_NOT_EXISTS"),
    ),
    # https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services
    ("cloudrunv2/service", r"template\.timeout", _DURATION),
    ("cloudrunv2/service", r"template\.maxInstanceRequestConcurrency", _Range(1, 1000)),
    (
        "cloudrunv2/service",
        r"template\.containers\[n\]\.resources\.limits\.memory",
        _Text(r"\d+(Mi|Gi)", "a size such as 512Mi"),
    ),
    (
        "cloudrunv2/service",
        r"template\.containers\[n\]\.resources\.limits\.cpu",
        _Text(r"\d+m|\d+(\.\d+)?", "a number of processors such as 1 or 500m"),
    ),
    (
        "cloudrunv2/service",
        r"ingress",
        _one_of(f"{_INGRESS}ALL", f"{_INGRESS}INTERNAL_ONLY", f"{_INGRESS}INTERNAL_LOAD_BALANCER"),
    ),
    # https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.workerPools
    (
        "cloudrunv2/workerPool",
        r"template\.containers\[n\]\.resources\.limits\.memory",
        _Text(r"\d+(Mi|Gi)", "a size such as 512Mi"),
    ),
    (
        "cloudrunv2/workerPool",
        r"template\.containers\[n\]\.resources\.limits\.cpu",
        _Text(r"\d+m|\d+(\.\d+)?", "a number of processors such as 1 or 500m"),
    ),
    ("cloudrunv2/workerPool", r"scaling\.scalingMode", _one_of("MANUAL", "AUTOMATIC")),
    # https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions
    ("pubsub/(topic|subscription)", r"name", _Text(pubsub.RESOURCE_ID, "a name of Pub/Sub")),
    (
        "pubsub/subscription",
        r"ackDeadlineSeconds",
        _Range(pubsub.MIN_ACK_DEADLINE.total_seconds(), pubsub.MAX_ACK_DEADLINE.total_seconds()),
    ),
    (
        "pubsub/subscription",
        r"deadLetterPolicy\.maxDeliveryAttempts",
        _Range(pubsub.MIN_DELIVERY_ATTEMPTS, pubsub.MAX_DELIVERY_ATTEMPTS),
    ),
    ("pubsub/subscription", r"retryPolicy\.(min|max)imumBackoff", _DURATION),
    ("pubsub/(topic|subscription)", r"messageRetentionDuration", _DURATION),
    ("pubsub/subscription", r"expirationPolicy\.ttl", _Text(r"|\d+s", "empty, or seconds")),
    # https://cloud.google.com/functions/docs/reference/rest/v2/projects.locations.functions
    (
        "cloudfunctionsv2/function",
        r"serviceConfig\.availableMemory",
        _Text(r"\d+(k|Ki|M|Mi|G|Gi)?", "a size such as 256Mi"),
    ),
    ("cloudfunctionsv2/function", r"serviceConfig\.timeoutSeconds", _Range(1, 3600)),
    ("cloudfunctionsv2/function", r"serviceConfig\.maxInstanceRequestConcurrency", _Range(1, 1000)),
    (
        "cloudfunctionsv2/function",
        r"serviceConfig\.ingressSettings",
        _one_of("ALLOW_ALL", "ALLOW_INTERNAL_ONLY", "ALLOW_INTERNAL_AND_GCLB"),
    ),
    # https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts/create
    (
        "serviceaccount/account",
        r"accountId",
        _Text(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", "6 to 30 of a-z, 0-9 and -, a letter first"),
    ),
    # https://cloud.google.com/iam/docs/reference/rest/v1/Policy
    (r"\w+/\w*[iI][aA][mM]\w+", r"member|members\[n\]", _MEMBER),
    (r"\w+/\w*[iI][aA][mM]\w+", r"role", _ROLE),
    # https://cloud.google.com/resource-manager/docs/labels-overview#requirements
    (r"\w+/\w+", r"labels\.[^.]+", _LABEL),
    # https://cloud.google.com/service-usage/docs/reference/rest/v1/services
    (
        "projects/service",
        r"service",
        _Text(r"[a-z0-9.-]+\.googleapis\.com", "an API such as run.googleapis.com"),
    ),
)


def format_problems(type_token: str, inputs: Properties) -> list[str]:
    """What Google would refuse in `inputs` (named as on the wire), each as `path: reason`."""
    module = type_token.rpartition(":")[0].partition(":")[2]
    rules = [(path, rule) for kind, path, rule in _RULES if re.fullmatch(kind, module)]
    return list(_problems(inputs, rules)) if rules else []


def _problems(inputs: Properties, rules: list[tuple[str, _Text | _Range]]) -> Iterator[str]:
    for path, value in walk(inputs):
        general = re.sub(r"\[\d+\]", "[n]", path)
        for pattern, rule in rules:
            if re.fullmatch(pattern, general) and not rule.accepts(value):
                yield f"{path}: {value!r} is not {rule.wanted}"
