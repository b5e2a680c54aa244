"""Time by hand, and time by the machine."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from queuewright.engine import ManualClock, SystemClock
from queuewright.engine.protocol.times import span_us
from tests.engine.clocks import Clocks

S = 1_000_000


def test_calls_are_made_in_the_order_of_their_moments() -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    start, made = clock.now_us(), []
    clock.call_at(start + 2 * S, lambda: made.append("later"))
    clock.call_at(start + 1 * S, lambda: made.append("first"))
    clock.call_at(start + 2 * S, lambda: made.append("last"))
    while clock.step(start + 10 * S):
        pass
    assert made == ["first", "later", "last"]
    assert clock.now() == datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC)


def test_the_clock_stands_at_the_moment_of_a_call_while_it_is_made() -> None:
    clock = ManualClock()
    start, seen = clock.now_us(), []
    clock.call_at(start + 7, lambda: seen.append(clock.now_us() - start))
    clock.step(start + 100)
    assert seen == [7]


def test_a_cancelled_call_is_not_made_and_does_not_hold_time_up() -> None:
    clock = ManualClock()
    timer = clock.call_at(clock.now_us() + S, lambda: pytest.fail("it was cancelled"))
    timer.cancel()
    assert clock.next_us() is None
    assert not clock.step(clock.now_us() + 2 * S)


def test_a_call_for_the_past_is_made_at_once_and_time_does_not_go_back() -> None:
    clock = ManualClock()
    start, made = clock.now_us(), []
    clock.call_at(start - S, lambda: made.append(clock.now_us()))
    assert clock.step(start)
    assert made == [start]


async def test_sleep_returns_when_the_clock_gets_there() -> None:
    clock = ManualClock()
    sleeper = asyncio.create_task(clock.sleep("10s"))
    await asyncio.sleep(0)
    assert clock.sleepers == 1
    clock.step(clock.now_us() + 10 * S)
    await sleeper
    assert clock.sleepers == 0


async def test_the_system_clock_never_calls_early() -> None:
    clock = SystemClock()
    called = asyncio.get_running_loop().create_future()
    when_us = clock.now_us() + 3_333
    clock.call_at(when_us, lambda: called.set_result(clock.now_us()))
    assert await called >= when_us


async def test_a_wall_clock_that_is_set_back_makes_a_timer_wait_on() -> None:
    class SetBack(SystemClock):
        """Stands at 0, 0, 1 ms, 2 ms, ... of the epoch: its timers wake at 0 first."""

        looks = -1

        def now_us(self) -> int:
            self.looks += 1
            return max(0, self.looks - 1) * 1_000

    clock = SetBack()
    called = asyncio.get_running_loop().create_future()
    clock.call_at(3_000, lambda: called.set_result(clock.looks))
    assert await called == 4


async def test_a_timer_of_the_system_clock_can_be_cancelled() -> None:
    clock = SystemClock()
    called = asyncio.get_running_loop().create_future()
    timer = clock.call_at(clock.now_us(), lambda: pytest.fail("it was cancelled"))
    timer.cancel()
    clock.call_at(clock.now_us() + 2_000, lambda: called.set_result(None))
    await called


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("10s", 10 * S),
        ("1h30m", 5_400 * S),
        ("250ms", 250_000),
        ("1.5s", 1_500_000),
        ("2d", 172_800 * S),
    ],
)
def test_a_span_is_numbers_with_units(text: str, us: int) -> None:
    assert span_us(text) == us
    assert span_us(timedelta(microseconds=us)) == us


@pytest.mark.parametrize("text", ["", "10", "s", "10 s", "-1s", "1w", "1h-30m"])
def test_text_that_is_not_a_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        span_us(text)


def test_a_negative_span_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be negative"):
        span_us(timedelta(microseconds=-1))


def test_the_system_clock_tells_how_far_it_was_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clocks, told = Clocks(monkeypatch), []
    clock = SystemClock()
    clock.when_set_back(told.append)
    clocks.pass_s(10)
    clock.now_us()
    clocks.wall_s += 7_200  # set forward
    clock.now_us()
    clocks.wall_s -= 0.05  # corrected
    clock.now_us()
    assert told == []
    clocks.pass_s(10)
    clocks.wall_s -= 3_600
    assert clock.now_us() == int(clocks.wall_s * S)
    assert clock.now_us() == int(clocks.wall_s * S)
    assert told == [3_600 * S]


def test_a_process_that_is_held_up_takes_no_clock_for_set_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clocks, told = Clocks(monkeypatch), []
    clock = SystemClock()
    clock.when_set_back(told.append)
    clocks.held_up = [0.2, 0.5]
    clock.now_us()
    clock.now_us()
    assert told == []


async def test_the_machines_sleep_is_no_more_than_a_nap_of_a_span() -> None:
    """However much of it its clocks have counted."""

    class Loop:
        """Makes calls when it is told to, whatever time it is."""

        def __init__(self) -> None:
            self.naps: list[tuple[float, Callable[[], None]]] = []

        def call_later(self, delay_s: float, callback: Callable[[], None]) -> None:
            self.naps.append((delay_s, callback))

    loop, called = Loop(), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "get_running_loop", lambda: loop)
        SystemClock().call_after(25 * S, lambda: called.append("over"))
        for expected_s in (10, 10, 5):
            assert called == []
            delay_s, woken = loop.naps.pop()
            assert delay_s == expected_s
            woken()
    assert called == ["over"]


def test_a_span_of_a_manual_clock_is_over_when_it_has_moved_that_far() -> None:
    clock = ManualClock()
    start, seen = clock.now_us(), []
    clock.call_after(15 * S, lambda: seen.append(clock.steady_us() - start))
    clock.step(start + 14 * S)
    assert seen == []
    clock.step(start + 15 * S)
    assert seen == [15 * S]
