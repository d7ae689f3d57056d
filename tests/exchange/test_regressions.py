"""What the random flows found once, shrunk and kept: each was a difference between the two books.

Here: flows as the shrinker left them, with a table where a table says it better. Never here: cases that nothing found.
"""

from __future__ import annotations

import pytest

from tests.exchange.market import Market
from tests.exchange.naive_checks import Filters
from tests.exchange.steps import Place, Step
from tests.exchange.two_books import TwoBooks

FOUND: dict[str, tuple[Filters, list[Step]]] = {
    "a fill-or-kill counted hidden lots behind an own order, and was filled in part": (
        Filters(),
        [
            Place(1, True, 99, 10, "GTC", display_lots=1),
            Place(4, True, 99, 1, "GTD", seconds=8, self_trade="cancel_newest"),
            Place(4, False, 99, 10, "FOK", self_trade="cancel_newest"),
        ],
    ),
}


@pytest.mark.parametrize("case", FOUND, ids=str)
def test_both_books_tell_the_same_by_now(case: str) -> None:
    """Played as it was found."""
    filters, steps = FOUND[case]
    TwoBooks(filters).play(steps)


def test_a_fill_or_kill_is_filled_or_killed(told_market: Market) -> None:
    """An own order stands before the next slice of another's iceberg: nothing behind it can be reached."""
    told_market.play("""
        place a1 ann buy 10 @ 0.99 show 1                                                   | 0.99 x 1 / -
        place d1 dan buy 1 @ 0.99                                                           | 0.99 x 2 / -
        place d2 dan sell 10 @ 0.99 FOK -> cancel d2 fill_or_kill                           | 0.99 x 2 / -
    """)
