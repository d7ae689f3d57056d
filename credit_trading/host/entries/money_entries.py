"""What the activity log says of money and credits that move off the book.

Here: the entries of deposits, withdrawals, transfers, corrections and transactions. Never here: orders and trades of the book
(order_entries).
Always: what is posted has the type of what it is, whether it was entered here, recorded from elsewhere or settled later; so the entries of
a type add up. A transfer between two users is told once, of the one who gives.
"""

from __future__ import annotations

from credit_trading.clock import format_time
from credit_trading.exchange import events as ev
from credit_trading.exchange.entered import MOVES, TRADES, TransactionStatus, UpdateReason
from credit_trading.exchange.recorded import BUSTS
from credit_trading.host.entries.entry import IN, OUT, EntryType, Orders, entry, fee_words
from credit_trading.host.outwards.names import Names
from credit_trading.host.outwards.seen import Seen
from credit_trading.host.rows import ActivityRow
from credit_trading.money.amount import format_units

_PENDING, _SETTLED = TransactionStatus.PENDING.value, TransactionStatus.SETTLED.value

_TYPES = {
    "deposit": EntryType.DEPOSIT.value,
    "withdrawal": EntryType.WITHDRAWAL.value,
    "transfer_in": EntryType.TRANSFER.value,
    "transfer_out": EntryType.TRANSFER.value,
    "correction_in": EntryType.CORRECTION.value,
    "correction_out": EntryType.CORRECTION.value,
}
"""By type of transaction, once it is posted; `transaction` for all others."""

_MOVED = {
    "deposit": "{user} deposited {what}",
    "withdrawal": "{user} withdrew {what}",
    "transfer_in": "{user} was given {what} by {other}",
    "transfer_out": "{user} gave {what} to {other}",
    "fee": "{user} paid a fee of {what}",
    "correction_in": "a correction gave {what} to {user}",
    "correction_out": "a correction took {what} from {user}",
}
_OUTSIDE = "somebody outside"
_ENDED = {"failed": "given up as failed"}
_WHY_ENDED = {
    UpdateReason.REQUESTED.value: "",
    UpdateReason.EXPIRED.value: ": its time was over",
    UpdateReason.USER_DELETED.value: ": one of its users was deleted",
}


def deposited(seen: Seen, event: ev.Deposited, _: Orders, names: Names) -> list[ActivityRow]:
    return [_moved(seen, "deposit", names.user_id(event.user), event.asset, event.amount, names)]


def withdrawn(seen: Seen, event: ev.Withdrawn, _: Orders, names: Names) -> list[ActivityRow]:
    return [_moved(seen, "withdrawal", names.user_id(event.user), event.asset, event.amount, names)]


def transferred(seen: Seen, event: ev.Transferred, _: Orders, names: Names) -> list[ActivityRow]:
    sender, receiver = names.user_id(event.sender), names.user_id(event.receiver)
    return [_given(seen, sender, receiver, event.asset, event.amount, names)]


def traded_off_book(seen: Seen, event: ev.TradedOffBook, _: Orders, names: Names) -> list[ActivityRow]:
    buyer, seller = names.user_id(event.buyer), names.user_id(event.seller)
    price = format_units(event.price, event.price_decimals)
    row = _deal(seen, "buy", buyer, seller, event.base, event.quantity, event.quote, event.total, names, price=price)
    row["trade_id"] = event.trade
    return [row]


def recorded(seen: Seen, event: ev.TransactionRecorded, _: Orders, names: Names) -> list[ActivityRow]:
    """What happened elsewhere. Where both sides of it are users here, each has a record, so this is the own side alone."""
    user, kind = names.user_id(event.user), event.transaction_type
    other = None if event.counterparty is None else names.user_id(event.counterparty)
    if kind in MOVES:
        row = _moved(seen, kind, user, event.asset, event.quantity, names, other or _OUTSIDE)
        _add_cost(row, event)
    else:
        row = _dealt(seen, event, other, names)
    row["counterparty_id"], row["instrument"] = other, event.symbol
    row["sentence"] += f", recorded from elsewhere{_when(seen, event.occurred_at_us)}"
    return [row]


def entered(seen: Seen, event: ev.TransactionEntered, _: Orders, names: Names) -> list[ActivityRow]:
    other = None if event.counterparty is None else names.user_id(event.counterparty)
    if event.status == _SETTLED:
        row = _posted(seen, event, other, names)
        row["trade_id"] = event.trade
        row["sentence"] += _when(seen, event.occurred_at_us)
        return [row]
    until = "" if event.expires_at_us is None else f", until {format_time(event.expires_at_us)}"
    return [_open(seen, event, seen.entry.sequence, event.status, until, names)]


def updated(seen: Seen, event: ev.TransactionUpdated, _: Orders, names: Names) -> list[ActivityRow]:
    """What it was stands where it was entered."""
    was = names.entered(event.transaction)
    other = None if was.counterparty is None else names.user_id(was.counterparty)
    if event.status == _SETTLED:
        row = _posted(seen, was, other, names)
        row["transaction_id"], row["trade_id"] = event.transaction, event.trade
        return [row]
    why = _WHY_ENDED.get(event.reason, f": {event.reason}")
    row = _open(seen, was, event.transaction, event.status, why, names)
    row["reason"] = event.reason
    return [row]


_Terms = ev.TransactionEntered | ev.TransactionRecorded


def _posted(seen: Seen, event: ev.TransactionEntered, other: str | None, names: Names) -> ActivityRow:
    """What is posted of a transaction; `other` is the user who has the other side of it here."""
    kind = event.transaction_type
    if kind in TRADES:
        return _dealt(seen, event, other, names)
    user = names.user_id(event.user)
    if other is None:
        row = _moved(seen, kind, user, event.asset, event.quantity, names)
    elif MOVES[kind] > 0:
        row = _given(seen, other, user, event.asset, event.quantity, names)
    else:
        row = _given(seen, user, other, event.asset, event.quantity, names)
    _add_cost(row, event)
    return row


def _moved(
    seen: Seen, kind: str, user: str, code: str, amount: int, names: Names, other: str = _OUTSIDE
) -> ActivityRow:
    """One asset, to the user or from the user."""
    asset = names.asset(code)
    quantity = asset.format(amount)
    return entry(
        seen,
        _TYPES.get(kind, EntryType.TRANSACTION.value),
        _MOVED[kind].format(user=user, what=f"{quantity} {code}", other=other),
        user_id=user,
        project_id=asset.project_id,
        asset=code,
        transaction_id=seen.entry.sequence,
        side=IN if MOVES[kind] > 0 else OUT,
        quantity_units=amount,
        quantity=quantity,
        status=_SETTLED,
        reason=None if kind in _TYPES else kind,
    )


def _given(seen: Seen, giver: str, receiver: str, code: str, amount: int, names: Names) -> ActivityRow:
    """One asset, between two users."""
    row = _moved(seen, "transfer_out", giver, code, amount, names, receiver)
    row["counterparty_id"] = receiver
    return row


def _add_cost(row: ActivityRow, event: _Terms) -> None:
    """What comes in may say what it cost; no money was moved."""
    if event.price is not None:
        row["currency"], row["price"] = event.currency, format_units(event.price, event.price_decimals or 0)
        row["sentence"] += f", which cost {row['price']} {event.currency} each"


def _dealt(seen: Seen, event: _Terms, other: str | None, names: Names) -> ActivityRow:
    """A purchase or a sale off the book; or one that was taken back elsewhere, as it had been."""
    kind, user = event.transaction_type, names.user_id(event.user)
    fee = -event.fee if kind in BUSTS else event.fee
    assert event.currency is not None, "a trade has a currency"
    assert event.total is not None, "a trade has a total"
    assert event.price is not None, "a trade has a price"
    price = format_units(event.price, event.price_decimals or 0)
    return _deal(
        seen, kind, user, other, event.asset, event.quantity, event.currency, event.total, names, price=price, fee=fee
    )


def _deal(
    seen: Seen,
    kind: str,
    user: str,
    other: str | None,
    base: str,
    quantity_units: int,
    quote: str,
    value_units: int,
    names: Names,
    *,
    price: str,
    fee: int = 0,
) -> ActivityRow:
    asset, currency = names.asset(base), names.asset(quote)
    quantity, value = asset.format(quantity_units), currency.format(value_units)
    verb, preposition = ("bought", "from") if kind.startswith("buy") else ("sold", "to")
    with_whom = f" {preposition} {other}" if other else ""
    sentence = (
        f"{user} {verb} {quantity} {base}{with_whom} off the book at {price} {quote} ({value} {quote})"
        f"{fee_words(fee, currency)}{'; this was taken back' if kind in BUSTS else ''}"
    )
    return entry(
        seen,
        EntryType.TRANSACTION.value,
        sentence,
        user_id=user,
        counterparty_id=other,
        project_id=asset.project_id,
        asset=base,
        currency=quote,
        transaction_id=seen.entry.sequence,
        side=kind.removesuffix("_busted"),
        quantity_units=quantity_units,
        value_units=value_units,
        quantity=quantity,
        price=price,
        value=value,
        status=_SETTLED,
        reason=kind,
    )


def _open(
    seen: Seen, event: ev.TransactionEntered, transaction_id: int, status: str, why: str, names: Names
) -> ActivityRow:
    """A transaction of which nothing is posted: it is pending, or was given up."""
    row = _posted(seen, event, None if event.counterparty is None else names.user_id(event.counterparty), names)
    row["transaction_id"], row["status"], row["reason"] = transaction_id, status, event.transaction_type
    if event.transaction_type != "withdrawal":
        row["type"], row["sentence"] = EntryType.TRANSACTION.value, f"{status}: {row['sentence']}{why}"
        return row
    what = f"{row['quantity']} {row['asset']} of {row['user_id']}"
    if status == _PENDING:
        row["type"], row["sentence"] = EntryType.WITHDRAWAL_HELD.value, f"held for a withdrawal: {what}{why}"
    else:
        row["type"] = EntryType.WITHDRAWAL_RELEASED.value
        row["sentence"] = f"no longer held: {what}; the withdrawal was {_ENDED.get(status, status)}{why}"
    return row


def _when(seen: Seen, occurred_at_us: int) -> str:
    """When it happened, if not when it was entered."""
    return "" if occurred_at_us == seen.entry.time_us else f", as of {format_time(occurred_at_us)}"
