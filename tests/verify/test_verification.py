"""verify: finds what is wrong, says where, and changes nothing."""

from __future__ import annotations

import pytest

from credit_trading import Exchange
from tests.floor import CASH, Floor, edit


def _traded(floor: Floor) -> Floor:
    floor.place("ann", "sell", 10, "5.00")
    floor.place("bob", "buy", 4, "5.00")
    return floor


def test_a_sound_exchange_has_no_findings(floor: Floor) -> None:
    """The figures are those of the exchange; progress counts the journal's rows and the users' files."""
    seen: list[tuple[int, int | None]] = []
    told = _traded(floor).admin.verify(deep=True, progress=lambda done, of: seen.append((done, of)))
    assert (told.sequence, told.state_digest) == (floor.exchange.sequence, floor.exchange.state_digest())
    assert (told.users, told.deep, told.findings, told.notes) == (3, True, [], [])
    assert seen[-1] == (told.sequence + 3, told.sequence + 3)


def test_a_quick_look_counts_the_files(floor: Floor) -> None:
    seen: list[tuple[int, int | None]] = []
    told = _traded(floor).admin.verify(progress=lambda done, of: seen.append((done, of)))
    assert (told.users, told.deep, told.findings, told.notes) == (3, False, [], [])
    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE balances SET posted = posted + 1 WHERE asset = 'USD'",
        "DELETE FROM trading_transactions WHERE trade_id = 1",
        "UPDATE active_orders SET filled_quantity = 5",
        "UPDATE metadata SET email = 'somebody@else.com'",
        "UPDATE audit_trail SET actor = 'user:bob' WHERE event_number = 2",
        "UPDATE trading_statistics SET trades = 2",
        "INSERT INTO assets VALUES ('GOLD', 3, NULL)",
        "INSERT INTO order_history SELECT order_id + 100, client_order_id, symbol, credit_type, currency, side, order_type,"
        " time_in_force, price_per_credit, price_decimals, stop_price, displayed_quantity, post_only, self_trade, route, version,"
        " triggered_at, quantity, filled_quantity, remaining_quantity, filled_value, fees, hold, order_status, expires_at,"
        " created_at, updated_at, '', 0 FROM active_orders",
    ],
)
def test_a_users_file_that_was_edited_is_found(floor: Floor, damage: str) -> None:
    """Any value of any shared table; the user is named, and the file is left as it is."""
    edit(_traded(floor).path("ann"), damage)
    for _ in range(2):
        findings = floor.admin.verify(deep=True).findings
        assert {finding.file for finding in findings} == {floor.path("ann").name}, findings
        assert all((finding.row or "").startswith("user ann") for finding in findings)
        assert {finding.repair for finding in findings} == {"credit-trading rebuild ann"}


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        (
            lambda replica: replica.accounts.post(1, CASH, 1),
            f"asset {CASH}: the accounts do not sum to zero (expected 0.00, found 0.01)",
        ),
        (
            lambda replica: replica.accounts.hold(2, CASH, 1),
            f"user #2, {CASH}: what is held is not what open orders and pending transactions hold (expected 0.00, found 0.01)",
        ),
        (
            lambda replica: setattr(replica.orders[1], "hold", 5),
            "order 1: it does not hold what it needs (expected 6, found 5)",
        ),
        (
            lambda replica: setattr(next(iter(replica.markets.values())).book.asks.best(), "lots", 9),
            "does not know the sum of its orders",
        ),
    ],
)
def test_a_replica_that_went_wrong_is_found(floor: Floor, harm: object, found: str) -> None:
    """Were apply to do something that the journal does not say: sums, holds, books."""
    _harm(_traded(floor).exchange, harm)
    findings = floor.findings()
    assert any(found in finding for finding in findings), findings
    assert any("another state than the live one" in finding for finding in findings) or "sum of its orders" in found


def _harm(exchange: Exchange, harm: object) -> None:
    assert callable(harm)
    with exchange._live.reading() as replica:
        harm(replica)
