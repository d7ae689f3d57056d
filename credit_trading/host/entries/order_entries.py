"""What the activity log says of orders.

Here: the entries of what becomes of an order, but for its fills; their figures and sentences. Never here: trades (trade_entries), money
off the book (money_entries).
Always: an order is told as it is after the event; what is said of it is the same wherever a batch of events begins or ends.
"""

from __future__ import annotations

from credit_trading.clock import format_time
from credit_trading.exchange import events as ev
from credit_trading.exchange.order import EXTERNAL, CancelReason, ExpiryReason, OrderStatus
from credit_trading.host.entries.entry import EntryType, Orders, entry, why_refused
from credit_trading.host.outwards.names import Names
from credit_trading.host.outwards.seen import Seen
from credit_trading.host.rows import ActivityRow, OrderRow
from credit_trading.money.amount import format_units

_PLACED, _REJECTED = EntryType.ORDER_PLACED.value, EntryType.ORDER_REJECTED.value
_AMENDED, _TRIGGERED = EntryType.ORDER_AMENDED.value, EntryType.ORDER_TRIGGERED.value
_CANCELED, _EXPIRED = EntryType.ORDER_CANCELED.value, EntryType.ORDER_EXPIRED.value
_ORDER_FILLED = EntryType.ORDER_FILLED.value

_FILLED, _NEW = OrderStatus.FILLED.value, OrderStatus.NEW.value

_WHY_CANCELED = {
    CancelReason.REQUESTED.value: "on request",
    CancelReason.SELF_TRADE.value: "it would have traded with an order of the same user",
    CancelReason.IMMEDIATE_OR_CANCEL.value: "it was immediate or cancel",
    CancelReason.FILL_OR_KILL.value: "it was fill or kill",
    CancelReason.COLLAR_REACHED.value: "what is left is further from the market than a market order may trade",
    CancelReason.NO_OPPOSITE_PRICE.value: "nobody was on the other side",
    CancelReason.FUNDS_EXHAUSTED.value: "its owner's funds were used up",
    CancelReason.MASS_CANCEL.value: "with all others, on request",
    CancelReason.USER_SUSPENDED.value: "its owner was suspended",
    CancelReason.USER_DELETED.value: "its owner was deleted",
    ExpiryReason.EXPIRED.value: "its time was over",
    ExpiryReason.SESSION_ENDED.value: "its session ended",
}


def accepted(seen: Seen, event: ev.OrderAccepted, _: Orders, names: Names) -> list[ActivityRow]:
    row, words = _asked(seen, event, _PLACED, names)
    row["status"] = _NEW
    row["sentence"] = f"{row['user_id']} placed order {event.order}: {words}"
    return [row]


def rejected(seen: Seen, event: ev.OrderRejected, _: Orders, names: Names) -> list[ActivityRow]:
    row, words = _asked(seen, event, _REJECTED, names)
    row["status"], row["reason"] = OrderStatus.REJECTED.value, event.code
    row["sentence"] = f"order {event.order} of {row['user_id']} was refused: {why_refused(event.code)} ({words})"
    return [row]


def amended(seen: Seen, event: ev.OrderAmended, orders: Orders, names: Names) -> list[ActivityRow]:
    order = orders[event.order]
    price = order["price"]
    quantity = names.asset(order["asset"]).format(order["quantity_units"])
    at = f" at {price} {order['currency']}" if price else ""
    until = "" if event.expires_at_us is None else f", until {format_time(event.expires_at_us)}"
    sentence = f"{name_of(order)} was changed: {order['side']} {quantity} {order['asset']}{at}{until}"
    row = _of(seen, _AMENDED, order, sentence, order["quantity_units"], names)
    row["price"] = price
    return [row, *_filled_without_fill(seen, order, names)]


def reduced(seen: Seen, event: ev.OrderReduced, orders: Orders, names: Names) -> list[ActivityRow]:
    order = orders[event.order]
    why = _WHY_CANCELED.get(event.reason, event.reason)
    quantity = names.asset(order["asset"]).format(order["quantity_units"])
    sentence = f"{name_of(order)} was reduced to {quantity} {order['asset']}: {why}"
    row = _of(seen, _AMENDED, order, sentence, order["quantity_units"], names)
    row["reason"] = event.reason
    return [row]


def triggered(seen: Seen, event: ev.OrderTriggered, orders: Orders, names: Names) -> list[ActivityRow]:
    order = orders[event.order]
    left = order["quantity_units"] - order["filled_units"]
    sentence = f"{name_of(order)} was triggered: its stop price was reached"
    return [_of(seen, _TRIGGERED, order, sentence, left, names)]


def canceled(seen: Seen, event: ev.OrderCanceled, orders: Orders, names: Names) -> list[ActivityRow]:
    return [_ended(seen, _CANCELED, "was canceled", event.reason, orders[event.order], names)]


def expired(seen: Seen, event: ev.OrderExpired, orders: Orders, names: Names) -> list[ActivityRow]:
    return [_ended(seen, _EXPIRED, "expired", event.reason, orders[event.order], names)]


def name_of(order: OrderRow) -> str:
    """As sentences call it."""
    return f"order {order['order_id']} of {order['user_id']}"


def _asked(seen: Seen, event: ev.OrderAccepted | ev.OrderRejected, type_: str, names: Names) -> tuple[ActivityRow, str]:
    """Of a new order: its entry without a sentence, and what was asked in words."""
    instrument = names.instrument(event.symbol)
    quote = instrument.quote.code
    price = instrument.format_price(event.price_ticks) if event.price_ticks and _has_limit(event) else None
    quantity_units = instrument.quantity_units(event.quantity_lots)
    quantity = instrument.base.format(quantity_units)
    words = f"{event.side} {quantity} {instrument.base.code} {f'at {price} {quote}' if price else 'at market'}"
    if event.stop_ticks is not None:
        words += f" once {instrument.format_price(event.stop_ticks)} {quote} is traded"
    words += f", {event.time_in_force}"
    if event.expires_at_us is not None:
        words += f" until {format_time(event.expires_at_us)}"
    if event.display_lots is not None:
        words += f", showing {instrument.format_quantity(event.display_lots)} at a time"
    if event.post_only:
        words += ", post-only"
    if event.route == EXTERNAL:
        words += ", worked outside"
    row = entry(
        seen,
        type_,
        "",
        user_id=names.user_id(event.user),
        project_id=instrument.base.project_id,
        instrument=event.symbol,
        asset=instrument.base.code,
        currency=quote,
        order_id=event.order,
        side=event.side,
        quantity_units=quantity_units,
        quantity=quantity,
        price=price,
    )
    return row, words


def _has_limit(event: ev.OrderAccepted | ev.OrderRejected) -> bool:
    """An order at market may name a price: the furthest that it may trade at."""
    return event.order_type in ("limit", "stop_limit")


def _ended(seen: Seen, type_: str, how: str, reason: str, order: OrderRow, names: Names) -> ActivityRow:
    """With what was left of it as its quantity."""
    decimals = names.asset(order["asset"]).decimals
    left = order["quantity_units"] - order["filled_units"]
    of = f" of {format_units(order['quantity_units'], decimals)}" if order["filled_units"] else ""
    why = _WHY_CANCELED.get(reason, reason)
    sentence = f"{name_of(order)} {how}: {why}; unfilled: {format_units(left, decimals)}{of} {order['asset']}"
    row = _of(seen, type_, order, sentence, left, names)
    row["reason"] = reason
    return row


def _filled_without_fill(seen: Seen, order: OrderRow, names: Names) -> list[ActivityRow]:
    """An order that is cut to what it has filled is done."""
    if order["status"] != _FILLED:
        return []
    row = _of(seen, _ORDER_FILLED, order, f"{name_of(order)} was filled: nothing is left of it", 0, names)
    row["part"] = 1
    return [row]


def _of(seen: Seen, type_: str, order: OrderRow, sentence: str, quantity_units: int, names: Names) -> ActivityRow:
    return entry(
        seen,
        type_,
        sentence,
        user_id=order["user_id"],
        project_id=order["project_id"],
        instrument=order["instrument"],
        asset=order["asset"],
        currency=order["currency"],
        order_id=order["order_id"],
        side=order["side"],
        quantity_units=quantity_units,
        quantity=names.asset(order["asset"]).format(quantity_units),
        status=order["status"],
    )
