"""The circuit breaker: closed, open, and one question at a time in between."""

from __future__ import annotations

import pytest

from athena.policies.decisions.breaker import CircuitBreaker
from athena.policies.decisions.point import Fault, NoDecisionError


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(failures=2, pause_seconds=5, clock=clock)


def admits(breaker: CircuitBreaker) -> bool:
    try:
        breaker.admit()
    except NoDecisionError:
        return False
    return True


def test_a_failure_alone_opens_nothing(breaker: CircuitBreaker) -> None:
    breaker.failed()
    assert admits(breaker)


def test_only_failures_in_a_row_count(breaker: CircuitBreaker) -> None:
    breaker.failed()
    breaker.succeeded()
    breaker.failed()
    assert admits(breaker)


def test_open_until_the_pause_is_over(breaker: CircuitBreaker, clock: Clock) -> None:
    breaker.failed()
    breaker.failed()
    clock.now += 4.9
    with pytest.raises(NoDecisionError) as shut:
        breaker.admit()
    assert shut.value.fault is Fault.CIRCUIT_OPEN
    clock.now += 0.2
    assert admits(breaker)


def test_one_question_tries_while_the_others_wait(breaker: CircuitBreaker, clock: Clock) -> None:
    breaker.failed()
    breaker.failed()
    clock.now += 5
    assert [admits(breaker) for _ in range(3)] == [True, False, False]
    breaker.succeeded()
    assert [admits(breaker) for _ in range(3)] == [True, True, True]


def test_a_try_that_fails_opens_it_again(breaker: CircuitBreaker, clock: Clock) -> None:
    breaker.failed()
    breaker.failed()
    clock.now += 5
    assert admits(breaker)
    clock.now += 3
    breaker.failed()
    clock.now += 4.9
    assert not admits(breaker)


def test_a_try_that_is_given_up_doesnt_keep_it_open(breaker: CircuitBreaker, clock: Clock) -> None:
    breaker.failed()
    breaker.failed()
    clock.now += 5
    assert admits(breaker)  # and nobody ever tells how it ended
    clock.now += 5
    assert admits(breaker)
