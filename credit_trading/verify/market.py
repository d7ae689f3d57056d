"""Market data against the journal: its position, its file, its trades and books."""

from __future__ import annotations

from collections.abc import Iterator

from credit_trading.journal.live import LiveReplica
from credit_trading.marketdata import prints
from credit_trading.marketdata.check import check
from credit_trading.marketdata.trade_file import FILE_NAME
from credit_trading.marketdata.trade_history import TradeHistory
from credit_trading.store.sqlite import Connection
from credit_trading.verify import schema
from credit_trading.verify.finding import Finding
from credit_trading.verify.followers import Followers

REPAIR = "Delete it while no process has the exchange open: it is made anew when trades are next read."


def check_position(live: LiveReplica, history: TradeHistory, followers: Followers) -> Iterator[Finding]:
    """Where marketdata.db stands, if it is there."""
    position = history.position()
    if position is None:
        return
    with live.history() as log:
        ours = log.exchange_id
    if position.sequence and position.exchange_id != ours:
        problem = "it belongs to another exchange"
        yield Finding(file=FILE_NAME, problem=problem, expected=ours, found=position.exchange_id, repair=REPAIR)
        return
    yield from followers.check(position, file=FILE_NAME, repair=REPAIR)


def check_file(history: TradeHistory) -> Iterator[Finding]:
    """SQLite's own checks, the schema and the header of marketdata.db, if it is there."""
    yield from history.look(_check_file) or ()


def _check_file(connection: Connection) -> list[Finding]:
    found, own = schema.objects_of(connection), schema.of_market_data()
    version = {"application_id": prints.APPLICATION_ID, "version": prints.SCHEMA_VERSION}
    return [
        *schema.check_integrity(connection, file=FILE_NAME, repair=REPAIR),
        *schema.check_objects(found, own, file=FILE_NAME, repair=REPAIR),
        *schema.check_settings(connection, **version, file=FILE_NAME, repair=REPAIR),
    ]


def check_content(live: LiveReplica, history: TradeHistory | None) -> Iterator[Finding]:
    """Books and, unless the file is known to be wrong, trades, as the journal leads to them."""
    for fault in check(live, history):
        yield Finding(file=fault.file, row=fault.row, problem=fault.problem, repair=fault.repair)
