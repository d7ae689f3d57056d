"""Whether the code that writes the host's tables is right: what it derives, against the exchange's own state at the same position.

Here: balances and open orders, which a replica knows by other code. Never here: the host's database.
Always: nothing is believed that only the code which is proven here has said. It takes as much memory as one more replica.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection

from credit_trading.exchange.order import Order
from credit_trading.exchange.replica import Replica
from credit_trading.host import keyed
from credit_trading.host.checking.comparing import end_of, keys_beyond
from credit_trading.host.checking.difference import Difference, DifferenceKind, shown
from credit_trading.host.checking.expected import Expected
from credit_trading.host.keyed import Row
from credit_trading.host.outwards.names import Names
from credit_trading.journal import checkpoint, rows
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.replay import replay


def contradictions(live: LiveReplica, expected: Expected) -> Iterator[Difference]:
    """Each number of the expected balances and open orders that is not the exchange's."""
    replica = _replica_at(live, expected.position.sequence)
    with expected.reading() as scratch:
        yield from _of_balances(scratch, expected, replica)
        yield from _of_orders(scratch, expected, replica)


def _replica_at(live: LiveReplica, sequence: int) -> Replica:
    """From the last checkpoint, or from the beginning where that lies further on."""
    with live.history() as log:
        loaded = checkpoint.load(live.checkpoints, log)
    if loaded is None or loaded[0].sequence > sequence:
        loaded = Replica(), rows.FIRST_HASH
    replica, chain_hash = loaded

    def read(first: int, most: int) -> list[rows.Row]:
        with live.history() as log:
            return log.batch_from(first, most)

    replay(replica, chain_hash, read, until=sequence)
    return replica


def _of_balances(scratch: Connection, expected: Expected, replica: Replica) -> Iterator[Difference]:
    table = expected.tables.balances
    true = {
        (expected.names.user_id(account), asset): (balance.posted, balance.held)
        for account, asset, balance in replica.accounts
        if account > 0
    }
    for row in _all(scratch, expected.tables.balances, "user_id"):
        key = row["user_id"], row["asset"]
        wanted = dict(zip(("posted_units", "held_units"), true.pop(key, (0, 0)), strict=True))
        yield from _unlike(table.name, " ".join(key), wanted, row)
    for key in true:
        yield Difference(kind=DifferenceKind.DERIVATION, table=table.name, key=" ".join(key), found="nothing")


def _of_orders(scratch: Connection, expected: Expected, replica: Replica) -> Iterator[Difference]:
    table = expected.tables.orders
    open_ones = dict(replica.orders)
    for row in _all(scratch, expected.tables.orders, "order_id"):
        order = open_ones.pop(row["order_id"], None)
        wanted = {"status": None} if order is None else _columns(order, expected.names)
        yield from _unlike(table.name, str(row["order_id"]), wanted, row)
    for number in open_ones:
        yield Difference(kind=DifferenceKind.DERIVATION, table=table.name, key=str(number), found="nothing")


def _columns(order: Order, names: Names) -> dict[str, Any]:
    instrument = order.instrument
    return {
        "user_id": names.user_id(order.user),
        "instrument": instrument.symbol,
        "side": "buy" if order.buys else "sell",
        "status": order.status,
        "quantity_units": instrument.quantity_units(order.quantity_lots),
        "filled_units": instrument.quantity_units(order.filled_lots),
        "hold_units": order.hold,
    }


def _unlike(table: str, key: str, wanted: dict[str, Any], row: Row) -> Iterator[Difference]:
    for column, value in wanted.items():
        if row[column] != value:
            yield Difference(
                kind=DifferenceKind.DERIVATION,
                table=table,
                key=key,
                column=column,
                expected=shown(value),
                found=shown(row[column]),
            )


def _all(scratch: Connection, table: Any, by: str) -> Iterator[Row]:
    after, more = None, True
    while more:
        keys = keys_beyond(scratch, table, after)
        yield from keyed.find(scratch, table, keys, by=by).values()
        after = end_of(keys)
        more = after is not None
