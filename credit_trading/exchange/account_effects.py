"""What the events of users and balances change; the counterpart of account_rules, without any rule."""

from __future__ import annotations

from credit_trading.exchange import events as ev
from credit_trading.exchange.accounts import FEES, OUTSIDE
from credit_trading.exchange.entered import PendingTransaction, TransactionStatus
from credit_trading.exchange.exchange_state import ExchangeState, UserState

_SETTLED = TransactionStatus.SETTLED.value


def user_created(state: ExchangeState, _: ev.Entry, event: ev.UserCreated) -> None:
    state.users[event.user] = UserState(event.user)


def user_suspended(state: ExchangeState, _: ev.Entry, event: ev.UserSuspended) -> None:
    state.users[event.user].suspended = True


def user_resumed(state: ExchangeState, _: ev.Entry, event: ev.UserResumed) -> None:
    state.users[event.user].suspended = False


def user_deleted(state: ExchangeState, _: ev.Entry, event: ev.UserDeleted) -> None:
    """The user's own rates go too: nobody could take them back, and they would bind the rates of all others."""
    state.users[event.user].deleted = True
    for market in state.markets.values():
        market.user_fees.pop(event.user, None)


def deposited(state: ExchangeState, _: ev.Entry, event: ev.Deposited) -> None:
    state.accounts.move(OUTSIDE, event.user, event.asset, event.amount)


def withdrawn(state: ExchangeState, _: ev.Entry, event: ev.Withdrawn) -> None:
    state.accounts.move(event.user, OUTSIDE, event.asset, event.amount)


def transferred(state: ExchangeState, _: ev.Entry, event: ev.Transferred) -> None:
    state.accounts.move(event.sender, event.receiver, event.asset, event.amount)


def traded_off_book(state: ExchangeState, _: ev.Entry, event: ev.TradedOffBook) -> None:
    state.last_trade = event.trade
    state.accounts.move(event.seller, event.buyer, event.base, event.quantity)
    state.accounts.move(event.buyer, event.seller, event.quote, event.total)


def transaction_recorded(state: ExchangeState, _: ev.Entry, event: ev.TransactionRecorded) -> None:
    state.accounts.move(OUTSIDE, event.user, event.asset, event.asset_change)
    if event.currency is not None:
        state.accounts.move(OUTSIDE, event.user, event.currency, event.currency_change)


def transaction_entered(state: ExchangeState, entry: ev.Entry, event: ev.TransactionEntered) -> None:
    if event.status == _SETTLED:
        _post(state, event)
        return
    pending = PendingTransaction(
        entry.sequence,
        event.user,
        event.asset,
        event.asset_change,
        event.currency,
        event.currency_change,
        event.counterparty,
        event.earned,
        event.expires_at_us,
        event.guarded,
    )
    for user, asset, amount in pending.holds():
        state.accounts.hold(user, asset, amount)
    state.pending_transactions[entry.sequence] = pending
    if event.expires_at_us is not None:
        state.transaction_expiries.add((event.expires_at_us, entry.sequence))
        state.find_next_due()


def transaction_updated(state: ExchangeState, _: ev.Entry, event: ev.TransactionUpdated) -> None:
    pending = state.pending_transactions.pop(event.transaction)
    for user, asset, amount in pending.holds():
        state.accounts.hold(user, asset, -amount)
    if pending.expires_at_us is not None:
        state.transaction_expiries.remove((pending.expires_at_us, pending.number))
        state.find_next_due()
    if event.status == _SETTLED:
        _post(state, event)


def _post(state: ExchangeState, event: ev.TransactionEntered | ev.TransactionUpdated) -> None:
    elsewhere = FEES if event.earned else OUTSIDE
    other = elsewhere if event.counterparty is None else event.counterparty
    state.accounts.move(other, event.user, event.asset, event.asset_change)
    if event.currency is not None:
        state.accounts.move(other, event.user, event.currency, event.currency_change)
    if event.trade is not None:
        state.last_trade = event.trade


def trade_busted(state: ExchangeState, _: ev.Entry, event: ev.TradeBusted) -> None:
    accounts = state.accounts
    accounts.move(event.buyer, event.seller, event.base, event.quantity)
    accounts.post(event.seller, event.quote, event.seller_fee - event.value)
    accounts.post(event.buyer, event.quote, event.value + event.buyer_fee)
    accounts.post(FEES, event.quote, -event.buyer_fee - event.seller_fee)
    state.busted[event.trade] = state.latest_answer


def command_rejected(state: ExchangeState, _: ev.Entry, event: ev.CommandRejected) -> None:
    state.latest_answer.code = event.code
    state.latest_answer.order = event.order or 0
