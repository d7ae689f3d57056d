"""What a user's statistics tell: figures that anyone can work out by hand, over any period, worth what the market says."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from credit_trading import ManualClock
from credit_trading.errors import CommandConflict, InvalidInput
from credit_trading.store.sqlite import sqlite3
from credit_trading.trading.records import StatisticsRecord
from tests.floor import CASH, CREDIT, Floor

DAY_S = 86_400


def own(floor: Floor, user: str = "ann", **asked: Any) -> list[StatisticsRecord]:
    return floor.user(user).transactions.calculate_trading_statistics(**asked)


def one(floor: Floor, user: str = "ann", **asked: Any) -> StatisticsRecord:
    (record,) = own(floor, user, **asked)
    return record


def enter(floor: Floor, kind: str, quantity: int, price: str | None = None, **more: Any) -> int:
    """For ann, with somebody outside."""
    if price is not None:
        more |= {"price_per_credit": price, "currency": CASH}
    service = floor.admin.on_behalf_of("ann").transactions
    return service.record_transaction(kind, CREDIT, quantity, **more).transaction_id


@pytest.fixture
def trader(floor: Floor) -> Floor:
    """Ann begins with nothing but cash, so that all she has cost something."""
    floor.admin.accounts.withdraw("ann", CREDIT, 100_000)
    return floor


def _buys_and_sells(floor: Floor, clock: ManualClock) -> None:
    """10 at 10.00 and fees of 1.00; a day later 10 at 20.00; another day later 5 are sold at 30.00, fees 0.50."""
    enter(floor, "buy", 10, "10.00", fee="1.00", outside="A")
    clock.advance(DAY_S)
    enter(floor, "buy", 10, "20.00", outside="A")
    clock.advance(DAY_S)
    enter(floor, "sell", 5, "30.00", fee="0.50", outside="A")


def test_profit_is_reckoned_by_the_running_average_with_fees(trader: Floor, clock: ManualClock) -> None:
    """301.00 for 20; five of them cost 75.25 and bring 149.50."""
    _buys_and_sells(trader, clock)
    told = one(trader, marks={(CREDIT, CASH): "31"})
    assert (told.holdings, told.cost, told.average_cost, told.realised_profit) == ("15", "225.75", "15.050000", "74.25")
    assert (told.market_price, told.market_value, told.unrealised_profit) == ("31", "465.00", "239.25")
    assert (told.trades, told.volume, told.turnover, told.fees) == (3, "25", "450.00", "1.50")
    assert (told.best_trade, told.worst_trade) == ("74.25", "74.25")


def test_first_in_first_out_is_chosen_by_the_user_and_holds_for_the_past_too(trader: Floor, clock: ManualClock) -> None:
    """Five of the first ten cost 50.50. And back again."""
    _buys_and_sells(trader, clock)
    mine = trader.user("ann").transactions
    before = own(trader)
    assert mine.get_cost_method() == "average"
    report = mine.set_cost_method("fifo", command_id="m1")
    assert (report.cost_method, report.repeated, mine.get_cost_method()) == ("fifo", False, "fifo")
    told = one(trader)
    assert (told.cost, told.realised_profit, told.best_trade) == ("250.50", "99.00", "99.00")
    assert mine.set_cost_method("fifo", command_id="m1").repeated
    with pytest.raises(CommandConflict):
        mine.set_cost_method("average", command_id="m1")
    mine.set_cost_method("average")
    assert own(trader) == before
    assert trader.findings() == []


@pytest.mark.parametrize("method", ["average", "fifo"])
def test_rounding_of_many_small_sales_does_not_add_up(trader: Floor, method: str) -> None:
    """1000 at 0.019 are 19.00; a hundred sold one by one at 0.02 earn 0.001 each, and the average stays what it was."""
    trader.user("ann").transactions.set_cost_method(method)
    enter(trader, "buy", 1000, "0.019", outside="A")
    for _ in range(100):
        enter(trader, "sell", 1, "0.02", outside="A")
        assert one(trader).average_cost == "0.019000"
    told = one(trader)
    assert (told.realised_profit, told.cost, told.holdings) == ("0.10", "17.10", "900")
    assert (told.best_trade, told.worst_trade) == ("0.01", "0.00")


@pytest.mark.parametrize("method", ["average", "fifo"])
def test_thirds_of_a_cost_are_lost_to_nobody(trader: Floor, method: str) -> None:
    """Six times three come for 10.00, and one is sold at 5.00: six that had cost 20.00 bring 30.00."""
    trader.user("ann").transactions.set_cost_method(method)
    for _ in range(6):
        enter(trader, "buy", 3, "3.00", fee="1.00", outside="A")
        enter(trader, "sell", 1, "5.00", outside="A")
        assert one(trader).average_cost == "3.333333"
    assert (one(trader).realised_profit, one(trader).cost) == ("10.00", "40.00")
    assert trader.findings() == []


def test_what_is_entered_late_counts_from_the_time_it_happened(trader: Floor, clock: ManualClock) -> None:
    """Ten that had cost 2.00 each had come before the sale: it took a third as much of the first."""
    _buys_and_sells(trader, clock)
    enter(trader, "deposit", 10, "2.00", occurred_at="2026-01-01T12:00:00Z")
    told = one(trader)
    assert (told.holdings, told.cost, told.realised_profit, told.cost_moved_in) == ("25", "267.50", "96.00", "20.00")
    sold = one(trader, period="day", from_="2026-01-03", to="2026-01-04")
    assert (sold.realised_profit, sold.holdings) == ("96.00", "25")
    assert trader.findings() == []


def test_a_pending_sale_counts_once_it_is_settled_and_on_its_own_day(trader: Floor, clock: ManualClock) -> None:
    enter(trader, "buy", 10, "10.00", outside="A")
    number = enter(trader, "sell", 5, "12.00", outside="A", status="pending")
    before = one(trader)
    clock.advance(3 * DAY_S)
    enter(trader, "buy", 10, "20.00", outside="A")
    assert (before.trades, before.holdings) == (1, "10")
    trader.admin.on_behalf_of("ann").transactions.update_transaction_status(number, "settled")
    told = one(trader)
    assert (told.realised_profit, told.cost, told.trades) == ("10.00", "250.00", 3)
    assert one(trader, period="day", to="2026-01-02").realised_profit == "10.00"
    assert trader.findings() == []


def test_a_busted_trade_is_as_if_it_never_was(trader: Floor) -> None:
    """But for when it was."""
    enter(trader, "buy", 10, "10.00", outside="A")
    before = one(trader)
    for side, user in (("sell", "bob"), ("buy", "ann")):
        trader.place(user, side, 4, "50.00")
    trader.admin.trading.bust_trade(1)
    after = one(trader)
    assert (after.cost, after.holdings, after.bought_value, after.trades, after.fees) == (
        *(before.cost, before.holdings, before.bought_value, 1, "0.00"),
    )
    assert (after.orders_filled, after.fill_ratio) == (1, "100.0")
    assert trader.findings() == []


def test_orders_tell_how_much_of_them_was_filled_and_how_long_that_took(trader: Floor, clock: ManualClock) -> None:
    """Half of 10 before it is canceled, all of 2 after a minute and a half; one that is open is not counted yet."""
    first = trader.place("ann", "buy", 10, "5.00").order_id
    trader.place("bob", "sell", 5, "5.00")
    trader.user("ann").orders.cancel_order(first)
    trader.place("ann", "buy", 2, "5.00")
    clock.advance(90)
    trader.place("bob", "sell", 2, "5.00")
    trader.place("ann", "buy", 1, "4.00")
    told = one(trader)
    assert (told.orders_placed, told.orders_filled, told.orders_canceled) == (3, 1, 1)
    assert (told.ordered_quantity, told.filled_quantity, told.fill_ratio) == ("12", "7", "58.3")
    assert told.average_time_to_fill == "90.000000"
    idle = one(trader, "bob", period="day", to="2026-01-01T00:00:01Z")
    assert idle.average_time_to_fill == "0.000000"


# Periods


def test_periods_are_utc_weeks_begin_on_monday_and_the_latest_comes_first(trader: Floor, clock: ManualClock) -> None:
    """It is Thursday, the first of January 2026."""
    for _ in range(5):
        enter(trader, "buy", 1, "10.00", outside="A")
        clock.advance(DAY_S)
    told = own(trader, period="week")
    assert [(str(week.period_start)[:10], str(week.period_end)[:10], week.trades, week.holdings) for week in told] == [
        ("2026-01-05", "2026-01-12", 1, "5"),
        ("2025-12-29", "2026-01-05", 4, "4"),
    ]
    assert [week.cost for week in told] == ["50.00", "40.00"]
    (month,) = own(trader, period="month")
    assert (month.period_start, month.period_end) == ("2026-01-01T00:00:00.000000Z", "2026-02-01T00:00:00.000000Z")
    assert [str(day.period_start)[8:10] for day in own(trader, period="day", limit=2)] == ["05", "04"]


def test_from_and_to_choose_whole_periods(trader: Floor, clock: ManualClock) -> None:
    for _ in range(5):
        enter(trader, "buy", 1, "10.00", outside="A")
        clock.advance(DAY_S)
    days = own(trader, period="day", from_="2026-01-02T18:00:00Z", to="2026-01-04T00:00:00Z")
    assert [str(day.period_start)[8:10] for day in days] == ["03", "02"]
    assert [week.trades for week in own(trader, period="week", from_="2026-01-04", to="2026-01-05")] == [4]
    together = one(trader, from_="2026-01-02", to="2026-01-03T00:00:00.000001Z")
    assert (together.trades, together.holdings, together.unrealised_profit) == (2, "3", None)
    assert (together.period_start, together.period_end) == (
        "2026-01-02T00:00:00.000000Z",
        "2026-01-04T00:00:00.000000Z",
    )
    assert one(trader, from_="2026-01-04").period_end is None
    assert own(trader, from_="2026-01-02T18:00:00Z", to="2026-01-02T18:00:00Z") == []
    assert own(trader, period="month", to="9999-12-31T23:59:59Z")[0].trades == 5


def test_a_day_without_a_movement_has_what_was_there_before(trader: Floor, clock: ManualClock) -> None:
    enter(trader, "buy", 3, "10.00", outside="A")
    clock.advance(5 * DAY_S)
    trader.place("ann", "sell", 1, "99.00")
    latest = own(trader, period="day")[0]
    assert (latest.trades, latest.orders_placed, latest.holdings, latest.cost) == (0, 1, "3", "30.00")


# What it is worth


def test_holdings_are_worth_the_last_trade_in_the_book(trader: Floor) -> None:
    enter(trader, "buy", 10, "4.00", outside="A")
    assert (one(trader).market_price, one(trader).unrealised_profit) == (None, None)
    trader.place("bob", "sell", 1, "7.50")
    trader.place("cat", "buy", 1, "7.50")
    assert (one(trader).market_value, one(trader).unrealised_profit) == ("75.00", "35.00")
    trader.admin.instruments.add_instrument("SECOND", base=CREDIT, quote=CASH, tick="0.01", lot="1")
    assert one(trader).market_price is None, "of two instruments, neither says what the pair is worth"


def test_a_mark_is_exact_however_fine(trader: Floor) -> None:
    enter(trader, "buy", 3, "4.00", outside="A")
    told = one(trader, marks={(CREDIT, CASH): Decimal("4.00125")})
    assert (told.market_price, told.market_value, told.unrealised_profit) == ("4.00125", "12.00375", "0.00375")


def test_what_was_paid_in_two_currencies_has_no_profit_in_one(trader: Floor) -> None:
    trader.admin.assets.add_asset("EUR", decimals=2)
    trader.admin.accounts.deposit("ann", "EUR", "100.00")
    enter(trader, "buy", 3, "4.00", outside="A")
    service = trader.admin.on_behalf_of("ann").transactions
    service.record_transaction("buy", CREDIT, 1, price_per_credit="5.00", currency="EUR", outside="A")
    told = own(trader, marks={(CREDIT, CASH): "6", (CREDIT, "EUR"): "6"})
    assert [(row.currency, row.holdings, row.cost, row.market_value, row.unrealised_profit) for row in told] == [
        ("EUR", "4", "5.00", "24.00", None),
        ("USD", "4", "12.00", "24.00", None),
    ]
    assert [row.currency for row in own(trader, currency="EUR")] == ["EUR"]
    assert own(trader, credit_type="X") == own(trader, credit_type=CASH) == []


# What is refused


_REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"period": "year"}, "no such period. Choose from all, day, week, month."),
    ({"period": None}, "no such period"),
    ({"from_": "2026-01-02", "to": "2026-01-01"}, "the period ends before it begins"),
    ({"from_": "yesterday"}, "not a moment with an offset"),
    ({"limit": -1}, "a limit is a whole number"),
    ({"credit_type": 7}, "int is not text"),
    ({"marks": {("NONE", CASH): "1"}}, 'marks "NONE/USD": no such pair'),
    ({"marks": {CREDIT: "1"}}, "a mark is for a credit type and a currency"),
    ({"marks": {(CREDIT, 7): "1"}}, "int is not text"),
    ({"marks": [1]}, "no marks"),
    ({"marks": {(CREDIT, CASH): 1.5}}, "float cannot hold an exact amount"),
    ({"marks": {(CREDIT, CASH): "-1"}}, "negative"),
    ({"marks": {(CREDIT, CASH): "1"}, "period": "day"}, "marks say what holdings are worth now"),
]


def test_what_cannot_be_asked_is_refused_in_one_line(floor: Floor) -> None:
    for asked, said in _REFUSED:
        with pytest.raises(InvalidInput) as refused:
            own(floor, **asked)
        assert said in str(refused.value)
        assert "\n" not in str(refused.value)


def test_an_unknown_cost_method_is_refused(floor: Floor) -> None:
    before = len(floor.kinds())
    unknown: list[Any] = ["lifo", "", None, 7, ["fifo"]]
    for method in unknown:
        with pytest.raises(InvalidInput, match=r"no such cost method. Choose from average, fifo"):
            floor.user("ann").transactions.set_cost_method(method)
    assert len(floor.kinds()) == before


# What is read


def test_statistics_are_read_from_their_tables_alone(trader: Floor, clock: ManualClock) -> None:
    """However long the history; the row of metadata says where the file stands."""
    _buys_and_sells(trader, clock)
    questions: list[dict[str, Any]] = [{}, {"period": "week"}, {"from_": "2026-01-01"}]
    expected = [own(trader, **asked) for asked in questions]
    read: set[str] = set()

    def watch(action: int, table: str | None, *_: object) -> int:
        if action == sqlite3.SQLITE_READ and table:
            read.add(table)
        return sqlite3.SQLITE_OK

    mine = trader.user("ann").transactions
    with mine._desk.files.checkout(mine._user) as connection:
        connection.set_authorizer(watch)
    mine._desk.kept._kept.clear()
    assert [own(trader, **asked) for asked in questions] == expected
    with mine._desk.files.checkout(mine._user) as connection:
        connection.set_authorizer(None)
    assert read & {"trading_statistics", "trading_statistics_by_day"}
    assert read <= {"metadata", "trading_statistics", "trading_statistics_by_day", "holdings_by_day"}
