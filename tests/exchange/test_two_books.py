"""Two books, one flow: trades, refreshes, triggers, cancels, rejections and depth are the same after every command.

Always: what differs is made small and is kept as a case of `test_regressions`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from credit_trading.exchange import events as ev
from tests.exchange.flow import ample_steps, flows, often, random_flow
from tests.exchange.naive_checks import Filters
from tests.exchange.steps import Step, Wait
from tests.exchange.two_books import FILTERS, TwoBooks, shrunk

FLOW_STEPS = 250
"""Long enough for deep books; short enough to look at what went wrong."""


def test_both_books_tell_the_same(is_long: bool) -> None:
    """Flows that hypothesis looks for, and shrinks where they differ."""

    @often(40, is_long=is_long)
    @given(filters=st.sampled_from(FILTERS), steps=flows(ample_steps, least=5, most=80))
    def agree(filters: Filters, steps: list[Step]) -> None:
        TwoBooks(filters).play(steps)

    agree()


def test_both_books_tell_the_same_over_twenty_thousand_commands(is_long: bool) -> None:
    """Seeded and much faster; a million in a long run."""
    commands = 1_000_000 if is_long else 20_000
    for seed in range(commands // FLOW_STEPS):
        filters = FILTERS[seed % len(FILTERS)]
        steps = random_flow(ample_steps, Random(seed), length=FLOW_STEPS)
        if _differ(filters, steps):
            small = shrunk(steps, lambda part, filters=filters: _differ(filters, part))  # type: ignore[misc]
            print(f"seed {seed}: TwoBooks({filters}).play({small})")  # noqa: T201 - the case to keep
            TwoBooks(filters).play(small)


def _differ(filters: Filters, steps: Sequence[Step]) -> bool:
    """Whether they do, or one of them cannot go on at all."""
    try:
        TwoBooks(filters).play(steps)
    except (AssertionError, LookupError, TypeError, ValueError, AttributeError):
        return True
    return False


def test_what_fails_is_made_as_small_as_it_can_be() -> None:
    """Two steps that matter out of a thousand are what is left, in their order."""
    steps = [Wait(number) for number in range(1000)]
    assert shrunk(steps, lambda part: {Wait(7), Wait(703)} <= set(part)) == [Wait(7), Wait(703)]


def test_the_flow_of_both_books_reaches_what_it_is_meant_to_prove() -> None:
    """Deep queues, cascades of several stops, slices in the middle of a sweep, every mode and every reason."""
    reached: Counter[str] = Counter()
    for seed in range(40):
        books = TwoBooks(FILTERS[seed % len(FILTERS)])
        books.play(random_flow(ample_steps, Random(seed), length=FLOW_STEPS))
        for _, entries in groupby(books.market.entries, key=lambda entry: entry.cause):
            events = [entry.event for entry in entries]
            triggers = sum(isinstance(event, ev.OrderTriggered) for event in events)
            trades = sum(isinstance(event, ev.Trade) for event in events)
            reached.update({f"{min(triggers, 3)} triggers": 1, f"{min(trades, 6)} trades": 1})
            for event in events:
                reached.update((event.kind, getattr(event, "reason", ""), getattr(event, "code", "")))
    assert min(reached[f"{number} triggers"] for number in range(4)) >= 5
    assert min(reached[f"{number} trades"] for number in range(7)) >= 5
    rare = {"no_opposite_price", "session_ended", "collar_reached", "user_suspended", "mass_cancel", "order_reduced"}
    rare |= {"order_is_external", "price_worse_than_limit", "quantity_above_remaining", "order_not_external"}
    often_told = {
        "order_filled_outside",
        "order_refreshed",
        "self_trade",
        "fill_or_kill",
        "immediate_or_cancel",
        "expired",
        "order_amended",
    }
    assert min(reached[name] for name in rare) >= 5
    assert min(reached[name] for name in often_told) >= 50
