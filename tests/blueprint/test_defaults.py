"""Settings that a spec leaves out have Google's defaults."""

from __future__ import annotations

from datetime import timedelta

import pytest

from queuewright.blueprint import AppEnginePlan, FunctionPlan, RuntimePlan, ServicePlan
from queuewright.spec import Instances
from tests.blueprint.stack import derive

MIB = 2**20
FUNCTION = "function: {source: s, entry_point: f, runtime: python312}"
SERVICE = "service: {image: i}"


def runtime(handler: str) -> RuntimePlan:
    """How a handler's instances run."""
    target = derive(f"handlers: {{h: {{{handler}}}}}\n").handlers["h"].target
    assert isinstance(target, FunctionPlan | ServicePlan)
    return target.runtime


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (FUNCTION, (256 * MIB, 0.167, timedelta(minutes=1), 1)),
        (SERVICE, (512 * MIB, 1.0, timedelta(minutes=5), 80)),
    ],
    ids=["function", "service"],
)
def test_an_instance(kind: str, expected: tuple[object, ...]) -> None:
    """Google's defaults for memory, CPU, timeout and concurrency of each kind."""
    plan = runtime(kind)
    assert (plan.memory, plan.cpu, plan.timeout, plan.concurrency) == expected
    assert plan.instances == Instances(min=0, max=100)
    assert (plan.ingress, plan.vpc) == ("all", None)
    assert (plan.environment, plan.secrets) == ({}, {})


def test_a_queue() -> None:
    """Every field is set, because a field left out of an update keeps its old value."""
    text = "handlers: {h: {url: https://a.example}}\nqueues: {q: {handler: h}}\n"
    queue = derive(text).queues["q"]
    assert queue.rate_limits.model_dump() == {
        "max_dispatches_per_second": 500.0,
        "max_concurrent_dispatches": 1000,
    }
    assert queue.retry_config.model_dump() == {
        "max_attempts": 100,
        "max_retry_duration": "0s",
        "min_backoff": "100ms",
        "max_backoff": "1h",
        "max_doublings": 16,
    }
    assert (queue.sampling_ratio, queue.desired_state, queue.protect) == (0.0, "RUNNING", True)
    assert (queue.path, queue.example) == (None, None)


def test_a_partial_retry_config_is_completed() -> None:
    """The missing fields have their defaults."""
    text = (
        "handlers: {h: {url: https://a.example}}\n"
        "queues: {q: {handler: h, retry_config: {max_attempts: 3}}}\n"
    )
    retry = derive(text).queues["q"].retry_config
    assert (retry.max_attempts, retry.max_doublings) == (3, 16)


def test_app_engine() -> None:
    """The default service and the serving version."""
    target = derive("handlers: {h: {app_engine: {}}}\n").handlers["h"].target
    assert target == AppEnginePlan(
        service="default",
        version=None,
        instance=None,
        source=None,
        runtime_name=None,
        entrypoint=None,
        environment={},
        instances=Instances(),
        account=None,
    )


@pytest.mark.parametrize(
    ("settings", "cpu", "concurrency"),
    [
        (f"{FUNCTION}, memory: 128Mi", 0.083, 1),
        (f"{FUNCTION}, memory: 512Mi", 0.333, 1),
        (f"{FUNCTION}, memory: 1Gi", 0.583, 1),
        (f"{FUNCTION}, memory: 2Gi", 1.0, 1),
        (f"{FUNCTION}, memory: 8Gi", 2.0, 1),
        (f"{FUNCTION}, memory: 32Gi", 8.0, 1),
        (f"{FUNCTION}, concurrency: 10", 1.0, 10),
        (f"{SERVICE}, memory: 4Gi", 1.0, 80),
        (f"{SERVICE}, memory: 5Gi", 2.0, 80),
        (f"{SERVICE}, memory: 9Gi", 4.0, 80),
        (f"{SERVICE}, memory: 32Gi", 8.0, 80),
        (f"{SERVICE}, cpu: 0.5", 0.5, 1),
        (f"{SERVICE}, cpu: 2, concurrency: 3", 2.0, 3),
    ],
)
def test_cpu_follows_memory_and_requests_follow_cpu(
    settings: str, cpu: float, concurrency: int
) -> None:
    """By Google's tables; with less than a whole CPU one request at a time."""
    plan = runtime(settings)
    assert (plan.cpu, plan.concurrency) == (cpu, concurrency)


def test_a_given_value_is_kept() -> None:
    """A value in the spec is never replaced by a default."""
    plan = runtime(
        f"{SERVICE}, memory: 1Gi, cpu: 2, timeout: 90s, concurrency: 7, ingress: internal, "
        "instances: {min: 1, max: 3}, vpc: {subnetwork: s, egress: all-traffic}"
    )
    assert (plan.memory, plan.cpu, plan.timeout) == (1024 * MIB, 2.0, timedelta(seconds=90))
    assert (plan.concurrency, plan.ingress, plan.instances.min) == (7, "internal", 1)
    assert plan.vpc is not None
    assert (plan.vpc.network, plan.vpc.subnetwork, plan.vpc.egress) == (None, "s", "all-traffic")
