"""Saying something twice: command ids, and how long they are remembered."""

from __future__ import annotations

from tests.exchange.market import Market


def test_a_repeated_command_gets_its_first_answer_and_changes_nothing(market: Market) -> None:
    """Also when the book, the order or the clock have moved on meanwhile."""
    market.play("""
        place a1 ann sell 5 @ 5.00 id k1
        place b1 bob buy 5 @ 5.00 id k2   -> trade a1 5 @ 5.00
        answer                            -> filled 5 of 5 for 25.00 fees 0.00
        place a1 ann sell 5 @ 5.00 id k1  -> repeated new
        at +60s
        place b1 bob buy 5 @ 5.00 id k2   -> repeated filled
        answer                            -> filled 5 of 5 for 25.00 fees 0.00
        book asks                         -> empty
        balance bob TREE                  -> 1005
        deposit ann 1.00 USD id k3
        deposit ann 1.00 USD id k3        -> repeated done
        balance ann USD                   -> 100026.00
    """)


def test_a_rejection_is_remembered_too() -> None:
    """The first answer stands even if the market would say yes by now."""
    market = Market(cash="10.00")
    market.play("""
        place a1 ann buy 3 @ 5.00 id k1   -> reject insufficient_funds
        withdraw ann 11.00 USD id k2      -> reject insufficient_funds
        place a0 ann sell 1 @ 9.00 named x1
        cancel a0
        cancel named:x1 by ann id k3      -> reject order_not_open
        deposit ann 90.00 USD
        place a2 ann buy 1 @ 5.00 named x2
        place a1 ann buy 3 @ 5.00 id k1   -> repeated insufficient_funds
        withdraw ann 11.00 USD id k2      -> repeated insufficient_funds
        cancel named:x1 by ann id k3      -> repeated order_not_open
        balance ann USD                   -> 100.00 held 5.00
    """)


def test_an_id_that_stood_for_something_else_is_refused(market: Market) -> None:
    """Price, quantity, user, kind: any other content is another command."""
    market.play("""
        place a1 ann sell 5 @ 5.00 id k1
        place a2 ann sell 5 @ 5.01 id k1  -> error command_conflict
        place a3 ann sell 4 @ 5.00 id k1  -> error command_conflict
        place b1 bob sell 5 @ 5.00 id k1  -> error command_conflict
        place a4 ann buy 5 @ 5.00 id k1   -> error command_conflict
        place a5 ann sell 5 @ 5.00 IOC id k1      -> error command_conflict
        place a6 ann sell 5 @ 5.00 named x id k1  -> error command_conflict
        cancel a1 by ann id k1            -> error command_conflict
        deposit ann 5.00 USD id k1        -> error command_conflict
        book asks                         -> 5.00 x 5
    """)


def test_a_malformed_command_leaves_its_id_free(market: Market) -> None:
    """It was never decided, so it may be put right and sent again."""
    market.play("""
        cancel #1 by ann id k1            -> error not_found
        place a1 ann sell 5 @ 5.00
        cancel #1 by ann id k1
    """)


def test_ids_are_forgotten_by_number_and_by_age() -> None:
    """Both are founded with the exchange: memory is bounded, and the same in every process."""
    market = Market("ann", remember=3)
    market.play("""
        deposit ann 1.00 USD id k1
        deposit ann 2.00 USD id k2
        deposit ann 3.00 USD id k3
        deposit ann 1.00 USD id k1    -> repeated done
        deposit ann 4.00 USD id k4
        deposit ann 2.00 USD id k2    -> repeated done
        deposit ann 1.00 USD id k1
        balance ann USD               -> 100011.00
        at +86401s
        deposit ann 5.00 USD id k5
        deposit ann 4.00 USD id k4
    """)
    assert len(market.live.answers) == 2
    market.check_history()


def test_an_answer_speaks_of_its_own_command_for_ever(market: Market) -> None:
    """Fills that come later are events of others; they do not rewrite what was answered."""
    market.play("""
        place a1 ann sell 5 @ 5.00 id k1
        place b1 bob buy 2 @ 5.00         -> trade a1 2 @ 5.00
        place a1 ann sell 5 @ 5.00 id k1  -> repeated new
        answer                            -> new 0 of 5 for 0.00 fees 0.00
    """)


def test_each_id_is_forgotten_at_its_own_age(market: Market) -> None:
    """One that outlives an older one does not live for longer than that."""
    market.play("""
        deposit ann 1.00 USD id k1
        at +43200s
        deposit ann 2.00 USD id k2
        at +86401s
        deposit ann 2.00 USD id k2    -> repeated done
        deposit ann 3.00 USD id k3
        at +129601s
        deposit ann 4.00 USD id k4
        deposit ann 2.00 USD id k2
        deposit ann 3.00 USD id k3    -> repeated done
    """)
    market.check_history()
