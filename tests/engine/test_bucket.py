"""The token bucket is exact."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queuewright.engine.rules.bucket import TokenBucket, default_burst

S = 1_000_000


def test_a_new_bucket_is_full() -> None:
    bucket = TokenBucket(1.0, 10, 0)
    assert [bucket.take(0) for _ in range(11)] == [True] * 10 + [False]


@pytest.mark.parametrize(
    ("rate", "wait_us"), [(500.0, 2_000), (1.0, S), (0.5, 2 * S), (0.1, 10 * S), (3.0, 333_334)]
)
def test_the_next_token_comes_after_exactly_one_over_the_rate(rate: float, wait_us: int) -> None:
    bucket = TokenBucket(rate, 1, 0)
    assert bucket.take(0)
    assert bucket.next_token_us(0) == wait_us
    assert not bucket.take(wait_us - 1)
    assert bucket.take(wait_us)


def test_a_third_of_a_token_a_second_never_drifts() -> None:
    bucket = TokenBucket(Fraction(1, 3), 1, 0)
    taken = [now for now in range(0, 3_000_000 * S, 3 * S * 1000) if bucket.take(now)]
    assert len(taken) == 1000
    assert bucket.tokens(3_000_000 * S) == 1


def test_setting_the_clock_back_neither_adds_nor_removes_tokens() -> None:
    bucket = TokenBucket(1.0, 10, 100 * S)
    for _ in range(10):
        bucket.take(100 * S)
    assert not bucket.take(0)
    assert bucket.take(1 * S)


def test_tokens_survive_a_change_of_the_limits_as_far_as_they_fit() -> None:
    bucket = TokenBucket(10.0, 20, 0)
    assert bucket.changed(1.0, 5, 0).tokens(0) == 5
    assert bucket.changed(1.0, 50, 0).tokens(0) == 20


def test_a_bucket_without_rate_or_room_is_refused() -> None:
    with pytest.raises(ValueError, match="rate > 0"):
        TokenBucket(0.0, 1, 0)
    with pytest.raises(ValueError, match="burst >= 1"):
        TokenBucket(1.0, 0, 0)


@pytest.mark.parametrize(
    ("rate", "burst"), [(0.1, 10), (1.0, 10), (50.0, 10), (51.0, 11), (499.0, 100), (500.0, 100)]
)
def test_the_default_burst_is_a_fifth_of_the_rate_and_at_least_ten(rate: float, burst: int) -> None:
    assert default_burst(rate) == burst


@settings(deadline=None)
@given(
    rate=st.decimals(min_value="0.001", max_value="500", places=3),
    burst=st.integers(1, 500),
    steps=st.lists(st.integers(0, 5 * S), max_size=60),
)
def test_no_span_of_time_ever_holds_more_than_burst_and_rate_allow(
    rate: float, burst: int, steps: list[int]
) -> None:
    bucket = TokenBucket(float(rate), burst, 0)
    now, taken = 0, []
    for step in steps:
        now += step
        while bucket.take(now):
            taken.append(now)
    for first in range(0, len(taken), 7):
        for last in range(first, len(taken), 11):
            span_s = Fraction(taken[last] - taken[first], S)
            assert last - first + 1 <= burst + span_s * Fraction(str(rate))


@settings(deadline=None)
@given(
    rate=st.decimals(min_value="0.001", max_value="500", places=3),
    burst=st.integers(1, 20),
    drained_at=st.integers(0, 10 * S),
)
def test_the_promised_token_is_there_and_not_a_microsecond_earlier(
    rate: float, burst: int, drained_at: int
) -> None:
    bucket = TokenBucket(float(rate), burst, 0)
    while bucket.take(drained_at):
        pass
    promised = bucket.next_token_us(drained_at)
    assert not bucket.take(promised - 1)
    assert bucket.take(promised)
