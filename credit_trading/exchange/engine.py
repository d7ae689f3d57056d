"""The rules: what each command does to the exchange, decided on the replica and emitted as events.

Here: every check and every decision. Never here: clocks, files, randomness; changing state (that is `Replica.apply`).
Always: checks run in the order of `Rejection`; a command that raises has emitted nothing of its own; each event is applied as it is
emitted, so the next decision sees it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

import attrs

from credit_trading.errors import AlreadyExists, CommandConflict, InvalidInput, NotFound, TradingError, UserNotEmpty
from credit_trading.exchange import commands as cmd
from credit_trading.exchange import events as ev
from credit_trading.exchange.answers import Answer
from credit_trading.exchange.fees import buy_hold, required_hold
from credit_trading.exchange.market import Market
from credit_trading.exchange.matching import can_fill, collar_ticks, match
from credit_trading.exchange.order import BUY, LIMIT, MARKET, SELL, CancelReason, Order, TimeInForce
from credit_trading.exchange.rejections import Rejection
from credit_trading.exchange.replica import Replica, UserState
from credit_trading.money.amount import MAX_UNITS

EXPIRY = "expiry"
"""The cause of events that only the passing of time brought about."""

_RESTING = (TimeInForce.GTC.value, TimeInForce.GTD.value)
_FOK = TimeInForce.FOK.value


def handle(replica: Replica, request: cmd.Request, *, time_us: int) -> Answer:
    """Decides one command at `time_us`; what is due expires first. The events stand in `replica.pending` after.

    The same id with the same content returns its first answer and emits nothing. Raises TradingError subclasses for what is
    malformed (unknown names, other content under a known id); the market's "no" is an answer with a code.
    """
    expire_due(replica, time_us=time_us)
    known = replica.answers.get(request.id)
    if known is not None:
        check_same_content(request, known.content)
        return known
    decision = _Decision(replica, request, time_us)
    _HANDLERS[type(request.command)](decision, request.command)
    answer = replica.answers.get(request.id)
    assert answer is not None, f"command {request.id} left no event"
    return answer


def check_same_content(request: cmd.Request, content: str) -> None:
    """Raises CommandConflict if the id stood for something else before."""
    if request.content != content:
        raise CommandConflict(
            "command", request.id, "this id was used before for something else", hint="Choose a new id or key."
        )


def expire_due(replica: Replica, *, time_us: int) -> None:
    """Expires what is due, in the order of expiry and order number (FIX ExpireTime 126)."""
    expiries = replica.expiries
    while expiries and expiries[0][0] <= time_us:
        expires_at_us, number = heapq.heappop(expiries)
        order = replica.orders.get(number)
        if order is not None and order.expires_at_us == expires_at_us:
            event = ev.OrderExpired(order.user, number, order.hold)
            replica.record(event, time_us=time_us, cause=EXPIRY, content=None)


@attrs.define
class _Decision:
    """One command under way: the first event it emits carries the command's content."""

    replica: Replica
    request: cmd.Request
    time_us: int
    emitted: bool = False

    def emit(self, event: ev.Event) -> None:
        content = None if self.emitted else self.request.content
        self.emitted = True
        self.replica.record(event, time_us=self.time_us, cause=self.request.id, content=content)

    def reject(self, user: int, code: Rejection, *, order: int | None = None, other: int | None = None) -> None:
        """The market's "no" to anything but a new order."""
        name = type(self.request.command).__name__
        self.emit(ev.CommandRejected(user, name, code.value, order, other))

    def fail(self, error: type[TradingError], subject: object, problem: str, hint: str) -> TradingError:
        return error(f"command {type(self.request.command).__name__}", subject, problem, hint=hint)

    def market(self, symbol: str) -> Market:
        market = self.replica.markets.get(symbol)
        if market is None:
            raise self.fail(NotFound, symbol, "no such instrument", "List them: credit-trading instruments list.")
        return market

    def user(self, number: int) -> UserState:
        user = self.replica.users.get(number)
        if user is None or user.deleted:
            raise self.fail(NotFound, f"#{number}", "no such user", "List them: credit-trading users list.")
        return user

    def own_order(self, user: int, order: int | None, client_order_id: str | None) -> Order | None:
        """The user's open order; None if it is open no longer. An order that never was, or is another's, is not found."""
        if order is None:
            return self.replica.client_orders.get((user, client_order_id or ""))
        found = self.replica.orders.get(order)
        if not 1 <= order <= self.replica.last_order or (found is not None and found.user != user):
            raise self.fail(
                NotFound, order, "this user has no such order", "List them: credit-trading orders list USER_ID."
            )
        return found


def _place(run: _Decision, command: cmd.PlaceOrder) -> None:
    replica = run.replica
    run.user(command.user)
    market = run.market(command.symbol)
    number = replica.last_order + 1
    order_type = MARKET if command.price_ticks is None else LIMIT
    side = BUY if command.buys else SELL
    price_ticks = command.price_ticks or _collar(market, buys=command.buys)
    hold = _new_hold(replica, market, command, price_ticks) if price_ticks else 0
    code = _refusal(run, market, command, price_ticks, hold)
    if code is not None:
        run.emit(
            ev.OrderRejected(
                command.user,
                number,
                command.symbol,
                side,
                order_type,
                command.time_in_force,
                command.quantity_lots,
                code.value,
                command.price_ticks,
                command.expires_at_us,
                command.client_order_id,
            )
        )
        return
    instrument = market.instrument
    run.emit(
        ev.OrderAccepted(
            command.user,
            number,
            command.symbol,
            side,
            order_type,
            command.time_in_force,
            price_ticks,
            command.quantity_lots,
            hold,
            instrument.maker_ppm,
            instrument.taker_ppm,
            command.expires_at_us,
            command.client_order_id,
        )
    )
    _enter(run, market, replica.orders[number])


def _collar(market: Market, *, buys: bool) -> int:
    """The limit of a market order; 0 where the other side is empty."""
    best = market.book.side(buys=not buys).best()
    return collar_ticks(market.instrument, buys=buys, best_ticks=best.price_ticks) if best else 0


def _new_hold(replica: Replica, market: Market, command: cmd.PlaceOrder, price_ticks: int) -> int:
    instrument = market.instrument
    if not command.buys:
        return instrument.quantity_units(command.quantity_lots)
    hold = buy_hold(
        value=instrument.value(price_ticks=price_ticks, quantity_lots=command.quantity_lots),
        fee_part_ppm=0,
        maker_ppm=instrument.maker_ppm,
        taker_ppm=instrument.taker_ppm,
    )
    if command.price_ticks is None:
        return min(hold, max(replica.accounts.available(command.user, instrument.quote.code), 1))
    return hold


def _refusal(run: _Decision, market: Market, command: cmd.PlaceOrder, price_ticks: int, hold: int) -> Rejection | None:
    """The first check that fails, in the order of `Rejection`."""
    replica, instrument = run.replica, market.instrument
    if market.halted:
        return Rejection.INSTRUMENT_HALTED
    client_order_id = command.client_order_id
    if client_order_id is not None and (command.user, client_order_id) in replica.client_orders:
        return Rejection.DUPLICATE_CLIENT_ORDER_ID
    if command.expires_at_us is not None and command.expires_at_us <= run.time_us:
        return Rejection.EXPIRES_IN_THE_PAST
    if not price_ticks:
        return Rejection.NO_OPPOSITE_PRICE
    value = price_ticks * command.quantity_lots * instrument.tick_lot_value
    if value > MAX_UNITS or hold > MAX_UNITS:
        return Rejection.VALUE_TOO_LARGE
    held_asset = instrument.quote.code if command.buys else instrument.base.code
    if hold > replica.accounts.available(command.user, held_asset):
        return Rejection.INSUFFICIENT_FUNDS
    return None


def _enter(run: _Decision, market: Market, order: Order) -> None:
    """An order that was just accepted, or amended so that it lost its place: it trades what it can; the rest stays or is canceled."""
    if order.time_in_force == _FOK and not can_fill(market.book.side(buys=not order.buys), order):
        _cancel(run, order, CancelReason.FILL_OR_KILL)
        return
    reason = match(run.replica, market, order, run.emit)
    if order.remaining_lots and reason is None and order.time_in_force not in _RESTING:
        market_order = order.order_type == MARKET
        reason = CancelReason.COLLAR_REACHED if market_order else CancelReason.IMMEDIATE_OR_CANCEL
    if reason is not None:
        _cancel(run, order, reason)


def _cancel(run: _Decision, order: Order, reason: CancelReason) -> None:
    run.emit(ev.OrderCanceled(order.user, order.number, reason.value, order.hold))


def _cancel_order(run: _Decision, command: cmd.CancelOrder) -> None:
    run.user(command.user)
    order = run.own_order(command.user, command.order, command.client_order_id)
    if order is None:
        run.reject(command.user, Rejection.ORDER_NOT_OPEN, order=command.order)
    else:
        _cancel(run, order, CancelReason.REQUESTED)


def _amend_order(run: _Decision, command: cmd.AmendOrder) -> None:
    replica = run.replica
    run.user(command.user)
    order = run.own_order(command.user, command.order, command.client_order_id)
    if order is None:
        run.reject(command.user, Rejection.ORDER_NOT_OPEN, order=command.order)
        return
    if order.instrument.symbol != command.symbol:
        problem = f"the order is one of {order.instrument.symbol}"
        raise run.fail(InvalidInput, command.symbol, problem, "Name the order's own instrument.")
    market = replica.markets[order.instrument.symbol]
    price_ticks = order.price_ticks if command.price_ticks is None else command.price_ticks
    quantity_lots = order.quantity_lots if command.quantity_lots is None else command.quantity_lots
    remaining_lots = quantity_lots - order.filled_lots
    hold = required_hold(order, price_ticks=price_ticks, remaining_lots=max(remaining_lots, 0))
    code = _amend_refusal(replica, market, order, price_ticks, quantity_lots, hold)
    if code is not None:
        run.reject(command.user, code, order=order.number)
        return
    requeued = price_ticks != order.price_ticks or quantity_lots > order.quantity_lots
    run.emit(ev.OrderAmended(order.user, order.number, price_ticks, quantity_lots, hold, requeued))
    if requeued and remaining_lots:
        _enter(run, market, order)


def _amend_refusal(
    replica: Replica, market: Market, order: Order, price_ticks: int, quantity_lots: int, hold: int
) -> Rejection | None:
    """The first check that fails, in the order of `Rejection`."""
    if market.halted:
        return Rejection.INSTRUMENT_HALTED
    if quantity_lots < order.filled_lots:
        return Rejection.QUANTITY_BELOW_FILLED
    remaining_value = price_ticks * (quantity_lots - order.filled_lots) * order.instrument.tick_lot_value
    if order.filled_value + remaining_value > MAX_UNITS or hold > MAX_UNITS:
        return Rejection.VALUE_TOO_LARGE
    if hold - order.hold > replica.accounts.available(order.user, order.held_asset):
        return Rejection.INSUFFICIENT_FUNDS
    return None


def _deposit(run: _Decision, command: cmd.Deposit) -> None:
    run.user(command.user)
    if run.replica.accounts.issue(command.asset) + command.amount > MAX_UNITS:
        run.reject(command.user, Rejection.ISSUE_CAP_EXCEEDED)
    else:
        run.emit(ev.Deposited(command.user, command.asset, command.amount))


def _withdraw(run: _Decision, command: cmd.Withdraw) -> None:
    run.user(command.user)
    if command.amount > run.replica.accounts.available(command.user, command.asset):
        run.reject(command.user, Rejection.INSUFFICIENT_FUNDS)
    else:
        run.emit(ev.Withdrawn(command.user, command.asset, command.amount))


def _trade_off_book(run: _Decision, command: cmd.TradeOffBook) -> None:
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


def _create_user(run: _Decision, command: cmd.CreateUser) -> None:
    run.emit(ev.UserCreated(len(run.replica.users) + 1, command.digest))


def _change_email(run: _Decision, command: cmd.ChangeEmail) -> None:
    run.user(command.user)
    run.emit(ev.UserEmailChanged(command.user, command.digest))


def _delete_user(run: _Decision, command: cmd.DeleteUser) -> None:
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
        _cancel(run, user.open_orders[number], CancelReason.USER_DELETED)
    for asset, balance in balances.items():
        run.emit(ev.Transferred(command.user, command.sweep_to or 0, asset, balance.posted))
    run.emit(ev.UserDeleted(command.user))


def _check_empty(run: _Decision, user: UserState, *, has_balance: bool) -> None:
    if user.open_orders or has_balance:
        what = f"{len(user.open_orders)} open orders" if user.open_orders else "a balance"
        raise run.fail(
            UserNotEmpty,
            f"#{user.number}",
            f"the user still has {what}",
            "Cancel and withdraw first, or move all to another user: --sweep-to USER_ID.",
        )


def _add_asset(run: _Decision, command: cmd.AddAsset) -> None:
    asset = command.asset
    if asset.code in run.replica.assets:
        raise run.fail(AlreadyExists, asset.code, "the asset exists", "List them: credit-trading assets list.")
    run.emit(ev.AssetAdded(asset.code, asset.decimals))


def _add_instrument(run: _Decision, command: cmd.AddInstrument) -> None:
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


def _set_instrument_status(run: _Decision, command: cmd.SetInstrumentStatus) -> None:
    run.market(command.symbol)
    run.emit(ev.InstrumentStatusChanged(command.symbol, command.halted))


_HANDLERS: dict[type[cmd.Command], Callable[[_Decision, Any], None]] = {
    cmd.PlaceOrder: _place,
    cmd.CancelOrder: _cancel_order,
    cmd.AmendOrder: _amend_order,
    cmd.Deposit: _deposit,
    cmd.Withdraw: _withdraw,
    cmd.TradeOffBook: _trade_off_book,
    cmd.CreateUser: _create_user,
    cmd.ChangeEmail: _change_email,
    cmd.DeleteUser: _delete_user,
    cmd.AddAsset: _add_asset,
    cmd.AddInstrument: _add_instrument,
    cmd.SetInstrumentStatus: _set_instrument_status,
}
