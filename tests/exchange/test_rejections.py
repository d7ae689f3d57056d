"""The documented order of the checks: of several things that are wrong, the first in `Rejection` is the answer."""

from __future__ import annotations

from credit_trading.exchange.rejections import Rejection
from tests.exchange.market import Market

ALL = "4611686018427387904"
"""2^62 lots, at one tick exactly as much as an account can hold."""


def test_the_codes_stand_in_the_order_of_the_checks() -> None:
    """The list that clients are shown."""
    assert list(Rejection) == [
        "order_not_open",
        "instrument_halted",
        "duplicate_client_order_id",
        "quantity_below_filled",
        "expires_in_the_past",
        "no_opposite_price",
        "value_too_large",
        "issue_cap_exceeded",
        "insufficient_funds",
    ]


def test_every_code_has_a_sentence_of_its_own() -> None:
    """For people; without a full stop, as errors end it."""
    sentences = [code.sentence for code in Rejection]
    assert len(set(sentences)) == len(sentences)
    assert all(sentence and not sentence.endswith(".") for sentence in sentences)


def test_a_new_limit_order_is_told_the_first_thing_that_is_wrong(market: Market) -> None:
    """Everything is wrong at first; then one thing after the other is put right."""
    market.play(f"""
        at +1s
        place x1 ann buy 1 @ 1.00 named x
        halt
        place a1 ann buy {ALL} @ 0.02 until +1s named x   -> reject instrument_halted
        resume
        place a2 ann buy {ALL} @ 0.02 until +1s named x   -> reject duplicate_client_order_id
        place a3 ann buy {ALL} @ 0.02 until +1s named y   -> reject expires_in_the_past
        place a4 ann buy {ALL} @ 0.02 until +2s named y   -> reject value_too_large
        place a5 ann buy {ALL} @ 0.01 until +2s named y   -> reject insufficient_funds
        place a6 ann sell {ALL} @ 0.02                    -> reject value_too_large
        place a7 ann sell {ALL} @ 0.01                    -> reject insufficient_funds
    """)


def test_a_new_market_order_is_told_the_first_thing_that_is_wrong() -> None:
    """An order without a price has a value only once there is an opposite one."""
    market = Market(cash="0.00")
    market.play(f"""
        deposit cat 100.00 USD
        place c1 cat buy 1 @ 1.00 named x
        place c2 cat buy 1 @ 2.00
        place x1 ann sell 1 @ 3.00 named x
        halt
        place a1 ann buy {ALL} market named x             -> reject instrument_halted
        resume
        place a2 ann buy {ALL} market named x             -> reject duplicate_client_order_id
        cancel x1
        place a3 ann buy {ALL} market named x             -> reject no_opposite_price
        place d1 dan sell 1 @ 3.00
        place a4 ann buy {ALL} market named x             -> reject value_too_large
        place a5 ann buy 1 market named x                 -> reject insufficient_funds
        place a6 ann sell {ALL} market named x            -> reject value_too_large
        place a7 ann sell 1001 market named x             -> reject insufficient_funds
    """)


def test_the_fee_counts_towards_what_fits_an_account() -> None:
    """The value alone would fit exactly; value and fee do not."""
    market = Market(taker="0.0025")
    market.play(f"place a1 ann buy {ALL} @ 0.01 -> reject value_too_large")


def test_an_amend_is_told_the_first_thing_that_is_wrong(market: Market) -> None:
    """Everything is wrong at first; then one thing after the other is put right."""
    market.play(f"""
        place a1 ann buy 5 @ 5.00
        place b1 bob sell 2 @ 5.00                        -> trade a1 2 @ 5.00
        place a2 ann buy 1 @ 4.00
        cancel a2
        halt
        amend a2 price 46116860184273879.04 quantity 1    -> reject order_not_open
        cancel a2                                         -> reject order_not_open
        amend a1 price 46116860184273879.04 quantity 1    -> reject instrument_halted
        resume
        amend a1 price 46116860184273879.04 quantity 1    -> reject quantity_below_filled
        amend a1 price 46116860184273879.04 quantity 3    -> reject value_too_large
        place a3 ann buy 5 @ 5.00
        amend a3 quantity {ALL}                           -> reject value_too_large
        amend a3 price 0.01 quantity {ALL}                -> reject insufficient_funds
        order a3                                          -> new 0 of 5 @ 5.00 hold 25.00
    """)


def test_a_rejection_changes_nothing_but_the_record(market: Market) -> None:
    """No balance, book or hold; it stands in the history of the user and takes an order number."""
    before = [list(market.live.accounts), market.depth(buys=True), market.depth(buys=False)]
    events = market.live.users[1].event_count
    market.play("""
        place a1 ann buy 5 market                         -> reject no_opposite_price
        place a2 ann buy 999999 @ 5.00                    -> reject insufficient_funds
        withdraw ann 100000.01 USD                        -> reject insufficient_funds
        deal ann buys 5 from bob for 100000.01            -> reject insufficient_funds
    """)
    assert [list(market.live.accounts), market.depth(buys=True), market.depth(buys=False)] == before
    assert market.live.users[1].event_count == events + 4
    assert market.live.users[2].event_count == 1 + 2 + 1
    assert market.live.last_order == 2
