"""Good till date: an order is gone at its instant, before anything of that instant or later (FIX ExpireTime 126)."""

from __future__ import annotations

from credit_trading.exchange import commands as cmd
from credit_trading.exchange import engine
from credit_trading.exchange.state import dump, restore
from tests.exchange.market import Market
from tests.exchange.replicas import START_US, SYMBOL


def test_an_order_expires_before_anything_later_can_match_it(market: Market) -> None:
    """A microsecond before it still trades; at the very instant it is gone."""
    market.play("""
        place a1 ann sell 5 @ 5.00 until +5s
        at +4.999999s
        place b1 bob buy 1 @ 5.00     -> trade a1 1 @ 5.00
        at +5s
        place b2 bob buy 1 @ 5.00     -> expire a1
        queue bids                    -> b2
        balance ann TREE              -> 999
    """)


def test_what_is_due_expires_by_expiry_and_then_by_order_number(market: Market) -> None:
    """Whatever the order in which they came, and before the command that finds them."""
    market.play("""
        place a1 ann sell 5 @ 5.00 until +9s
        place a2 ann sell 5 @ 5.00 until +7s
        place b1 bob buy 5 @ 4.00 until +7s
        place b2 bob buy 5 @ 4.00 until +6s
        place b3 bob buy 5 @ 4.00 until +9.000001s
        at +9s
        cancel b3                     -> expire b2, expire a2, expire b1, expire a1
    """)


def test_what_is_due_expires_without_any_command(market: Market) -> None:
    """Once; a second look finds nothing."""
    market.play("""
        place a1 ann buy 5 @ 5.00 until +5s
        place a2 ann buy 5 @ 5.00
        due
        at +5s
        due                           -> expire a1
        due
        balance ann USD               -> 100000.00 held 25.00
        cancel a1                     -> reject order_not_open
    """)


def test_an_order_that_is_gone_before_its_instant_does_not_expire(market: Market) -> None:
    """Canceled or filled orders leave nothing that could expire."""
    market.play("""
        place a1 ann buy 5 @ 5.00 until +5s
        place a2 ann buy 5 @ 5.00 until +5s
        place a3 ann buy 5 @ 5.00 until +5s
        cancel a1
        place b1 bob sell 5 @ 5.00    -> trade a2 5 @ 5.00
        amend a3 price 4.00
        at +6s
        due                           -> expire a3
    """)


def test_an_expiry_must_lie_in_the_future(market: Market) -> None:
    """An order for this very instant would be gone before it came."""
    market.play("""
        at +3s
        place a1 ann buy 5 @ 5.00 until +3s         -> reject expires_in_the_past
        place a2 ann buy 5 @ 5.00 until +2s         -> reject expires_in_the_past
        place a3 ann buy 5 @ 5.00 until +3.000001s
        queue bids                                  -> a3
    """)


def test_what_is_due_expires_even_if_the_command_is_refused_or_repeated(market: Market) -> None:
    """Time passes for everybody, whatever becomes of the command that brought it."""
    market.play("""
        place a1 ann buy 5 @ 5.00 until +1s id k1
        place a2 ann buy 5 @ 5.00 until +2s
        place a3 ann buy 5 @ 5.00 until +3s
        at +1s
        cancel #99 by ann             -> expire a1, error not_found
        at +2s
        place a1 ann buy 5 @ 5.00 until +1s id k1   -> expire a2, repeated new
        at +3s
        cancel a3                     -> expire a3, reject order_not_open
    """)


def test_expiry_goes_on_after_a_checkpoint(market: Market) -> None:
    """What is due is part of the state, though derived."""
    market.play("""
        place a1 ann buy 5 @ 5.00 until +9s
        place a2 ann buy 5 @ 5.00 until +7s
    """)
    loaded = restore(dump(market.live))
    request = cmd.Request.of(cmd.PlaceOrder(2, SYMBOL, False, 5, 500, "GTC"), command_id="k", prepared_us=0)
    engine.handle(loaded, request, time_us=START_US + 9_000_000)
    kinds = [(entry.event.kind, getattr(entry.event, "order", 0)) for entry in loaded.take_pending()]
    assert kinds == [("order_expired", 2), ("order_expired", 1), ("order_accepted", 3)]
