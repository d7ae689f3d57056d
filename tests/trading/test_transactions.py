"""Money in and out, deals off the book, and what a user can read of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from credit_trading import Exchange, OrderRejected, Rejection
from credit_trading.errors import CommandConflict, InvalidInput, NotFound
from tests.floor import CASH, CREDIT, SYMBOL, Floor, rows_of

Reopen = Callable[..., Exchange]


def _deal(floor: Floor, **more: Any) -> Any:
    terms: dict[str, Any] = {
        "buyer": "ann",
        "seller": "bob",
        "credit_type": CREDIT,
        "quantity": 100,
        "price_per_credit": "12.3456",
        "currency": CASH,
    }
    return floor.admin.transactions.record_transaction(**(terms | more))


def test_a_deal_off_the_book_may_have_a_price_finer_than_the_tick(floor: Floor) -> None:
    """Settled at once in both files, exactly, without fees."""
    deal = _deal(floor, external_reference="otc-7", note="by phone")
    assert deal.total_value == "1234.56"
    bought = floor.user("ann").transactions.get_transaction_history(limit=1)[0]
    sold = floor.user("bob").transactions.get_transaction_history(limit=1)[0]
    for side, kind, other in ((bought, "buy", "bob"), (sold, "sell", "ann")):
        assert (side.transaction_type, side.counterparty, side.price_per_credit) == (kind, other, "12.3456")
        assert (side.quantity, side.total_value, side.fee, side.currency) == ("100", "1234.56", "0.00", CASH)
        assert (side.external_reference, side.note, side.symbol, side.order_id) == ("otc-7", "by phone", None, None)
    assert bought.trade_id == sold.trade_id
    assert (floor.balance("ann"), floor.balance("bob")) == ("998765.44", "1001234.56")
    assert floor.admin.accounts.get_fees() == []
    assert floor.findings() == []


@pytest.mark.parametrize(
    ("terms", "error"),
    [
        ({"quantity": 1}, InvalidInput),
        ({"price_per_credit": "0"}, InvalidInput),
        ({"price_per_credit": "0.0000000000000000001"}, InvalidInput),
        ({"quantity": "1.5"}, InvalidInput),
        ({"quantity": 0}, InvalidInput),
        ({"price_per_credit": "99999999999999999999"}, InvalidInput),
        ({"quantity": 2**61, "price_per_credit": "1000000"}, InvalidInput),
        ({"seller": "ann"}, InvalidInput),
        ({"seller": "zoe"}, NotFound),
        ({"currency": "EUR"}, NotFound),
        ({"credit_type": "XYZ"}, NotFound),
        ({"external_reference": "ann@example.com"}, InvalidInput),
        ({"note": "x" * 1001}, InvalidInput),
    ],
)
def test_a_deal_that_is_none_leaves_nothing(floor: Floor, terms: dict[str, Any], error: type[Exception]) -> None:
    """Not exact in cents, not a price, unknown names, one side only."""
    sequence = floor.exchange.sequence
    with pytest.raises(error):
        _deal(floor, **terms)
    assert floor.exchange.sequence == sequence


@pytest.mark.parametrize("terms", [{"price_per_credit": "99999.00"}, {"quantity": 200_000, "price_per_credit": "0.01"}])
def test_a_deal_that_either_side_cannot_cover_is_rejected(floor: Floor, terms: dict[str, Any]) -> None:
    """The buyer's money, the seller's credits."""
    with pytest.raises(OrderRejected) as error:
        _deal(floor, **terms)
    assert error.value.rejection == Rejection.INSUFFICIENT_FUNDS
    assert floor.findings() == []


def test_what_open_orders_hold_cannot_be_dealt_away_or_withdrawn(floor: Floor) -> None:
    """Only what is available."""
    floor.place("bob", "sell", 99_950, "5.00")
    for attempt in (lambda: _deal(floor), lambda: floor.admin.accounts.withdraw("bob", CREDIT, 100)):
        with pytest.raises(OrderRejected) as error:
            attempt()
        assert error.value.rejection == Rejection.INSUFFICIENT_FUNDS
    assert floor.admin.accounts.withdraw("bob", CREDIT, 50).amount == "50"


def test_keys_make_money_movements_safe_to_repeat(floor: Floor, reopen: Reopen) -> None:
    """Through this opening and another; with other content the key is refused."""
    other = Floor(reopen())
    first = floor.admin.accounts.deposit("ann", CASH, "10.00", key="d")
    for one in (floor, other):
        again = one.admin.accounts.deposit("ann", CASH, "10.00", key="d")
        assert (again.repeated, again.sequence) == (True, first.sequence)
        for terms in (("ann", CASH, "10.01"), ("bob", CASH, "10.00"), ("ann", CREDIT, 10)):
            with pytest.raises(CommandConflict):
                one.admin.accounts.deposit(*terms, key="d")
        with pytest.raises(CommandConflict):
            one.admin.accounts.withdraw("ann", CASH, "10.00", key="d")
        assert _deal(one, key="t").repeated == (one is other)
    assert floor.balance("ann") == "998775.44"


def test_more_than_accounts_can_hold_is_never_issued(floor: Floor) -> None:
    """The sum of all that was ever brought in stays below the cap."""
    with pytest.raises(OrderRejected) as error:
        floor.admin.accounts.deposit("ann", CREDIT, 2**62)
    assert error.value.rejection == Rejection.ISSUE_CAP_EXCEEDED
    for amount in ("0", "-1", "1.001", "1e3", "NaN", str(2**62)):
        with pytest.raises(InvalidInput):
            floor.admin.accounts.deposit("ann", CASH, amount)


def test_history_is_the_latest_first_and_can_be_narrowed(floor: Floor) -> None:
    """By credit type, and to so many."""
    floor.place("ann", "sell", 5, "5.00")
    floor.place("bob", "buy", 5, "5.00")
    mine = floor.user("bob").transactions
    assert [one.transaction_type for one in mine.get_transaction_history()] == ["buy", "deposit", "deposit"]
    assert [one.credit_type for one in mine.get_transaction_history(credit_type=CREDIT)] == [CREDIT, CREDIT]
    with pytest.raises(NotFound, match="no such asset"):
        mine.get_transaction_history(credit_type="XYZ")
    assert len(mine.get_transaction_history(limit=1)) == 1
    ids = [one.transaction_id for one in mine.get_transaction_history()]
    assert ids == sorted(ids, reverse=True)


def test_statistics_are_the_sums_of_the_history(floor: Floor) -> None:
    """Kept up with every event; here they are added up by hand."""
    for quantity, price in ((10, "5.00"), (3, "5.10"), (7, "4.90")):
        floor.place("ann", "sell", quantity, price)
    floor.place("bob", "buy", 15, "5.10")
    floor.place("bob", "sell", 4, "4.00")
    floor.place("ann", "buy", 4, "4.00")
    _deal(floor)
    (told,) = floor.user("bob").transactions.calculate_trading_statistics()
    added = rows_of(
        floor.path("bob"),
        "SELECT count(*), sum(quantity) FILTER (WHERE transaction_type = 'buy'), sum(quantity) FILTER (WHERE transaction_type"
        " = 'sell'), sum(total_value) FILTER (WHERE transaction_type = 'buy'), sum(fee) FROM trading_transactions"
        " WHERE transaction_type IN ('buy', 'sell')",
    )
    assert told.bought_value is not None
    assert [(told.trades, int(told.bought_quantity or 0), int(told.sold_quantity or 0))] == [row[:3] for row in added]
    assert [(told.bought_value.replace(".", ""), told.fees)] == [(str(row[3]), f"{row[4] / 100:.2f}") for row in added]
    assert (told.orders_placed, told.orders_filled) == (2, 2)


def test_market_data_shows_books_and_trades_and_no_names(floor: Floor) -> None:
    """Levels best first with their sums; the latest trade first."""
    for user, side, quantity, price in (
        ("ann", "sell", 5, "5.10"),
        ("cat", "sell", 6, "5.10"),
        ("ann", "sell", 1, "5.20"),
        ("bob", "buy", 2, "4.90"),
        ("bob", "buy", 3, "5.10"),
    ):
        floor.place(user, side, quantity, price)
    book = floor.exchange.market_data.get_book(SYMBOL)
    assert [(level.price, level.quantity, level.orders) for level in book.asks] == [("5.10", "8", 2), ("5.20", "1", 1)]
    assert [(level.price, level.quantity, level.orders) for level in book.bids] == [("4.90", "2", 1)]
    assert len(floor.exchange.market_data.get_book(SYMBOL, depth=1).asks) == 1
    (trade,) = floor.exchange.market_data.get_trades(SYMBOL).trades
    assert (trade.price, trade.quantity, trade.taker_side) == ("5.10", "3", "buy")
    assert not any(name in repr((book, trade)) for name in ("ann", "bob", "cat"))
    with pytest.raises(InvalidInput):
        floor.exchange.market_data.get_book(SYMBOL, depth=0)
    with pytest.raises(InvalidInput):
        floor.exchange.market_data.get_trades(SYMBOL, limit=0)
