"""The rules of what is agreed off the book and entered here: what may be entered, and what becomes of it while it is pending.

Never here: what was recorded elsewhere and is imported (account_rules), orders that are worked outside (external_rules).
Always: whatever a transaction takes from anybody is there when it is entered, and stays held until it is settled or given up; so
settling it can fail for want of room only, never for want of funds. One that is guarded is ended by an update that is guarded too, and
by nothing else: no expiry, no other side, no deletion of its user.
"""

from __future__ import annotations

from credit_trading.errors import InvalidInput, NotFound, UserNotEmpty
from credit_trading.exchange import commands as cmd
from credit_trading.exchange import events as ev
from credit_trading.exchange.accounts import Accounts
from credit_trading.exchange.decision import Decision
from credit_trading.exchange.entered import (
    BETWEEN_USERS,
    FEE,
    TRADES,
    TYPES,
    WITH_COST,
    CostMethod,
    PendingTransaction,
    TransactionStatus,
    UpdateReason,
    changes,
    exact_value,
)
from credit_trading.exchange.rejections import Rejection
from credit_trading.money.amount import MAX_UNITS

Moved = tuple[tuple[str, int], tuple[str | None, int]]
"""What is added to the user's asset and currency."""

_PENDING, _SETTLED = TransactionStatus.PENDING.value, TransactionStatus.SETTLED.value
_AFTER_PENDING = tuple(status.value for status in TransactionStatus if status.value != _PENDING)


def enter_transaction(run: Decision, command: cmd.EnterTransaction) -> None:
    """Between two users in one event, else against the outside world or, for a fee that is earned, the exchange's own account."""
    _check_sides(run, command)
    _check_terms(run, command)
    _check_times(run, command)
    _check_guard(run, command)
    entered = _entered(run, command)
    refusal = _refusal(run, command, entered)
    if refusal is None:
        run.emit(entered)
        return
    lacking, code = refusal
    other = command.counterparty if lacking == command.user else command.user
    run.reject(lacking, code, other=other)


def update_transaction(run: Decision, command: cmd.UpdateTransaction) -> None:
    """Either side may be named. What is settled is posted; nothing is held any more."""
    run.user(command.user)
    if command.status not in _AFTER_PENDING:
        problem = "not what a pending transaction can become"
        raise run.fail(InvalidInput, command.status, problem, f"Choose from {', '.join(_AFTER_PENDING)}.")
    pending = run.replica.pending_transactions.get(command.transaction)
    if pending is None and 1 <= command.transaction <= run.replica.sequence:
        run.reject(command.user, Rejection.TRANSACTION_NOT_PENDING)
        return
    if pending is None or command.user not in (pending.user, pending.counterparty):
        hint = "List them: credit-trading transactions list USER_ID."
        raise run.fail(NotFound, command.transaction, "this user has no such transaction", hint)
    if pending.guarded is not (command.guarded is True):
        code = Rejection.TRANSACTION_GUARDED if pending.guarded else Rejection.TRANSACTION_NOT_GUARDED
        run.reject(command.user, code)
        return
    moved = ((pending.asset, pending.asset_change), (pending.currency, pending.currency_change))
    from_outside = pending.counterparty is None and not pending.earned
    if command.status == _SETTLED and from_outside and _lacks_room(run.replica.accounts, moved):
        run.reject(pending.user, Rejection.ISSUE_CAP_EXCEEDED, other=pending.counterparty)
        return
    trade = None
    if command.status == _SETTLED and pending.is_trade_between_users:
        trade = run.replica.last_trade + 1
    run.emit(updated(pending, command.status, UpdateReason.REQUESTED, trade=trade))


def updated(
    pending: PendingTransaction, status: str, reason: UpdateReason, *, trade: int | None = None
) -> ev.TransactionUpdated:
    return ev.TransactionUpdated(
        pending.user,
        pending.number,
        status,
        pending.asset,
        pending.asset_change,
        pending.currency,
        pending.currency_change,
        pending.counterparty,
        pending.earned,
        trade,
        reason.value,
    )


def check_unguarded(run: Decision, user: int) -> None:
    """Raises UserNotEmpty for a user who is a party to a guarded transaction: it cannot be given up with them."""
    for pending in run.replica.pending_transactions.values():
        if pending.guarded and user in (pending.user, pending.counterparty):
            raise run.fail(
                UserNotEmpty,
                f"#{user}",
                f"the user still has transaction {pending.number}, which belongs to a request of the application around"
                " that has not ended",
                Rejection.TRANSACTION_GUARDED.hint,
            )


def cancel_pending_of(run: Decision, user: int) -> None:
    """All that the user who goes is a party to, in the order in which they were entered; none is guarded."""
    for pending in list(run.replica.pending_transactions.values()):
        if user in (pending.user, pending.counterparty):
            assert not pending.guarded, f"transaction {pending.number} is guarded"
            run.emit(updated(pending, TransactionStatus.CANCELLED.value, UpdateReason.USER_DELETED))


def set_cost_method(run: Decision, command: cmd.SetCostMethod) -> None:
    run.user(command.user)
    if command.method not in tuple(CostMethod):
        raise run.fail(InvalidInput, command.method, "no such cost method", f"Choose from {', '.join(CostMethod)}.")
    run.emit(ev.CostMethodChanged(command.user, command.method))


def _entered(run: Decision, command: cmd.EnterTransaction) -> ev.TransactionEntered:
    asset_change, currency_change = changes(
        command.transaction_type, quantity=command.quantity, total=command.total or 0, fee=command.fee
    )
    trade = None
    if command.counterparty is not None and command.transaction_type in TRADES and not command.pending:
        trade = run.replica.last_trade + 1
    return ev.TransactionEntered(
        command.user,
        command.transaction_type,
        run.time_us if command.occurred_at_us is None else command.occurred_at_us,
        command.asset,
        command.quantity,
        asset_change,
        command.currency,
        command.price,
        command.price_decimals,
        command.total,
        command.fee,
        currency_change,
        command.counterparty,
        command.earned,
        trade,
        _PENDING if command.pending else _SETTLED,
        command.expires_at_us,
        command.external_reference,
        command.guarded is True,
    )


def _refusal(
    run: Decision, command: cmd.EnterTransaction, entered: ev.TransactionEntered
) -> tuple[int, Rejection] | None:
    """Who lacks what, in the order of the checks."""
    replica, other = run.replica, command.counterparty
    parties = (command.user,) if other is None else (command.user, other)
    if command.transaction_type in TRADES:
        for user in parties:
            if replica.users[user].suspended:
                return user, Rejection.USER_SUSPENDED
    if command.expires_at_us is not None and command.expires_at_us <= run.time_us:
        return command.user, Rejection.EXPIRES_IN_THE_PAST
    moved = ((command.asset, entered.asset_change), (command.currency, entered.currency_change))
    if other is None and not command.earned and _lacks_room(replica.accounts, moved):
        return command.user, Rejection.ISSUE_CAP_EXCEEDED
    lacking = _lacks_funds(replica.accounts, command.user, other, moved)
    return None if lacking is None else (lacking, Rejection.INSUFFICIENT_FUNDS)


def _lacks_room(accounts: Accounts, moved: Moved) -> bool:
    """Whether more would come in from the outside world than accounts can hold."""
    return any(
        asset is not None and change > 0 and accounts.issue(asset) + change > MAX_UNITS for asset, change in moved
    )


def _lacks_funds(accounts: Accounts, user: int, other: int | None, moved: Moved) -> int | None:
    """Who of the two cannot give what they are to give; the outside world always can."""
    for asset, change in moved:
        giver = user if change < 0 else other
        if asset is not None and giver is not None and abs(change) > accounts.available(giver, asset):
            return giver
    return None


def _check_sides(run: Decision, command: cmd.EnterTransaction) -> None:
    kind, other = command.transaction_type, command.counterparty
    if kind not in TYPES:
        raise run.fail(InvalidInput, kind, "no such transaction type", f"Choose from {', '.join(TYPES)}.")
    run.user(command.user)
    if other is not None:
        run.user(other)
        if other == command.user:
            raise run.fail(InvalidInput, f"#{other}", "both sides are the same user", "Name two users.")
        if kind not in BETWEEN_USERS:
            raise run.fail(InvalidInput, kind, "it has no user on its other side", "Leave the counterparty out.")
    if command.earned and kind != FEE:
        raise run.fail(InvalidInput, kind, "the exchange earns fees only", "Enter it as a fee.")


def _check_terms(run: Decision, command: cmd.EnterTransaction) -> None:
    """What a trade needs and what else may have a price; the total is exact."""
    kind, currency = command.transaction_type, command.currency
    asset = run.asset(command.asset)
    if command.quantity <= 0 or command.fee < 0 or command.quantity > MAX_UNITS or command.fee > MAX_UNITS:
        raise run.fail(InvalidInput, kind, "a quantity is above zero, and a fee not below", "The type says which way.")
    if command.fee and (kind not in TRADES or command.counterparty is not None):
        problem = "only a buy or sell with somebody outside has a fee of its own"
        raise run.fail(InvalidInput, kind, problem, "Enter the fee by itself.")
    price, price_decimals, total = command.price, command.price_decimals, command.total
    if currency is None or price is None or price_decimals is None or total is None:
        if kind in TRADES or (currency, price, price_decimals, total) != (None, None, None, None):
            problem = "currency, price and total go together, and a buy or sell has them"
            raise run.fail(InvalidInput, kind, problem, "Give all of them, or none.")
        return
    if kind not in TRADES and kind not in WITH_COST:
        raise run.fail(InvalidInput, kind, "it takes no price", "Leave price and currency out.")
    if asset.code == currency:
        raise run.fail(InvalidInput, currency, "an asset cannot be paid for with itself", "Name two assets.")
    value = exact_value(
        asset, run.asset(currency), quantity=command.quantity, price=price, price_decimals=price_decimals
    )
    if value != total or not 0 < total <= MAX_UNITS:
        raise run.fail(InvalidInput, kind, "the total is not price times quantity", "Compute it exactly.")


def _check_times(run: Decision, command: cmd.EnterTransaction) -> None:
    occurred_at_us = command.occurred_at_us
    if occurred_at_us is not None:
        run.check_past(occurred_at_us)
    if command.expires_at_us is not None and not command.pending:
        kind = command.transaction_type
        raise run.fail(
            InvalidInput, kind, "only what is pending expires", "Leave the expiry out, or enter it as pending."
        )


def _check_guard(run: Decision, command: cmd.EnterTransaction) -> None:
    """What is guarded waits for one side alone, and time does not end it."""
    if command.guarded is True and (
        not command.pending or command.expires_at_us is not None or command.counterparty is not None
    ):
        problem = "only what is pending, never expires and has no user on its other side can be guarded"
        raise run.fail(InvalidInput, command.transaction_type, problem, "Enter it as pending, without the others.")
