"""The check of market data finds what is not as the journal has it, and says what to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from credit_trading.exchange.replica import Replica
from credit_trading.marketdata import check as check_module
from credit_trading.marketdata.market_data import MarketData
from credit_trading.marketdata.trade_file import FILE_NAME
from tests.floor import SYMBOL, Floor, edit
from tests.marketdata.floors import bust, deal, file_of, trade


@pytest.fixture
def traded(floor: Floor, market_data: MarketData, monkeypatch: pytest.MonkeyPatch) -> Floor:
    """Some trades, a deal and a bust that the file knows, and some that it does not know yet."""
    monkeypatch.setattr(check_module, "ROWS_AT_ONCE", 7)
    floor.place("cat", "sell", 5, "5.10")
    trade(floor, times=6)
    deal(floor)
    bust(floor, 3)
    bust(floor, 7)
    assert len(market_data.get_trades(SYMBOL).trades) == 6
    trade(floor)
    bust(floor, 2)
    return floor


def test_nothing_is_found_where_nothing_is_wrong(traded: Floor, market_data: MarketData) -> None:
    """It looks only: the file stays where it was, or is not made at all."""
    before = file_of(traded).stat().st_mtime_ns
    assert checked(market_data) == []
    assert file_of(traded).stat().st_mtime_ns == before
    file_of(traded).unlink()
    assert checked(market_data) == []
    assert not file_of(traded).exists()


def checked(market_data: MarketData) -> list[str]:
    """What is found, each with what to do about it, in one line."""
    return [
        f"{fault.file if fault.row is None else fault.row}: {fault.problem}. {fault.repair}"
        for fault in market_data.check()
    ]


TAMPERED = {
    "UPDATE trades SET price_ticks = price_ticks + 1 WHERE trade_id = 6": "the trades from",
    "UPDATE trades SET trade_id = 70 WHERE trade_id = 1": "the trades from",
    "DELETE FROM trades WHERE trade_id = 4": "the trades from",
    "INSERT INTO trades VALUES (7, 1, 1, 'VCS-1340-2020/USD', 1, 1, 'buy', 0)": "it holds 7 trades, the journal 6",
    "UPDATE trades SET busted = 0": "the mark of a busted trade is wrong: [3]",
    "UPDATE trades SET busted = 1 WHERE trade_id = 5": "the mark of a busted trade is wrong: [5]",
    "UPDATE position SET sequence = sequence + 100": "it is ahead of the journal",
    "UPDATE position SET sequence = sequence - 1": "it stands on another history",
    "UPDATE position SET exchange_id = 'another'": "it belongs to another exchange",
    "DELETE FROM position": "it does not say where it stands",
    "DROP TABLE trades": "its tables are not as they should be",
}


@pytest.mark.parametrize("statement", TAMPERED)
def test_whatever_somebody_does_to_the_file_is_found(traded: Floor, market_data: MarketData, statement: str) -> None:
    """One finding, which names the file and says what to do."""
    edit(file_of(traded), statement)
    (finding,) = checked(market_data)
    assert finding.startswith(f"{FILE_NAME}: {TAMPERED[statement]}")
    assert finding.endswith("it is made anew when trades are next read.")


def test_a_file_that_is_no_database_is_found(traded: Floor, market_data: MarketData) -> None:
    file_of(traded).write_text("Nothing to see here.")
    (finding,) = checked(market_data)
    assert "no SQLite database" in finding
    assert file_of(traded).read_text() == "Nothing to see here."


def _take_an_order(replica: Replica) -> None:
    (order,) = replica.orders.values()
    replica.markets[SYMBOL].book.asks.remove(order)


def _forget_the_last_price(replica: Replica) -> None:
    replica.markets[SYMBOL].last_price_ticks = None


def _show_more(replica: Replica) -> None:
    (order,) = replica.orders.values()
    order.remaining_lots += 1


@pytest.mark.parametrize("harm", [_take_an_order, _forget_the_last_price, _show_more])
def test_a_book_that_is_not_what_the_journal_leads_to_is_found(
    traded: Floor, market_data: MarketData, harm: Callable[[Replica], None]
) -> None:
    with traded.exchange._live.reading() as replica:
        harm(replica)
    assert checked(market_data) == [
        f"{SYMBOL}: the book that the journal's events lead to is not the exchange's own."
        " Restart every process that has the exchange open."
    ]


def test_a_journal_that_cannot_be_followed_is_found(traded: Floor, market_data: MarketData) -> None:
    with traded.exchange._live.reading() as replica:
        path, head = traded.exchange._live.path, replica.sequence
    edit(path, f"UPDATE journal SET payload = '{{' WHERE sequence = {head - 1}")
    (finding,) = checked(market_data)
    assert finding.startswith("exchange.db: the journal cannot be followed beyond sequence ")
    assert f'"sequence {head - 1}"' in finding


def test_a_replica_that_cannot_be_read_is_found(traded: Floor, market_data: MarketData) -> None:
    """Its own check says more of what is wrong with it; here it must only not be an exception."""
    path, head = traded.exchange._live.path, traded.exchange.sequence
    edit(path, f"UPDATE journal SET hash = zeroblob(32) WHERE sequence = {head}")
    (finding,) = checked(market_data)
    assert finding.startswith("exchange.db: the journal cannot be followed beyond sequence 0: ")
