"""The rules of everything but orders: money in and out, deals off the book, users, assets, instruments."""

from __future__ import annotations

from credit_trading.errors import AlreadyExists, InvalidInput, UserNotEmpty
from credit_trading.exchange import commands as cmd
from credit_trading.exchange import events as ev
from credit_trading.exchange.decision import Decision
from credit_trading.exchange.order import CancelReason
from credit_trading.exchange.order_rules import cancel
from credit_trading.exchange.rejections import Rejection
from credit_trading.exchange.replica import UserState
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


def trade_off_book(run: Decision, command: cmd.TradeOffBook) -> None:
    replica = run.replica
    run.user(command.buyer)
    run.user(command.seller)
    if command.buyer == command.seller:
        raise run.fail(InvalidInput, f"#{command.buyer}", "buyer and seller are the same user", "Name two users.")
    if command.base == command.quote:
        raise run.fail(InvalidInput, command.base, "an asset cannot be paid for with itself", "Name two assets.")
    if command.total > replica.accounts.available(command.buyer, command.quote):
        run.reject(command.buyer, Rejection.INSUFFICIENT_FUNDS, other=command.seller)
    elif command.quantity > replica.accounts.available(command.seller, command.base):
        run.reject(command.seller, Rejection.INSUFFICIENT_FUNDS, other=command.buyer)
    else:
        run.emit(
            ev.TradedOffBook(
                replica.last_trade + 1,
                command.buyer,
                command.seller,
                command.base,
                command.quote,
                command.quantity,
                command.price,
                command.price_decimals,
                command.total,
                command.external_reference,
            )
        )


def create_user(run: Decision, command: cmd.CreateUser) -> None:
    run.emit(ev.UserCreated(len(run.replica.users) + 1, command.digest))


def change_email(run: Decision, command: cmd.ChangeEmail) -> None:
    run.user(command.user)
    run.emit(ev.UserEmailChanged(command.user, command.digest))


def delete_user(run: Decision, command: cmd.DeleteUser) -> None:
    replica = run.replica
    user = run.user(command.user)
    balances = replica.accounts.of(command.user)
    if command.sweep_to is None:
        _check_empty(run, user, has_balance=bool(balances))
    else:
        run.user(command.sweep_to)
        if command.sweep_to == command.user:
            raise run.fail(InvalidInput, f"#{command.user}", "swept to the user itself", "Name another user.")
    for number in sorted(user.open_orders):  # a loaded replica does not know in which order they came
        cancel(run, user.open_orders[number], CancelReason.USER_DELETED)
    for asset, balance in balances.items():
        run.emit(ev.Transferred(command.user, command.sweep_to or 0, asset, balance.posted))
    run.emit(ev.UserDeleted(command.user))


def _check_empty(run: Decision, user: UserState, *, has_balance: bool) -> None:
    if user.open_orders or has_balance:
        what = f"{len(user.open_orders)} open orders" if user.open_orders else "a balance"
        raise run.fail(
            UserNotEmpty,
            f"#{user.number}",
            f"the user still has {what}",
            "Cancel and withdraw first, or move all to another user: --sweep-to USER_ID.",
        )


def add_asset(run: Decision, command: cmd.AddAsset) -> None:
    asset = command.asset
    if asset.code in run.replica.assets:
        raise run.fail(AlreadyExists, asset.code, "the asset exists", "List them: credit-trading assets list.")
    run.emit(ev.AssetAdded(asset.code, asset.decimals))


def add_instrument(run: Decision, command: cmd.AddInstrument) -> None:
    instrument = command.instrument
    if instrument.symbol in run.replica.markets:
        raise run.fail(
            AlreadyExists, instrument.symbol, "the instrument exists", "List them: credit-trading instruments list."
        )
    run.emit(
        ev.InstrumentAdded(
            instrument.symbol,
            instrument.base.code,
            instrument.quote.code,
            instrument.tick_size,
            instrument.lot_size,
            instrument.maker_ppm,
            instrument.taker_ppm,
            instrument.collar_ppm,
        )
    )


def set_instrument_status(run: Decision, command: cmd.SetInstrumentStatus) -> None:
    run.market(command.symbol)
    run.emit(ev.InstrumentStatusChanged(command.symbol, command.halted))
