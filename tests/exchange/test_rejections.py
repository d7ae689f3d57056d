"""The documented order of the checks: of two things that are wrong, the one that stands first in `Rejection` is the answer."""

from __future__ import annotations

from itertools import combinations

import attrs
import pytest

from credit_trading.exchange.rejections import Rejection
from tests.exchange.market import Market

ALL = "4611686018427387904"
"""2^62 lots, at one tick exactly as much as an account can hold."""


@attrs.frozen
class Fault:
    """One thing that is wrong: orders that must be there `before`, what is done `then`, and the words that the command says for it."""

    code: str
    words: dict[str, str] = attrs.field(factory=dict)
    before: str = ""
    then: str = ""
    clashes: tuple[str, ...] = ()
    """Codes that cannot be due at the same time."""

    def goes_with(self, other: Fault) -> bool:
        said_otherwise = any(other.words.get(key, word) != word for key, word in self.words.items())
        return not said_otherwise and other.code not in self.clashes and self.code not in other.clashes


NEEDS_A_LIMIT = (
    *("value_too_large", "expires_in_the_past", "no_session_end", "price_outside_band", "too_many_open_orders"),
    *("stop_would_trigger", "post_only_would_take", "insufficient_funds"),
)
PLACING = [
    Fault("user_suspended", then="suspend ann -> ..."),
    Fault("instrument_halted", then="halt"),
    Fault("instrument_closed", then="close"),
    Fault("duplicate_client_order_id", {"name": "named x id k"}, before="place x ann buy 1 @ 1.00 named x"),
    Fault("expires_in_the_past", {"force": "until +0s"}),
    Fault("no_session_end", {"force": "DAY"}),
    Fault("quantity_too_small", then="rules min-quantity 10", clashes=("quantity_too_large", "value_too_large")),
    Fault("quantity_too_large", then="rules max-quantity 4"),
    Fault(
        "display_too_small",
        {"quantity": "1001", "show": "show 1"},
        clashes=("quantity_too_small", "value_too_small"),
    ),
    Fault("no_opposite_price", {"price": "market"}, clashes=NEEDS_A_LIMIT),
    Fault("value_too_small", then="rules min-value 1000.00", clashes=("value_too_large",)),
    Fault("value_too_large", {"quantity": ALL}),
    Fault("price_outside_band", then="rules band 0.01 reference 9.00"),
    Fault("too_many_open_orders", before="place o ann buy 1 @ 1.00", then="rules max-open 1"),
    Fault(
        "stop_would_trigger",
        {"stop": "stop 5.50"},
        before="place t1 bob sell 1 @ 6.00 \n place t2 cat buy 1 @ 6.00 -> trade t1 1 @ 6.00",
        clashes=("post_only_would_take",),
    ),
    Fault("post_only_would_take", {"post": "post-only"}, before="place p bob sell 1 @ 4.90"),
    Fault("insufficient_funds", then="withdraw ann 99990.00 USD"),
]
"""`place y ann buy 5 @ 5.00` and what can be wrong with it."""

AMENDING = [
    Fault("user_suspended", then="suspend ann -> ..."),
    Fault("order_not_open", then="cancel a1 -> ..."),
    Fault("version_changed", {"version": "99"}),
    Fault("instrument_halted", then="halt"),
    Fault("instrument_closed", then="close"),
    Fault("quantity_below_filled", {"quantity": "3"}, clashes=("quantity_too_small", "quantity_too_large")),
    Fault("expires_in_the_past", {"until": "+0s"}),
    Fault(
        "quantity_too_small",
        {"quantity": "12"},
        then="rules min-quantity 20",
        clashes=("quantity_too_large", "value_too_large"),
    ),
    Fault("quantity_too_large", {}, then="rules max-quantity 6"),
    Fault("display_too_small", {"quantity": "1005", "show": "1"}, clashes=("value_too_small",)),
    Fault("value_too_small", {}, then="rules min-value 1000.00", clashes=("value_too_large", "quantity_below_filled")),
    Fault("value_too_large", {"quantity": ALL}),
    Fault("price_outside_band", {"price": "5.50"}, then="rules band 0.01 reference 9.00"),
    Fault("post_only_would_take", {"price": "5.50"}, before="place p bob sell 1 @ 5.40"),
    Fault("insufficient_funds", {}, then="withdraw ann 99950.00 USD", clashes=("quantity_below_filled",)),
]
"""`amend a1 quantity 12 price 5.05` and what can be wrong with it, a1 being a post-only buy of 10 @ 5.00, 4 of them filled."""


def _pairs(faults: list[Fault]) -> list[tuple[Fault, Fault]]:
    return [(first, second) for first, second in combinations(faults, 2) if first.goes_with(second)]


def _wrong(market: Market, *faults: Fault) -> dict[str, str]:
    """All of it goes wrong; what the command says for it."""
    for fault in faults:
        market.play(fault.before)
    for fault in faults:
        market.play(fault.then)
    return {key: word for fault in faults for key, word in fault.words.items()}


def _place(market: Market, *faults: Fault) -> None:
    words = {"quantity": "5", "price": "@ 5.00"} | _wrong(market, *faults)
    order = " ".join(("place y ann buy", words.pop("quantity"), words.pop("price"), *words.values()))
    market.play(f"{order} -> {f'reject {faults[0].code}' if faults else ''}")


def _amend(market: Market, *faults: Fault) -> None:
    market.play("""
        place a1 ann buy 10 @ 5.00 post-only
        place a2 bob sell 4 @ 5.00      -> trade a1 4 @ 5.00
    """)
    words = {"quantity": "12", "price": "5.05"} | _wrong(market, *faults)
    order = " ".join(f"{key} {word}" for key, word in words.items())
    market.play(f"amend a1 {order} -> {f'reject {faults[0].code}' if faults else ''}")


def test_the_codes_stand_in_the_order_of_the_checks() -> None:
    """The list that clients are shown, and the tables above."""
    assert list(Rejection) == [
        "user_suspended",
        "order_not_open",
        "order_not_external",
        "order_is_external",
        "transaction_not_pending",
        "transaction_guarded",
        "transaction_not_guarded",
        "version_changed",
        "instrument_halted",
        "instrument_closed",
        "duplicate_client_order_id",
        "quantity_below_filled",
        "quantity_above_remaining",
        "expires_in_the_past",
        "no_session_end",
        "quantity_too_small",
        "quantity_too_large",
        "display_too_small",
        "no_opposite_price",
        "value_too_small",
        "value_too_large",
        "price_worse_than_limit",
        "price_outside_band",
        "too_many_open_orders",
        "stop_would_trigger",
        "post_only_would_take",
        "issue_cap_exceeded",
        "insufficient_funds",
        "cannot_give_back",
    ]
    for faults in (PLACING, AMENDING):
        places = [list(Rejection).index(Rejection(fault.code)) for fault in faults]
        assert places == sorted(places)
    told = {fault.code for fault in (*PLACING, *AMENDING)}
    of_accounts = {"issue_cap_exceeded", "cannot_give_back"}
    of_transactions = {"transaction_not_pending", "transaction_guarded", "transaction_not_guarded"}
    of_orders_outside = {
        *("order_not_external", "order_is_external"),
        *("quantity_above_remaining", "price_worse_than_limit"),
    }
    assert set(Rejection) - told == of_accounts | of_transactions | of_orders_outside, "not of orders in the book"


def test_every_code_has_a_sentence_and_a_hint_of_its_own() -> None:
    """For people; the sentence without a full stop, as errors end it."""
    sentences = [code.sentence for code in Rejection]
    assert len(set(sentences)) == len(sentences)
    assert all(sentence and not sentence.endswith(".") for sentence in sentences)
    assert all(code.hint.endswith(".") for code in Rejection)


@pytest.mark.parametrize("fault", PLACING, ids=lambda fault: fault.code)
def test_each_thing_that_is_wrong_with_a_new_order_is_told(market: Market, fault: Fault) -> None:
    """And with nothing wrong it is accepted."""
    _place(Market())
    _place(market, fault)


@pytest.mark.parametrize(("first", "second"), _pairs(PLACING), ids=lambda fault: fault.code)
def test_of_two_things_that_are_wrong_with_a_new_order_the_first_is_told(
    market: Market, first: Fault, second: Fault
) -> None:
    """Whichever two can be at once."""
    _place(market, first, second)


@pytest.mark.parametrize("fault", AMENDING, ids=lambda fault: fault.code)
def test_each_thing_that_is_wrong_with_an_amend_is_told(market: Market, fault: Fault) -> None:
    """And with nothing wrong it is done."""
    _amend(Market())
    _amend(market, fault)


@pytest.mark.parametrize(("first", "second"), _pairs(AMENDING), ids=lambda fault: fault.code)
def test_of_two_things_that_are_wrong_with_an_amend_the_first_is_told(
    market: Market, first: Fault, second: Fault
) -> None:
    """A suspended user's orders are gone: that they are not open is true too, and comes second."""
    _amend(market, first, second)


def test_an_order_at_market_has_a_value_only_once_there_is_an_opposite_price() -> None:
    """Checked at the best of them; what is held is checked within the collar."""
    market = Market(cash="0.00")
    market.play(f"""
        deposit cat 100.00 USD
        place c1 cat buy 2 @ 2.00
        rules min-value 4.01
        place a1 ann sell 2 market                        -> reject value_too_small
        rules min-value 4.00
        place a2 ann sell {ALL} market                    -> reject value_too_large
        place a3 ann sell 1001 market                     -> reject insufficient_funds
        place d1 dan sell 2 @ 3.00
        place a4 ann buy {ALL} market                     -> reject value_too_large
        place a5 ann buy 2 market                         -> reject insufficient_funds
        place a6 ann sell 2 market                        -> trade c1 2 @ 2.00
    """)


def test_values_are_checked_to_the_last_unit(market: Market) -> None:
    """2^62 lots at one tick fit an account, at two they do not; so for what an amend leaves."""
    market.play(f"""
        place a1 ann buy {ALL} @ 0.02                     -> reject value_too_large
        place a2 ann buy {ALL} @ 0.01                     -> reject insufficient_funds
        place a3 ann sell {ALL} @ 0.02                    -> reject value_too_large
        place a4 ann sell {ALL} @ 0.01                    -> reject insufficient_funds
        place s1 ann buy {ALL} market stop 0.02           -> reject value_too_large
        place s2 ann buy {ALL} market stop 0.01
        cancel s2
        place a5 ann buy 5 @ 5.00
        amend a5 quantity {ALL}                           -> reject value_too_large
        amend a5 price 0.01 quantity {ALL}                -> reject insufficient_funds
        order a5                                          -> new 0 of 5 @ 5.00 hold 25.00
    """)


def test_the_fee_counts_towards_what_fits_an_account() -> None:
    """The value alone would fit exactly; value and fee do not."""
    market = Market(taker="0.0025")
    market.play(f"place a1 ann buy {ALL} @ 0.01 -> reject value_too_large")


def test_completing_an_order_asks_for_little(market: Market) -> None:
    """Reduced to what is filled: no filter on quantity or value, no funds; a price that is given must still be one that could rest."""
    market.play("""
        place a1 ann buy 10 @ 5.00 post-only
        place b1 bob sell 4 @ 5.00                        -> trade a1 4 @ 5.00
        place b2 bob sell 1 @ 6.00
        withdraw ann 99950.00 USD
        rules min-quantity 8 min-value 1000.00 band 0.10
        amend a1 quantity 4 price 5.51                    -> reject price_outside_band
        rules band none
        amend a1 quantity 4 price 6.00                    -> reject post_only_would_take
        amend a1 quantity 4 price 5.50
        answer                                            -> filled 4 of 4 for 20.00 fees 0.00
    """)


def test_of_a_deal_the_buyers_side_is_looked_at_first() -> None:
    """Suspension of either before the funds of either."""
    market = Market(cash="10.00", credits=5)
    market.play("""
        suspend bob
        deal ann buys 6 from bob for 11.04                -> reject user_suspended
        unsuspend bob
        suspend ann
        deal ann buys 6 from bob for 11.04                -> reject user_suspended
        unsuspend ann
        deal ann buys 6 from bob for 11.04                -> reject insufficient_funds
        deal ann buys 6 from bob for  9.96                -> reject insufficient_funds
        deal ann buys 5 from bob for 10.00
    """)


def test_a_rejection_changes_nothing_but_the_record(market: Market) -> None:
    """No balance, book or hold; it stands in the history of the user and takes an order number."""
    before = [list(market.live.accounts), market.depth(buys=True), market.depth(buys=False)]
    events = market.live.users[1].event_count
    market.play("""
        place a1 ann buy 5 market                         -> reject no_opposite_price
        place a2 ann buy 999999 @ 5.00                    -> reject insufficient_funds
        place a3 ann buy 5 @ 5.00 DAY                     -> reject no_session_end
        withdraw ann 100000.01 USD                        -> reject insufficient_funds
        deal ann buys 5 from bob for 100000.01            -> reject insufficient_funds
    """)
    assert [list(market.live.accounts), market.depth(buys=True), market.depth(buys=False)] == before
    assert market.live.users[1].event_count == events + 5
    assert market.live.users[2].event_count == 1 + 2 + 1
    assert market.live.last_order == 3
