"""Client order ids (FIX ClOrdID 11): one order each, while it is open and for a founded time and number after."""

from __future__ import annotations

from tests.exchange.market import Market


def test_an_id_is_taken_while_its_order_is_open_and_after(market: Market) -> None:
    """By another order of the same user only; each user has their own."""
    market.play("""
        place a1 ann sell 5 @ 5.00 named x
        place a2 ann sell 5 @ 5.01 named x id k2     -> reject duplicate_client_order_id
        place b1 bob sell 5 @ 5.00 named x
        cancel a1
        place a3 ann sell 5 @ 5.01 named x id k3     -> reject duplicate_client_order_id
        place c1 cat buy 5 @ 5.00 named x            -> trade b1 5 @ 5.00
        place b2 bob sell 5 @ 5.01 named x id k4     -> reject duplicate_client_order_id
        place c2 cat sell 5 @ 5.01 named x id k5     -> reject duplicate_client_order_id
    """)


def test_an_order_said_again_gets_its_first_answer(market: Market) -> None:
    """Under its own command id, under another or without one, and whatever has become of it since."""
    market.play("""
        place a1 ann sell 5 @ 5.00 named x
        place a1 ann sell 5 @ 5.00 named x           -> repeated new
        place a1 ann sell 5 @ 5.00 named x id k1     -> repeated new
        place b1 bob buy 2 @ 5.00                    -> trade a1 2 @ 5.00
        place a1 ann sell 5 @ 5.00 named x           -> repeated new
        answer                                       -> new 0 of 5 for 0.00 fees 0.00
        cancel a1
        place a1 ann sell 5 @ 5.00 named x id k2     -> repeated new
        place b2 bob buy 2 @ 5.00 named y id k3
        place b2 bob buy 2 @ 5.00 named y            -> repeated new
        place b2 bob buy 2 @ 5.00 named y id k4      -> repeated new
        book asks                                    -> empty
        book bids                                    -> 5.00 x 2
    """)


def test_the_first_answer_may_be_a_rejection(market: Market) -> None:
    """The id is taken by what was refused as well."""
    market.play("""
        place a1 ann sell 1001 @ 5.00 named x        -> reject insufficient_funds
        deposit ann 9 TREE
        place a1 ann sell 1001 @ 5.00 named x        -> repeated insufficient_funds
        place a1 ann sell 1001 @ 5.00 named x id k1  -> repeated insufficient_funds
        place a2 ann sell 1002 @ 5.00 named x id k2  -> reject duplicate_client_order_id
    """)


def test_other_content_under_the_same_command_id_is_a_conflict(market: Market) -> None:
    """Without a command id the client order id stands for both; with one of its own the market says no."""
    market.play("""
        place a1 ann sell 5 @ 5.00 named x
        place a2 ann sell 6 @ 5.00 named x           -> error command_conflict
        place a3 ann sell 5 @ 5.00 named x stp decrement  -> error command_conflict
        place a4 ann sell 6 @ 5.00 named x id k1     -> reject duplicate_client_order_id
        place a5 ann sell 5 @ 5.00 named y id k1     -> error command_conflict
        place a6 ann sell 5 @ 5.00 named y id k2
        place a7 ann sell 6 @ 5.00 named y id k2     -> error command_conflict
        place a8 ann sell 6 @ 5.00 named y           -> reject duplicate_client_order_id
        queue asks                                   -> a1, a6
    """)


def test_orders_are_named_by_their_client_order_id(market: Market) -> None:
    """To cancel or amend; what is done is open no longer, what never was is not found."""
    market.play("""
        place a1 ann sell 5 @ 5.00 named x
        amend named:x by ann price 5.01
        amend named:x by bob price 5.02              -> error not_found
        book asks                                    -> 5.01 x 5
        cancel named:x by ann
        cancel named:x by ann                        -> reject order_not_open
        amend named:x by ann price 5.01              -> reject order_not_open
        cancel named:y by ann                        -> error not_found
    """)


def test_so_many_ids_of_done_orders_are_remembered_of_each_user() -> None:
    """The latest to be done; open orders do not count, nor do other users' orders."""
    market = Market(remember_orders=2)
    market.play("""
        place a1 ann sell 1 @ 5.00 named x1
        place a2 ann sell 1 @ 5.00 named x2
        place a3 ann sell 1 @ 5.00 named x3
        place a4 ann sell 1 @ 5.00 named x4
        place b1 bob sell 1 @ 5.01 named x1
        cancel a2
        cancel a1
        cancel b1
        place a5 ann sell 1 @ 5.02 named x2 id k1    -> reject duplicate_client_order_id
        cancel a3
        place a6 ann sell 1 @ 5.02 named x2 id k2
        place a7 ann sell 1 @ 5.02 named x1 id k3    -> reject duplicate_client_order_id
        place a8 ann sell 1 @ 5.02 named x3 id k4    -> reject duplicate_client_order_id
        place a9 ann sell 1 @ 5.02 named x4 id k5    -> reject duplicate_client_order_id
        place b2 bob sell 1 @ 5.02 named x1 id k6    -> reject duplicate_client_order_id
        queue asks                                   -> a4, a6
    """)


def test_ids_of_done_orders_are_forgotten_with_age() -> None:
    """From the time when the order was done; an open order keeps its id for as long as it is open."""
    market = Market(remember_orders_us=10_000_000)
    market.play("""
        place a1 ann sell 1 @ 5.00 named x1
        place a2 ann sell 1 @ 5.00 named x2
        at +20s
        cancel a1
        at +30s
        place a3 ann sell 2 @ 5.00 named x1 id k1    -> reject duplicate_client_order_id
        at +30.000001s
        place a4 ann sell 2 @ 5.00 named x1 id k2
        place a5 ann sell 2 @ 5.00 named x2 id k3    -> reject duplicate_client_order_id
        at +99s
        place a2 ann sell 1 @ 5.00 named x2          -> repeated new
    """)


def test_an_id_is_taken_by_whichever_way_its_order_ended(market: Market) -> None:
    """Filled, expired, canceled by its own rule or by a mass cancel."""
    market.play("""
        place a1 ann buy 1 @ 5.00 named x1 until +1s
        place a2 ann buy 1 @ 5.00 named x2 IOC       -> cancel a2 immediate_or_cancel
        place a3 ann buy 1 @ 4.00 named x3
        cancel-all ann                               -> mass cancel of 2, cancel a1 mass_cancel, cancel a3 mass_cancel
        place a4 ann buy 1 @ 5.00 named x4 until +1s
        at +1s
        due                                          -> expire a4
        place s1 ann buy 1 market stop 6.00 named x5
        cancel s1
        place a5 ann buy 2 @ 5.00 named x1 id k1     -> reject duplicate_client_order_id
        place a6 ann buy 2 @ 5.00 named x2 id k2     -> reject duplicate_client_order_id
        place a7 ann buy 2 @ 5.00 named x3 id k3     -> reject duplicate_client_order_id
        place a8 ann buy 2 @ 5.00 named x4 id k4     -> reject duplicate_client_order_id
        place a9 ann buy 2 @ 5.00 named x5 id k5     -> reject duplicate_client_order_id
    """)


def test_a_refused_duplicate_leaves_the_name_to_its_order(market: Market) -> None:
    """Whoever repeats the order that took the name gets its answer, whatever was refused under it meanwhile."""
    market.play("""
        place a1 ann sell 5 @ 5.00 named x id k1
        place a2 ann sell 6 @ 5.00 named x           -> reject duplicate_client_order_id
        place a1 ann sell 5 @ 5.00 named x           -> repeated new
        place a3 ann sell 6 @ 5.00 named x           -> reject duplicate_client_order_id
    """)


def test_the_id_of_an_order_is_no_id_for_anything_else(market: Market) -> None:
    """A cancel under it would make it stand for two things."""
    market.play("""
        place a1 ann sell 5 @ 5.00 named x
        cancel a1 id user1/order/x                   -> error command_conflict
        deposit ann 1.00 USD id user1/order/y        -> error command_conflict
        place a1 ann sell 5 @ 5.00 named x           -> repeated new
        queue asks                                   -> a1
    """)
