"""The pause after an overload."""

from queuewright.engine.rules.throttle import LONGEST_PAUSE_US, Throttle

S = 1_000_000


def test_each_overload_in_a_row_doubles_the_pause_up_to_a_minute() -> None:
    throttle = Throttle()
    now, pauses = 0, []
    for _ in range(9):
        throttle.overloaded(now, None)
        pauses.append((throttle.until_us - now) // S)
        now = throttle.until_us
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert pauses[-1] * S == LONGEST_PAUSE_US


def test_answers_during_a_pause_belong_to_the_same_overload() -> None:
    throttle = Throttle()
    assert throttle.overloaded(0, None)
    assert not throttle.overloaded(S // 2, None)
    assert throttle.until_us == S


def test_retry_after_makes_the_pause_longer_never_shorter() -> None:
    throttle = Throttle()
    throttle.overloaded(0, 30 * S)
    assert throttle.until_us == 30 * S
    assert not throttle.overloaded(S, 5 * S)
    assert throttle.until_us == 30 * S


def test_after_a_success_the_next_overload_starts_with_the_first_pause() -> None:
    throttle = Throttle()
    throttle.overloaded(0, None)
    throttle.overloaded(1 * S, None)
    throttle.succeeded()
    throttle.overloaded(10 * S, None)
    assert throttle.until_us == 11 * S
