"""What is there and what it cost: nothing of it is lost, whatever the order of things. Costs are in billionths of a smallest unit."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit_trading.checks import LARGEST
from credit_trading.users.tables.cost_pool import BILLION, AveragePool, FifoPool, Lot, Pool, in_units

_MOVES = st.lists(
    st.tuples(
        st.booleans(),
        st.integers(1, 50),
        st.sampled_from(["USD", "EUR", None]),
        st.integers(-20, 1000),
    ),
    max_size=40,
)


def lot(number: int, quantity: int, cost: int = 0, currency: str | None = "USD") -> Lot:
    return Lot(number, number, quantity, currency, cost if currency else 0)


@pytest.fixture(params=[AveragePool, FifoPool])
def pool(request: pytest.FixtureRequest) -> Pool:
    empty: Pool = request.param()
    return empty


@pytest.mark.parametrize("kind", [AveragePool, FifoPool])
@given(moves=_MOVES)
def test_what_came_in_is_what_went_out_and_what_is_left(
    kind: type[Pool], moves: list[tuple[bool, int, str | None, int]]
) -> None:
    """To the last billionth of each currency; and what is not there has cost nothing."""
    pool, came, went, there = kind(), {"USD": 0, "EUR": 0}, {"USD": 0, "EUR": 0}, 0
    for number, (comes, quantity, currency, cost) in enumerate(moves):
        if comes:
            there += quantity
            covered = pool.take_in(lot(number, quantity, cost, currency))
            if currency is not None:
                came[currency] += cost - covered
        else:
            there -= quantity
            for name, part in pool.take_out(quantity).items():
                went[name] += part or 0
        assert pool.quantity == there
        left = {name: pool.costs.get(name, 0) for name in came}
        assert {name: came[name] - went[name] for name in came} == left
        assert there > 0 or pool.costs == {}
        if isinstance(pool, FifoPool):
            assert sum(one.quantity for one in pool.lots) == max(there, 0)
            assert {
                name: sum(one.cost_billionths for one in pool.lots if one.currency == name) for name in came
            } == left


def test_a_part_of_a_cost_is_rounded_half_to_even_and_the_rest_stays(pool: Pool) -> None:
    pool.take_in(lot(1, 3, 100))
    assert [pool.take_out(1), pool.take_out(1), pool.take_out(1)] == [{"USD": 33}, {"USD": 34}, {"USD": 33}]
    pool.take_in(lot(2, 4, 10))
    assert [pool.take_out(1), pool.take_out(1), pool.take_out(2)] == [{"USD": 2}, {"USD": 3}, {"USD": 5}]
    pool.take_in(lot(3, 2, -3))
    assert [pool.take_out(1), pool.take_out(1)] == [{"USD": -2}, {"USD": -1}]


def test_whole_units_that_are_added_raise_what_is_told_by_just_these() -> None:
    """Halves are rounded up: to even, a unit that is added to a half would raise it by two."""
    half = BILLION // 2
    told = [in_units(halves * half) for halves in (-3, -1, 0, 1, 3, 5)]
    assert told == [(-1, -half), (0, -half), (0, 0), (1, -half), (2, -half), (3, -half)]
    assert in_units(half - 1) == (0, half - 1)


def test_the_oldest_goes_first_and_takes_its_own_cost() -> None:
    pool = FifoPool()
    pool.take_in(lot(1, 2, 10))
    pool.take_in(lot(2, 2, 30, "EUR"))
    assert pool.take_out(3) == {"USD": 10, "EUR": 15}
    assert pool.lots == [Lot(2, 2, 1, "EUR", 15)]


def test_older_lots_are_read_only_as_far_as_they_are_needed() -> None:
    read = []

    def older() -> Iterator[Lot]:
        for one in (lot(1, 5, 50), lot(2, 5, 60), lot(3, 5, 70)):
            read.append(one.transaction_id)
            yield one

    pool = FifoPool(15, {"USD": 180}, older())
    assert pool.take_out(7) == {"USD": 74}
    assert (read, pool.last_read, pool.lots) == ([1, 2], lot(2, 5, 60), [lot(2, 3, 36)])


def test_what_went_before_it_came_is_covered_first(pool: Pool) -> None:
    """Its share of the cost is not kept."""
    assert pool.take_out(4) == {}
    assert pool.take_in(lot(1, 3, 10)) == 10
    assert pool.take_in(lot(2, 3, 10)) == 3
    assert (pool.quantity, pool.costs) == (2, {"USD": 7})


def test_a_cost_that_does_not_fit_is_unknown_from_then_on(pool: Pool) -> None:
    pool.take_in(lot(1, 1, LARGEST * BILLION - 1))
    assert pool.costs == {"USD": LARGEST * BILLION - 1}
    pool.take_in(lot(2, 1, 1))
    assert pool.costs == {"USD": None}
    pool.take_out(2)
    pool.take_in(lot(3, 1, 5))
    assert pool.costs == {"USD": None}
