"""Verify, where there is something pending, something worked outside, and fees that were entered."""

from __future__ import annotations

from credit_trading.exchange.replica import Replica
from tests.floor import CASH, CREDIT, SYMBOL, Floor


def _busy(floor: Floor) -> None:
    ann = floor.admin.on_behalf_of("ann")
    ann.transactions.record_transaction("fee", CASH, "1.25")
    pending = ann.transactions.record_transaction("fee", CASH, "0.50", status="pending")
    ann.transactions.update_transaction_status(pending.transaction_id, "settled")
    ann.transactions.record_transaction("fee", CASH, "7.00", status="pending")
    ann.transactions.record_transaction("fee", CASH, "9.00", outside="Registry")
    ann.transactions.record_transaction("transfer_out", CREDIT, 5, counterparty="bob", status="pending")
    ann.orders.create_order(SYMBOL, "sell", 9, route="external")
    order = ann.orders.create_order(SYMBOL, "buy", 9, "2.00", route="external")
    ann.orders.update_order_progress(order.order_id, quantity=4, price="1.995", fee="0.10")


def _told(floor: Floor) -> str:
    return "\n".join(floor.findings())


def test_nothing_is_found_where_nothing_is_wrong(floor: Floor) -> None:
    """What is earned by entered fees is what the fee account holds, settled at once or later."""
    _busy(floor)
    assert floor.findings() == []
    assert [fee.posted for fee in floor.admin.accounts.get_fees()] == ["1.75"]


def test_a_replica_that_lost_what_is_pending_or_outside_is_found(floor: Floor) -> None:
    """Were applying to do something that the journal does not say."""
    _busy(floor)

    def lose(replica: Replica) -> None:
        replica.pending_transactions.clear()
        replica.markets[SYMBOL].external.popitem()

    with floor.exchange._live.reading() as replica:
        lose(replica)
    told = _told(floor)
    assert f"user #1, {CREDIT}: what is held is not what open orders and pending transactions hold" in told
    assert "an open order stands in no book" in told
    assert "another state than the live one" in told
