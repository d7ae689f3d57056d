"""Pending transactions that only a request of the application around may end: nobody and nothing here does."""

from __future__ import annotations

import pytest

from credit_trading import Exchange, ManualClock, Settings
from credit_trading.errors import OrderRejected, UserNotEmpty
from credit_trading.exchange import commands as cmd
from credit_trading.trading.outcome import Outcome
from tests.floor import CASH, CREDIT, Floor, opened

DAY_S = 86_400


def _submitted(exchange: Exchange, command: cmd.Command) -> Outcome:
    """As the application's own requests come in: no service of ours says `guarded`."""
    (outcome,) = exchange._desk.sequencer.submit([exchange._desk.sequencer.prepare(command, scope="host")])
    return outcome


@pytest.fixture
def withdrawal(floor: Floor) -> int:
    """Ann's 40 credits wait for the application."""
    command = cmd.EnterTransaction(1, "withdrawal", CREDIT, 40, pending=True, guarded=True)
    return _submitted(floor.exchange, command).sequence


def _held(floor: Floor, user: str = "ann") -> str:
    return {one.asset: one.held for one in floor.user(user).accounts.get_balances()}[CREDIT]


@pytest.mark.parametrize("status", ["settled", "cancelled", "failed"])
def test_an_administrator_cannot_end_it(floor: Floor, withdrawal: int, status: str) -> None:
    """The answer says to whom it belongs."""
    managed = floor.admin.on_behalf_of("ann").transactions
    with pytest.raises(OrderRejected, match="belongs to a request of the application around") as told:
        managed.update_transaction_status(withdrawal, status)
    assert told.value.rejection == "transaction_guarded"
    assert (_held(floor), managed.get_transaction(withdrawal).status) == ("40", "pending")
    assert _submitted(floor.exchange, cmd.UpdateTransaction(1, withdrawal, status, guarded=True)).ok
    assert (_held(floor), managed.get_transaction(withdrawal).status) == ("0", status)
    assert floor.findings() == []


@pytest.mark.parametrize("sweep_to", [None, "bob"])
def test_its_user_cannot_be_deleted(floor: Floor, withdrawal: int, sweep_to: str | None) -> None:
    """Nothing is changed and no copy left: orders stay open, the balance where it is, the file in use."""
    floor.place("ann", "sell", 10, "5.00")
    before = floor.exchange.sequence, floor.exchange.state_digest()
    with pytest.raises(UserNotEmpty, match=f"ann.*still has transaction {withdrawal}, .* that has not ended"):
        floor.admin.databases.delete_trading_database("ann", sweep_to=sweep_to)
    assert (floor.exchange.sequence, floor.exchange.state_digest()) == before
    assert not list(floor.exchange.home.glob("deleted/*"))
    assert floor.user("ann").orders.get_active_orders()
    assert floor.findings() == []
    _submitted(floor.exchange, cmd.UpdateTransaction(1, withdrawal, "settled", guarded=True))
    floor.admin.databases.delete_trading_database("ann", sweep_to="bob")


def test_neither_time_nor_a_suspension_ends_it(floor: Floor, clock: ManualClock, withdrawal: int) -> None:
    floor.admin.trading.suspend_user("ann")
    clock.advance(300 * DAY_S)
    floor.exchange.expire_due()
    floor.admin.accounts.deposit("bob", CASH, "1.00")
    assert _held(floor) == "40"


def test_it_is_guarded_after_every_way_of_opening_the_exchange(
    floor: Floor, clock: ManualClock, withdrawal: int
) -> None:
    """From the journal alone, and from a checkpoint."""
    home, settings = floor.exchange.home, Settings(checkpoint_every_events=1)
    floor.exchange.close()
    for has_checkpoint in (False, True):
        assert (home / "checkpoints").exists() == has_checkpoint
        with opened(home, clock=clock, settings=settings) as exchange:
            update = cmd.UpdateTransaction(1, withdrawal, "failed")
            assert _submitted(exchange, update).rejection == "transaction_guarded"


def test_an_ordinary_one_is_not_the_applications_to_end(floor: Floor) -> None:
    entered = floor.admin.on_behalf_of("ann").transactions.record_transaction("withdrawal", CREDIT, 5, status="pending")
    outcome = _submitted(floor.exchange, cmd.UpdateTransaction(1, entered.transaction_id, "settled", guarded=True))
    assert outcome.rejection == "transaction_not_guarded"
    assert _held(floor) == "5"
