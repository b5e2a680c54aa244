"""The backoff and the stop rule, as tables."""

import pytest

from queuewright.cloud_tasks.retry import UNLIMITED, RetryPolicy, backoff_us, is_exhausted

S = 1_000_000
HOUR = 3_600 * S


@pytest.mark.parametrize(
    ("policy", "expected_s"),
    [
        (RetryPolicy(5, 0, 10 * S, 300 * S, 3), [10, 20, 40, 80, 160, 240, 300, 300]),
        (RetryPolicy(5, 0, 1 * S, 60 * S, 0), [1, 2, 3, 4, 5, 6]),
        (RetryPolicy(5, 0, 5 * S, 5 * S, 16), [5, 5, 5, 5]),
        (RetryPolicy(5, 0, 1 * S, 1000 * S, 1), [1, 2, 4, 6, 8, 10]),
        (RetryPolicy(5, 0, 0, 60 * S, 3), [0, 0, 0, 0, 0]),
    ],
)
def test_backoff_doubles_then_grows_by_a_constant_up_to_the_maximum(
    policy: RetryPolicy, expected_s: list[float]
) -> None:
    delays = [backoff_us(policy, failures) / S for failures in range(1, len(expected_s) + 1)]
    assert delays == expected_s


def test_the_default_backoff_reaches_an_hour_with_the_seventeenth_failure() -> None:
    delays = [backoff_us(RetryPolicy(), failures) for failures in range(1, 19)]
    assert delays[:3] == [100_000, 200_000, 400_000]
    assert delays[15:] == [3_276_800_000, HOUR, HOUR]


def test_backoff_after_a_million_failures_is_still_an_instant_to_compute() -> None:
    policy = RetryPolicy(UNLIMITED, 0, 1, HOUR, 2**31 - 1)
    assert backoff_us(policy, 1_000_000) == HOUR


@pytest.mark.parametrize(
    ("max_attempts", "max_duration_s", "attempts", "elapsed_s", "exhausted"),
    [
        (100, 0, 99, 0, False),
        (100, 0, 100, 0, True),
        (1, 0, 1, 0, True),
        (5, 60, 5, 10, False),
        (5, 60, 9, 59, False),
        (5, 60, 9, 60, True),
        (5, 60, 4, 600, False),
        (5, 10, 4, 100, False),
        (5, 10, 5, 100, True),
        (UNLIMITED, 3600, 10_000, 3599, False),
        (UNLIMITED, 3600, 2, 3600, True),
        (UNLIMITED, 0, 10_000, 31 * 86_400, False),
    ],
)
def test_a_task_is_given_up_only_when_both_bounds_are_reached(
    max_attempts: int, max_duration_s: int, attempts: int, elapsed_s: int, exhausted: bool
) -> None:
    policy = RetryPolicy(max_attempts, max_duration_s * S)
    assert is_exhausted(policy, attempts, elapsed_s * S) is exhausted
