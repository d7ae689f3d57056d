"""An entry of the activity log: its types, and how one becomes a row.

Here: words and the row. Never here: which event gives which entries, and their sentences (order_entries, trade_entries,
money_entries, refusal_entries, setting_entries).
Always: quantities and values are zero or more; which way something went says the type, and `side` within it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from credit_trading.exchange.rejections import Rejection
from credit_trading.host.outwards.seen import Seen
from credit_trading.host.rows import ActivityRow, OrderRow
from credit_trading.money import Asset
from credit_trading.money.amount import format_units


class EntryType(StrEnum):
    """What happened. Both orders of a trade have an entry of their own beside it, `order_filled` or `order_partly_filled`.

    `deposit`, `withdrawal`, `transfer`, `correction`: posted, however it came about. `withdrawal_held` and `withdrawal_released`: kept out
    of the user's reach until it is decided, and given back. `transaction`: all else off the book; also what is pending, or was given up.
    """

    ORDER_PLACED = "order_placed"
    ORDER_PARTLY_FILLED = "order_partly_filled"
    ORDER_FILLED = "order_filled"
    ORDER_CANCELED = "order_canceled"
    ORDER_EXPIRED = "order_expired"
    ORDER_REJECTED = "order_rejected"
    ORDER_AMENDED = "order_amended"
    ORDER_TRIGGERED = "order_triggered"
    TRADE = "trade"
    TRADE_BUSTED = "trade_busted"
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    WITHDRAWAL_HELD = "withdrawal_held"
    WITHDRAWAL_RELEASED = "withdrawal_released"
    TRANSFER = "transfer"
    TRANSACTION = "transaction"
    CORRECTION = "correction"
    REQUEST_REFUSED = "request_refused"
    USER_CREATED = "user_created"
    USER_DELETED = "user_deleted"
    SETTINGS_CHANGED = "settings_changed"


Orders = Mapping[int, OrderRow]
"""Those that an event touches, by number, as they are after it."""

IN, OUT = "in", "out"
"""`side` of what moves one asset: to the user, from the user."""


def entry(
    seen: Seen,
    type_: str,
    sentence: str,
    *,
    part: int = 0,
    user_id: str | None = None,
    counterparty_id: str | None = None,
    project_id: str | None = None,
    instrument: str | None = None,
    asset: str | None = None,
    currency: str | None = None,
    order_id: int | None = None,
    trade_id: int | None = None,
    transaction_id: int | None = None,
    side: str | None = None,
    quantity_units: int | None = None,
    value_units: int | None = None,
    quantity: str | None = None,
    price: str | None = None,
    value: str | None = None,
    status: str | None = None,
    reason: str | None = None,
) -> ActivityRow:
    """The row; when, who, within what and for which request are those of the event."""
    request = seen.request
    return {
        "sequence": seen.entry.sequence,
        "part": part,
        "occurred_at": seen.at,
        "type": type_,
        "user_id": user_id,
        "counterparty_id": counterparty_id,
        "project_id": project_id,
        "instrument": instrument,
        "asset": asset,
        "currency": currency,
        "order_id": order_id,
        "trade_id": trade_id,
        "transaction_id": transaction_id,
        "request_id": None if request is None else request[0],
        "side": side,
        "quantity_units": quantity_units,
        "value_units": value_units,
        "quantity": quantity,
        "price": price,
        "value": value,
        "status": status,
        "reason": reason,
        "actor": seen.actor,
        "correlation_id": seen.correlation_id,
        "sentence": sentence,
    }


def fee_words(fee: int, currency: Asset) -> str:
    """Behind the sum of a trade; nothing where none was charged. `fee` in the currency's smallest units, below zero for a rebate."""
    if not fee:
        return ""
    return f", {'fee' if fee > 0 else 'rebate'} {format_units(abs(fee), currency.decimals)} {currency.code}"


def why_refused(code: str) -> str:
    """The sentence of a rejection; the code itself where it is none of today's."""
    return _REJECTIONS.get(code, code)


_REJECTIONS = {code.value: code.sentence for code in Rejection}
