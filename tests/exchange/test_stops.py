"""Stop orders: they wait unseen until a trade at or beyond their price, then they come in (FIX OrdType 3 and 4, StopPx 99)."""

from __future__ import annotations

import pytest

from tests.exchange.market import Market


def test_a_buy_stop_comes_in_when_a_trade_reaches_its_price(told_market: Market) -> None:
    """Below it waits, in no book, and holds nothing; at its price it is an order at market."""
    told_market.play("""
        place a1 ann sell 1 @ 5.09                                                          | - / 5.09 x 1
        place a2 ann sell 1 @ 5.10                                                          | - / 5.09 x 1, 5.10 x 1
        place a3 ann sell 9 @ 5.12                                                          | - / 5.09 x 1, 5.10 x 1, 5.12 x 9
        place s1 bob buy 4 market stop 5.10                                                 | - / 5.09 x 1, 5.10 x 1, 5.12 x 9
        order s1                   -> new 0 of 4 market stop 5.10 hold 0.00                 | - / 5.09 x 1, 5.10 x 1, 5.12 x 9
        place c1 cat buy 1 @ 5.09  -> trade a1 1 @ 5.09                                     | - / 5.10 x 1, 5.12 x 9
        place c2 cat buy 1 @ 5.10  -> trade a2 1 @ 5.10, trigger s1 @ 5.37, trade a3 4 @ 5.12  | - / 5.12 x 5
        balance bob USD            -> 99979.52                                              | - / 5.12 x 5
    """)


def test_a_sell_stop_comes_in_when_a_trade_falls_to_its_price(told_market: Market) -> None:
    """Mirrored, and it holds its credits from the start."""
    told_market.play("""
        place a1 ann buy 1 @ 4.91                                                           | 4.91 x 1 / -
        place a2 ann buy 1 @ 4.90                                                           | 4.91 x 1, 4.90 x 1 / -
        place a3 ann buy 9 @ 4.88                                                           | 4.91 x 1, 4.90 x 1, 4.88 x 9 / -
        place s1 bob sell 4 market stop 4.90                                                | 4.91 x 1, 4.90 x 1, 4.88 x 9 / -
        balance bob TREE           -> 1000 held 4                                           | 4.91 x 1, 4.90 x 1, 4.88 x 9 / -
        place c1 cat sell 1 @ 4.91 -> trade a1 1 @ 4.91                                     | 4.90 x 1, 4.88 x 9 / -
        place c2 cat sell 1 @ 4.90 -> trade a2 1 @ 4.90, trigger s1 @ 4.64, trade a3 4 @ 4.88  | 4.88 x 5 / -
        balance bob USD            -> 100019.52                                             | 4.88 x 5 / -
    """)


def test_every_price_of_a_sweep_counts_and_stops_wait_until_it_is_over(told_market: Market) -> None:
    """Elected in the middle of it, they come in after its last trade and after its rest has come to stand."""
    told_market.play("""
        place a1 ann sell 1 @ 5.00                                                          | - / 5.00 x 1
        place a2 ann sell 1 @ 5.10                                                          | - / 5.00 x 1, 5.10 x 1
        place a3 ann sell 1 @ 5.20                                                          | - / 5.00 x 1, 5.10 x 1, 5.20 x 1
        place s1 bob sell 2 market stop 5.00                                                | - / 5.00 x 1, 5.10 x 1, 5.20 x 1
        place s2 bob buy 1 @ 5.15 stop 5.10                                                 | - / 5.00 x 1, 5.10 x 1, 5.20 x 1
        place c1 cat buy 5 @ 5.20  -> trade a1 1 @ 5.00, trade a2 1 @ 5.10, trade a3 1 @ 5.20
                                    + trigger s1 @ 4.94, trade c1 2 @ 5.20, trigger s2 @ 5.15  | 5.15 x 1 / -
    """)


def test_the_first_price_of_a_triggered_order_counts_as_well_as_its_last(told_market: Market) -> None:
    """A sell stop meets the rest of the very buy that caused it, above all trades so far, and then goes down."""
    told_market.play("""
        place d1 dan buy 5 @ 4.90                                                           | 4.90 x 5 / -
        place a1 ann sell 1 @ 5.00                                                          | 4.90 x 5 / 5.00 x 1
        place a2 ann sell 1 @ 5.10                                                          | 4.90 x 5 / 5.00 x 1, 5.10 x 1
        place s1 bob sell 3 @ 4.90 stop 5.00                                                | 4.90 x 5 / 5.00 x 1, 5.10 x 1
        place s2 dan buy 1 @ 5.30 stop 5.25                                                 | 4.90 x 5 / 5.00 x 1, 5.10 x 1
        place s3 dan buy 1 @ 5.30 stop 5.26                                                 | 4.90 x 5 / 5.00 x 1, 5.10 x 1
        place c1 cat buy 4 @ 5.25  -> trade a1 1 @ 5.00, trade a2 1 @ 5.10, trigger s1 @ 4.90, trade c1 2 @ 5.25, trade d1 1 @ 4.90
                                    + trigger s2 @ 5.30                                     | 5.30 x 1, 4.90 x 4 / -
    """)


def test_elected_stops_come_in_in_the_order_of_their_acceptance(told_market: Market) -> None:
    """Not by stop price, nor by side; one that is elected later but was accepted earlier comes before those that still wait."""
    told_market.play("""
        place s1 bob buy 1 @ 5.50 stop 5.30                                                 | - / -
        place s2 cat buy 2 @ 5.30 stop 5.20                                                 | - / -
        place s3 bob buy 3 @ 5.50 stop 5.10                                                 | - / -
        place a1 ann sell 1 @ 5.20                                                          | - / 5.20 x 1
        place a2 ann sell 1 @ 5.30                                                          | - / 5.20 x 1, 5.30 x 1
        place a3 ann sell 9 @ 5.40                                                          | - / 5.20 x 1, 5.30 x 1, 5.40 x 9
        place d1 dan buy 1 @ 5.20  -> trade a1 1 @ 5.20, trigger s2 @ 5.30, trade a2 1 @ 5.30
                                    + trigger s1 @ 5.50, trade a3 1 @ 5.40, trigger s3 @ 5.50, trade a3 3 @ 5.40  | 5.30 x 1 / 5.40 x 5
    """)


def test_a_cascade_goes_down_step_by_step_and_ends(told_market: Market) -> None:
    """Each sells into the next one's stop price; the last finds nobody and is canceled. All of it has one cause."""
    told_market.play("""
        place a1 ann buy 1 @ 5.00                                                           | 5.00 x 1 / -
        place a2 ann buy 2 @ 4.90                                                           | 5.00 x 1, 4.90 x 2 / -
        place a3 ann buy 2 @ 4.80                                                           | 5.00 x 1, 4.90 x 2, 4.80 x 2 / -
        place s1 bob sell 2 market stop 4.80                                                | 5.00 x 1, 4.90 x 2, 4.80 x 2 / -
        place s2 bob sell 2 market stop 4.90                                                | 5.00 x 1, 4.90 x 2, 4.80 x 2 / -
        place s3 bob sell 2 market stop 5.00                                                | 5.00 x 1, 4.90 x 2, 4.80 x 2 / -
        place c1 cat sell 1 @ 5.00 -> trade a1 1 @ 5.00, trigger s3 @ 4.66, trade a2 2 @ 4.90, trigger s2 @ 4.56
                                    + trade a3 2 @ 4.80, cancel s1 no_opposite_price        | - / -
    """)
    causes = {entry.cause for entry in told_market.entries[-7:]}
    assert causes == {told_market.entries[-1].cause}


def test_buy_and_sell_stops_elect_each_other_at_most_once_each(told_market: Market) -> None:
    """Up and down in one command, and then it is quiet."""
    told_market.play("""
        place a1 ann buy 3 @ 4.90                                                           | 4.90 x 3 / -
        place a2 ann sell 3 @ 5.10                                                          | 4.90 x 3 / 5.10 x 3
        place a3 ann sell 1 @ 5.00                                                          | 4.90 x 3 / 5.00 x 1, 5.10 x 3
        place s1 bob buy 1 @ 5.10 stop 5.00                                                 | 4.90 x 3 / 5.00 x 1, 5.10 x 3
        place s2 cat sell 1 @ 4.90 stop 5.00                                                | 4.90 x 3 / 5.00 x 1, 5.10 x 3
        place s3 bob buy 1 @ 5.10 stop 5.10                                                 | 4.90 x 3 / 5.00 x 1, 5.10 x 3
        place s4 cat sell 1 @ 4.90 stop 4.90                                                | 4.90 x 3 / 5.00 x 1, 5.10 x 3
        place d1 dan buy 1 @ 5.00  -> trade a3 1 @ 5.00, trigger s1 @ 5.10, trade a2 1 @ 5.10, trigger s2 @ 4.90, trade a1 1 @ 4.90
                                    + trigger s3 @ 5.10, trade a2 1 @ 5.10, trigger s4 @ 4.90, trade a1 1 @ 4.90  | 4.90 x 1 / 5.10 x 1
    """)


def test_a_triggered_stop_limit_may_rest(told_market: Market) -> None:
    """With its own limit, behind all that stand there already; it trades first what it can."""
    told_market.play("""
        place a1 ann sell 1 @ 5.10                                                          | - / 5.10 x 1
        place a2 ann sell 2 @ 5.12                                                          | - / 5.10 x 1, 5.12 x 2
        place d1 dan buy 3 @ 5.09                                                           | 5.09 x 3 / 5.10 x 1, 5.12 x 2
        place s1 bob buy 5 @ 5.12 stop 5.10                                                 | 5.09 x 3 / 5.10 x 1, 5.12 x 2
        order s1                   -> new 0 of 5 @ 5.12 stop 5.10 hold 25.60                | 5.09 x 3 / 5.10 x 1, 5.12 x 2
        place s2 cat buy 4 @ 5.09 stop 5.10                                                 | 5.09 x 3 / 5.10 x 1, 5.12 x 2
        place c1 cat buy 1 @ 5.10  -> trade a1 1 @ 5.10, trigger s1 @ 5.12, trade a2 2 @ 5.12, trigger s2 @ 5.09  | 5.12 x 3, 5.09 x 7 / -
        order s1                   -> partially_filled 2 of 5 @ 5.12 hold 15.36             | 5.12 x 3, 5.09 x 7 / -
        queue bids                 -> s1, d1, s2                                            | 5.12 x 3, 5.09 x 7 / -
    """)


def test_a_triggered_iceberg_shows_one_slice(told_market: Market) -> None:
    """Stop-limit and iceberg in one: unseen first, and then seen in part."""
    told_market.play("""
        place s1 bob buy 9 @ 5.00 stop 5.10 show 2                                          | - / -
        place a1 ann sell 1 @ 5.10                                                          | - / 5.10 x 1
        place c1 cat buy 1 @ 5.10  -> trade a1 1 @ 5.10, trigger s1 @ 5.00                  | 5.00 x 2 / -
        place d1 dan sell 3 @ 5.00 -> trade s1 2 @ 5.00, refresh s1 2, trade s1 1 @ 5.00    | 5.00 x 1 / -
    """)


@pytest.mark.parametrize(
    ("side", "stop", "answer"),
    [
        ("buy", "5.01", ""),
        ("buy", "5.00", "reject stop_would_trigger"),
        ("buy", "4.99", "reject stop_would_trigger"),
        ("sell", "4.99", ""),
        ("sell", "5.00", "reject stop_would_trigger"),
        ("sell", "5.01", "reject stop_would_trigger"),
    ],
)
@pytest.mark.parametrize("limit", ["market", "@ 5.00"])
def test_a_stop_that_the_last_trade_has_reached_is_refused(side: str, stop: str, answer: str, limit: str) -> None:
    """It would have to come in at once; without any trade so far every stop may wait."""
    market = Market(tells_book=True)
    market.play(f"""
        place s0 dan {side} 1 {limit} stop {stop}                                           | - / -
        cancel s0                                                                           | - / -
        place a1 ann sell 1 @ 5.00                                                          | - / 5.00 x 1
        place b1 bob buy 1 @ 5.00  -> trade a1 1 @ 5.00                                     | - / -
        place s1 cat {side} 1 {limit} stop {stop} -> {answer}                               | - / -
    """)


def test_a_market_stop_that_finds_nobody_is_canceled(told_market: Market) -> None:
    """Instead of being triggered; it is not an answer to whoever caused it."""
    told_market.play("""
        place s1 bob buy 1 market stop 5.00                                                 | - / -
        place a1 ann sell 1 @ 5.00                                                          | - / 5.00 x 1
        place c1 cat buy 1 @ 5.00  -> trade a1 1 @ 5.00, cancel s1 no_opposite_price        | - / -
        answer                     -> filled 1 of 1 for 5.00 fees 0.00                      | - / -
    """)


def test_a_market_stop_trades_within_the_collar_of_its_trigger(told_market: Market) -> None:
    """Around the best opposite price of that moment; what is left is canceled, though it was good till canceled."""
    told_market.play("""
        place s1 bob buy 9 market stop 5.00                                                 | - / -
        place a1 ann sell 1 @ 5.00                                                          | - / 5.00 x 1
        place a2 ann sell 2 @ 6.00                                                          | - / 5.00 x 1, 6.00 x 2
        place a3 ann sell 2 @ 6.30                                                          | - / 5.00 x 1, 6.00 x 2, 6.30 x 2
        place a4 ann sell 2 @ 6.31                                                          | - / 5.00 x 1, 6.00 x 2, 6.30 x 2, 6.31 x 2
        place c1 cat buy 1 @ 5.00  -> trade a1 1 @ 5.00, trigger s1 @ 6.30, trade a2 2 @ 6.00, trade a3 2 @ 6.30
                                    + cancel s1 collar_reached                              | - / 6.31 x 2
        balance bob USD            -> 99975.40                                              | - / 6.31 x 2
    """)


def test_a_market_buy_stop_is_funded_when_it_is_triggered() -> None:
    """Waiting it keeps nothing back; then it has what is available, and is cut off where that ends."""
    market = Market(cash="20.00", taker="0.0025", tells_book=True)
    market.play("""
        place s1 bob buy 9 market stop 5.00                                                 | - / -
        place b1 bob buy 1 @ 4.00                                                           | 4.00 x 1 / -
        balance bob USD            -> 20.00 held 4.01                                       | 4.00 x 1 / -
        place a1 ann sell 9 @ 5.00                                                          | 4.00 x 1 / 5.00 x 9
        place c1 cat buy 1 @ 5.00  -> trade a1 1 @ 5.00 fees 0.02/0.00, trigger s1 @ 5.25, trade a1 3 @ 5.00 fees 0.04/0.00
                                    + cancel s1 funds_exhausted                             | 4.00 x 1 / 5.00 x 5
        balance bob USD            -> 4.96 held 4.01                                        | 4.00 x 1 / 5.00 x 5
    """)


def test_a_market_buy_stop_without_any_funds_is_canceled_instead_of_triggered() -> None:
    """What other orders hold is not available. A stop-limit holds from the start and comes in whatever is left."""
    market = Market(cash="10.00", tells_book=True)
    market.play("""
        place s1 bob buy 1 market stop 5.00                                                 | - / -
        place s2 bob buy 2 @ 5.00 stop 5.00                                                 | - / -
        balance bob USD            -> 10.00 held 10.00                                      | - / -
        place a1 ann sell 9 @ 5.00                                                          | - / 5.00 x 9
        place c1 cat buy 1 @ 5.00  -> trade a1 1 @ 5.00, cancel s1 funds_exhausted, trigger s2 @ 5.00, trade a1 2 @ 5.00  | - / 5.00 x 6
        balance bob USD            -> 0.00                                                  | - / 5.00 x 6
    """)


def test_a_stop_limit_needs_its_funds_at_acceptance() -> None:
    """As a limit order does; so does every stop that sells."""
    market = Market(cash="10.00", credits=5, tells_book=True)
    market.play("""
        place s1 ann buy 2 @ 5.01 stop 5.00     -> reject insufficient_funds                | - / -
        place s2 ann buy 2 @ 5.00 stop 5.00                                                 | - / -
        place s3 ann sell 6 market stop 5.00    -> reject insufficient_funds                | - / -
        place s4 ann sell 6 @ 4.00 stop 5.00    -> reject insufficient_funds                | - / -
        place s5 ann sell 5 @ 4.00 stop 5.00                                                | - / -
        cancel s2                                                                           | - / -
        cancel s5                                                                           | - / -
        balance ann USD            -> 10.00                                                 | - / -
        balance ann TREE           -> 5                                                     | - / -
    """)


def test_an_amend_may_elect_stops_as_an_order_does(told_market: Market) -> None:
    """Whatever brings about a trade."""
    told_market.play("""
        place s1 bob buy 1 @ 5.00 stop 5.00                                                 | - / -
        place a1 ann sell 1 @ 5.00                                                          | - / 5.00 x 1
        place c1 cat buy 1 @ 4.00                                                           | 4.00 x 1 / 5.00 x 1
        amend c1 price 5.00        -> trade a1 1 @ 5.00, trigger s1 @ 5.00                  | 5.00 x 1 / -
    """)


def test_a_deal_off_the_book_elects_nothing(told_market: Market) -> None:
    """Its price is no price of the instrument."""
    told_market.play("""
        place s1 bob buy 1 @ 5.00 stop 5.00                                                 | - / -
        deal cat buys 5 from ann for 99.00                                                  | - / -
        last                       -> none                                                  | - / -
        order s1                   -> new 0 of 1 @ 5.00 stop 5.00 hold 5.00                 | - / -
    """)


def test_a_waiting_stop_is_amended_canceled_and_expires_like_any_order(told_market: Market) -> None:
    """Its limit, quantity, slice and expiry may change, and it waits on; one at market has neither limit nor slice."""
    told_market.play("""
        place s1 bob buy 5 @ 5.00 stop 5.10                                                 | - / -
        place a1 ann sell 5 @ 4.90 show 1                                                   | - / 4.90 x 1
        amend s1 price 5.20 quantity 7 show 2                                               | - / 4.90 x 1
        order s1                   -> new 0 of 7 @ 5.20 stop 5.10 to show 2 hold 36.40      | - / 4.90 x 1
        amend s1 until +5s                                                                  | - / 4.90 x 1
        place s2 bob buy 5 market stop 5.10                                                 | - / 4.90 x 1
        amend s2 quantity 6                                                                 | - / 4.90 x 1
        amend s2 price 5.00        -> error invalid_input                                   | - / 4.90 x 1
        amend s2 show 1            -> error invalid_input                                   | - / 4.90 x 1
        order s2                   -> new 0 of 6 market stop 5.10 hold 0.00                 | - / 4.90 x 1
        place s3 bob sell 5 market stop 4.00 until +4s                                      | - / 4.90 x 1
        at +5s                                                                              | - / 4.90 x 1
        cancel s2                  -> expire s3, expire s1                                  | - / 4.90 x 1
        balance bob USD            -> 100000.00                                             | - / 4.90 x 1
        balance bob TREE           -> 1000                                                  | - / 4.90 x 1
    """)


def test_a_triggered_stop_meets_own_orders_by_its_own_mode(told_market: Market) -> None:
    """It is the taker then, whoever caused it to come in."""
    told_market.play("""
        place b1 bob sell 2 @ 5.05                                                          | - / 5.05 x 2
        place s1 bob buy 3 @ 5.05 stop 5.00 stp cancel_oldest                               | - / 5.05 x 2
        place a1 ann sell 1 @ 5.00                                                          | - / 5.00 x 1, 5.05 x 2
        place c1 cat buy 1 @ 5.00  -> trade a1 1 @ 5.00, trigger s1 @ 5.05, cancel b1 self_trade  | 5.05 x 3 / -
    """)


def test_a_stop_that_was_triggered_is_an_order_like_any_other(told_market: Market) -> None:
    """It waits for no price any more: falling below the stop and coming back changes nothing."""
    told_market.play("""
        place s1 bob buy 2 @ 5.00 stop 5.00                                                 | - / -
        place a1 ann sell 1 @ 5.00                                                          | - / 5.00 x 1
        place c1 cat buy 1 @ 5.00  -> trade a1 1 @ 5.00, trigger s1 @ 5.00                  | 5.00 x 2 / -
        order s1                   -> new 0 of 2 @ 5.00 hold 10.00                          | 5.00 x 2 / -
        amend s1 price 4.90                                                                 | 4.90 x 2 / -
        place a2 ann sell 1 @ 4.90 -> trade s1 1 @ 4.90                                     | 4.90 x 1 / -
        place a3 ann sell 1 @ 5.00                                                          | 4.90 x 1 / 5.00 x 1
        place c2 cat buy 1 @ 5.00  -> trade a3 1 @ 5.00                                     | 4.90 x 1 / -
    """)


@pytest.mark.long
def test_a_user_has_a_thousand_waiting_stops_in_an_instrument_at_most(market: Market) -> None:
    """A stop to buy at market holds nothing while it waits: without a bound anybody could pile up a cascade for all others to wait for."""
    market.play("list ROCK")
    for number in range(1000):
        market.play(f"place s{number} ann buy 1 market stop 6.00")
    market.play("""
        place s1000 ann buy 1 market stop 6.00        -> reject too_many_open_orders
        place s1001 ann sell 1 @ 4.00 stop 4.00       -> reject too_many_open_orders
        place a1 ann sell 1 @ 7.00
        place b1 bob buy 1 market stop 6.00
        place x1 ann buy 1 market stop 6.00 in ROCK/USD
        cancel s7
        place s1002 ann buy 1 market stop 6.00
        place s1003 ann buy 1 market stop 6.00        -> reject too_many_open_orders
    """)


def test_the_answer_tells_of_a_trade_with_a_stop_that_the_order_elected(market: Market) -> None:
    """The order's rest stands in the book when the stop comes in, and trades with it under the same command."""
    market.play("""
        place a1 ann sell 5 @ 10.00
        place s1 bob sell 5 market stop 10.00
        place d1 dan buy 10 @ 10.00   -> trade a1 5 @ 10.00, trigger s1 @ 9.50, trade d1 5 @ 10.00
        answer                        -> filled 10 of 10 for 100.00 fees 0.00
    """)
