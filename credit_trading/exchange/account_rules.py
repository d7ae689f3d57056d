"""The rules of accounts and users: money in and out, what is imported, busts; users come, are suspended and go."""

from __future__ import annotations

import msgspec

from credit_trading.errors import InvalidInput, UserNotEmpty
from credit_trading.exchange import commands as cmd
from credit_trading.exchange import events as ev
from credit_trading.exchange.accounts import Accounts
from credit_trading.exchange.decision import Decision
from credit_trading.exchange.exchange_state import UserState
from credit_trading.exchange.order import CancelReason
from credit_trading.exchange.order_rules import cancel
from credit_trading.exchange.recorded import changes
from credit_trading.exchange.rejections import Rejection
from credit_trading.exchange.transaction_rules import cancel_pending_of, check_unguarded
from credit_trading.money.amount import MAX_UNITS


def deposit(run: Decision, command: cmd.Deposit) -> None:
    run.user(command.user)
    if run.replica.accounts.issue(command.asset) + command.amount > MAX_UNITS:
        run.reject(command.user, Rejection.ISSUE_CAP_EXCEEDED)
    else:
        run.emit(ev.Deposited(command.user, command.asset, command.amount))


def withdraw(run: Decision, command: cmd.Withdraw) -> None:
    run.user(command.user)
    if command.amount > run.replica.accounts.available(command.user, command.asset):
        run.reject(command.user, Rejection.INSUFFICIENT_FUNDS)
    else:
        run.emit(ev.Withdrawn(command.user, command.asset, command.amount))


def record_transaction(run: Decision, command: cmd.RecordTransaction) -> None:
    """Posted against the outside world: what is not there cannot be given, nor more be brought in than accounts can hold."""
    run.user(command.user)
    _check_known(run, command)
    asset_change, currency_change = changes(
        command.transaction_type, quantity=command.quantity, total=command.total or 0, fee=command.fee
    )
    for asset, change in ((command.asset, asset_change), (command.currency or "", currency_change)):
        refusal = refusal_of(run.replica.accounts, command.user, asset, change)
        if refusal is not None:
            run.reject(command.user, refusal)
            return
    run.emit(
        ev.TransactionRecorded(
            command.user,
            command.transaction_type,
            command.reference,
            command.occurred_at_us,
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
            command.symbol,
            command.role,
            command.trade_reference,
            command.external_reference,
            None if command.recorded_at_us is msgspec.UNSET else command.recorded_at_us,
        )
    )


def refusal_of(accounts: Accounts, user: int, asset: str, change: int) -> Rejection | None:
    """Why so much cannot be posted to the user from the outside world, or from the user to it."""
    if change < 0 and -change > accounts.available(user, asset):
        return Rejection.INSUFFICIENT_FUNDS
    if change > 0 and accounts.issue(asset) + change > MAX_UNITS:
        return Rejection.ISSUE_CAP_EXCEEDED
    return None


def _check_known(run: Decision, command: cmd.RecordTransaction) -> None:
    """All that it names is here, and it does not lie in the future."""
    run.asset(command.asset)
    if command.currency is not None:
        run.asset(command.currency)
    if command.asset == command.currency:
        raise run.fail(InvalidInput, command.asset, "an asset cannot be paid for with itself", "Name two assets.")
    if command.symbol is not None:
        run.market(command.symbol)
    if command.counterparty is not None:
        run.user(command.counterparty)
    run.check_past(command.occurred_at_us, subject=command.reference)
    if command.recorded_at_us is not msgspec.UNSET:
        run.check_past(command.recorded_at_us, subject=command.reference)


def bust_trade(run: Decision, command: cmd.BustTrade) -> None:
    """Whoever gave gets it back, fees included; refused if what is to be given back is no longer available."""
    run.user(command.buyer)
    run.user(command.seller)
    available = run.replica.accounts.available
    if command.quantity > available(command.buyer, command.base):
        run.reject(command.buyer, Rejection.CANNOT_GIVE_BACK, other=command.seller)
    elif command.value - command.seller_fee > available(command.seller, command.quote):
        run.reject(command.seller, Rejection.CANNOT_GIVE_BACK, other=command.buyer)
    else:
        run.emit(
            ev.TradeBusted(
                command.trade,
                command.buyer,
                command.seller,
                command.base,
                command.quote,
                command.quantity,
                command.value,
                command.buyer_fee,
                command.seller_fee,
                command.symbol,
            )
        )


def create_user(run: Decision, command: cmd.CreateUser) -> None:
    run.emit(ev.UserCreated(len(run.replica.users) + 1, command.digest))


def change_email(run: Decision, command: cmd.ChangeEmail) -> None:
    run.user(command.user)
    run.emit(ev.UserEmailChanged(command.user, command.digest))


def suspend_user(run: Decision, command: cmd.SuspendUser) -> None:
    user = run.user(command.user)
    run.emit(ev.UserSuspended(command.user))
    for order in user.open_orders_in(None):
        cancel(run, order, CancelReason.USER_SUSPENDED)


def resume_user(run: Decision, command: cmd.ResumeUser) -> None:
    run.user(command.user)
    run.emit(ev.UserResumed(command.user))


def delete_user(run: Decision, command: cmd.DeleteUser) -> None:
    replica = run.replica
    user = run.user(command.user)
    check_unguarded(run, command.user)
    balances = replica.accounts.of(command.user)
    if command.sweep_to is None:
        _check_empty(run, user, has_balance=bool(balances))
    else:
        run.user(command.sweep_to)
        if command.sweep_to == command.user:
            raise run.fail(InvalidInput, f"#{command.user}", "swept to the user itself", "Name another user.")
    for order in user.open_orders_in(None):
        cancel(run, order, CancelReason.USER_DELETED)
    cancel_pending_of(run, command.user)
    for asset, balance in balances.items():
        run.emit(ev.Transferred(command.user, command.sweep_to or 0, asset, balance.posted))
    run.emit(ev.UserDeleted(command.user))


def _check_empty(run: Decision, user: UserState, *, has_balance: bool) -> None:
    open_orders = user.open_orders_in(None)
    if open_orders or has_balance:
        what = f"{len(open_orders)} open orders" if open_orders else "a balance"
        raise run.fail(
            UserNotEmpty,
            f"#{user.number}",
            f"the user still has {what}",
            "Cancel and withdraw first, or move all to another user: --sweep-to USER_ID.",
        )
