"""What the tests of this room do to an exchange: busts, deals, forks, and looking into marketdata.db.

Never here: what a test expects.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from credit_trading import Exchange
from credit_trading.exchange import commands as cmd
from credit_trading.exchange import events as ev
from credit_trading.marketdata.market_data import MarketData
from credit_trading.marketdata.trade_file import FILE_NAME
from tests.floor import CASH, CREDIT, SYMBOL, Floor, rows_of


def market_data_of(exchange: Exchange) -> MarketData:
    """One more on the same exchange, which has not been asked anything yet."""
    return MarketData(exchange._live, timeout_s=5)


def file_of(floor: Floor) -> Path:
    return floor.exchange.home / FILE_NAME


def kept(floor: Floor) -> list[tuple[Any, ...]]:
    """Every row of marketdata.db, its position last."""
    return [
        *rows_of(file_of(floor), "SELECT * FROM trades ORDER BY trade_id"),
        *rows_of(file_of(floor), "SELECT * FROM position"),
    ]


def trade(floor: Floor, *, times: int = 1, price: str = "5.00") -> None:
    """Ann sells one to Bob, so often."""
    for _ in range(times):
        floor.place("ann", "sell", 1, price)
        floor.place("bob", "buy", 1, price)


def trade_at_once(floor: Floor, *, times: int) -> None:
    """The same in one commit."""
    prepared = [
        floor.prepared(user, side, 1, "5.00") for _ in range(times) for user, side in (("ann", "sell"), ("bob", "buy"))
    ]
    floor.exchange.submit(prepared)


def deal(floor: Floor) -> None:
    """Ann sells to Bob off the book."""
    floor.admin.transactions.record_transaction(
        buyer="bob", seller="ann", credit_type=CREDIT, quantity=7, price_per_credit="9.99", currency=CASH
    )


def bust(floor: Floor, number: int) -> None:
    """Takes back the trade of that number, on the book or off it."""
    live = floor.exchange._live
    with live.history() as log:
        found = (log.entry(sequence) for sequence in range(1, log.head()[0] + 1))
        events = [entry.event for entry in found if entry is not None]
    for event in events:
        if isinstance(event, ev.Trade) and event.trade == number:
            sides = [(event.taker, event.taker_fee), (event.maker, event.maker_fee)]
            (buyer, buyer_fee), (seller, seller_fee) = sides if event.taker_side == "buy" else sides[::-1]
            command = cmd.BustTrade(
                number, SYMBOL, CREDIT, CASH, buyer, seller, event.quantity_lots, event.value, buyer_fee, seller_fee
            )
        elif isinstance(event, ev.TradedOffBook) and event.trade == number:
            command = cmd.BustTrade(
                number, None, CREDIT, CASH, event.buyer, event.seller, event.quantity, event.total, 0, 0
            )
        else:
            continue
        (outcome,) = floor.exchange.submit([floor.exchange._sequencer.prepare(command, scope="admin")])
        assert outcome.answer is not None
        assert not outcome.answer.code
