"""What may be entered that did not happen on the book: words and numbers from outside, made into commands.

Here: which fields go with which type, each with a hint; the exact total. Never here: whether the balances allow it; that is the exchange's.
Always: a total is computed and never taken; what is not exact in the currency's smallest units raises InvalidInput and leaves nothing.
"""

from __future__ import annotations

from credit_trading.checks import checked_id, checked_text, shown
from credit_trading.errors import InvalidInput
from credit_trading.exchange import commands as cmd
from credit_trading.exchange.entered import (
    BETWEEN_USERS,
    FEE,
    MOVES,
    TRADES,
    TYPES,
    WITH_COST,
    TransactionStatus,
    exact_value,
)
from credit_trading.money import MAX_UNITS, Asset
from credit_trading.money.amount import decimals_of, parse_units
from credit_trading.money.asset import MAX_DECIMALS
from credit_trading.trading.desk import Desk, Number
from credit_trading.trading.order_input import Moment, moment_us
from credit_trading.trading.periods import period_moment_us

RECORD = "transactions.record"

_ENTERED = (TransactionStatus.SETTLED.value, TransactionStatus.PENDING.value)
_AFTER_PENDING = tuple(status.value for status in TransactionStatus if status != TransactionStatus.PENDING)


def enter_transaction(
    desk: Desk,
    user: int,
    transaction_type: str,
    credit_type: str,
    quantity: Number,
    *,
    price_per_credit: Number | None,
    currency: str | None,
    fee: Number | None,
    counterparty: str | None,
    outside: str | None,
    occurred_at: Moment | None,
    status: str,
    expires_at: Moment | None,
    external_reference: str | None,
) -> cmd.EnterTransaction:
    """Raises InvalidInput, NotFound."""
    if transaction_type not in TYPES:
        raise _refused(shown(transaction_type), "no such transaction type", f"Choose from {', '.join(TYPES)}.")
    _check_sides(transaction_type, counterparty, outside)
    _check_terms(transaction_type, price_per_credit, currency, fee, counterparty)
    if status not in _ENTERED:
        raise _refused(shown(status), "a transaction is entered as settled or pending", "Leave the status out.")
    pending = status == TransactionStatus.PENDING
    if expires_at is not None and not pending:
        raise _refused(shown(expires_at), "only a pending transaction expires", "Leave the expiry out.")
    other = None if counterparty is None else _other_user(desk, user, counterparty)
    asset = desk.asset(credit_type)
    units = asset.parse_positive(quantity, what="quantity")
    if price_per_credit is None or currency is None:
        return cmd.EnterTransaction(
            user,
            transaction_type,
            asset.code,
            units,
            counterparty=other,
            occurred_at_us=None if occurred_at is None else period_moment_us(occurred_at, what="time"),
            pending=pending,
            expires_at_us=None if expires_at is None else moment_us(expires_at),
            external_reference=_reference(external_reference),
            earned=transaction_type == FEE and outside is None,
        )
    quote = desk.asset(currency)
    price, price_decimals = parse_price(price_per_credit, quote)
    return cmd.EnterTransaction(
        user,
        transaction_type,
        asset.code,
        units,
        quote.code,
        price,
        price_decimals,
        exact_total(asset, quote, units, price, price_decimals),
        0 if fee is None else quote.parse(fee, what="fee"),
        other,
        None if occurred_at is None else period_moment_us(occurred_at, what="time"),
        pending,
        None if expires_at is None else moment_us(expires_at),
        _reference(external_reference),
    )


def checked_status(status: str) -> str:
    """What a pending transaction may become. Raises InvalidInput."""
    if status not in _AFTER_PENDING:
        hint = f"Choose from {', '.join(_AFTER_PENDING)}."
        raise InvalidInput("transactions.update", shown(status), "not what a transaction can become", hint=hint)
    return str(status)


def parse_price(price: Number, quote: Asset) -> tuple[int, int]:
    """The price as a whole number, and of how many decimals: the currency's, or more where it is given with more."""
    decimals = max(quote.decimals, min(decimals_of(price, what="price"), MAX_DECIMALS))
    units = parse_units(price, decimals, what="price")
    if not units:
        raise InvalidInput("price", price, "zero is not a price", hint="Give a price above zero.")
    return units, decimals


def exact_total(base: Asset, quote: Asset, quantity: int, price: int, price_decimals: int) -> int:
    """Price times quantity in the currency's smallest units. Raises InvalidInput where it is finer than these, or too large."""
    total = exact_value(base, quote, quantity=quantity, price=price, price_decimals=price_decimals)
    if total is None:
        raise _refused("", f"price times quantity is finer than {quote.format(1)} {quote.code}", "Give an exact price.")
    if not 0 < total <= MAX_UNITS:
        raise _refused("", "price times quantity is larger than any account can hold", "Split it.")
    return total


def checked_outside(outside: str | None) -> str | None:
    """Who or where it was outside, in the host's words. Raises InvalidInput for what is no word."""
    if outside is not None and not checked_text(outside, what="outside", longest=200).strip():
        raise InvalidInput("outside", shown(outside), "nobody is named", hint="Give a name, or leave it out.")
    return outside


def _other_user(desk: Desk, user: int, counterparty: str) -> int:
    number = desk.user_number(counterparty)
    if number == user:
        raise _refused(shown(counterparty), "both sides are the same user", "Name another user.")
    return number


def _check_sides(transaction_type: str, counterparty: str | None, outside: str | None) -> None:
    """Who the other side is: a user here, or somebody elsewhere."""
    if counterparty is not None and outside is not None:
        raise _refused(shown(outside), "the other side is a user here or somebody outside", "Give one of the two.")
    if counterparty is not None and transaction_type not in BETWEEN_USERS:
        problem = f"a {_words(transaction_type)} has no user on its other side"
        raise _refused(shown(counterparty), problem, "Leave the counterparty out, or say who it was outside.")
    if transaction_type in BETWEEN_USERS and counterparty is None and outside is None:
        problem = f"a {_words(transaction_type)} needs its other side"
        raise _refused("", problem, "Give the counterparty, a user here, or say who it was outside.")
    checked_outside(outside)


def _check_terms(
    transaction_type: str,
    price_per_credit: Number | None,
    currency: str | None,
    fee: Number | None,
    counterparty: str | None,
) -> None:
    """Which types take a price, and a fee."""
    trades = transaction_type in TRADES
    if trades and (price_per_credit is None or currency is None):
        raise _refused(transaction_type, "a buy or sell needs a price and its currency", "Give both.")
    if (price_per_credit is None) != (currency is None):
        raise _refused(transaction_type, "a price needs its currency, and a currency a price", "Give both or neither.")
    if price_per_credit is not None and transaction_type in MOVES and transaction_type not in WITH_COST:
        raise _refused(transaction_type, "what goes out has no price", "Leave price and currency out.")
    if fee is not None and (not trades or counterparty is not None):
        problem = "only a buy from or a sell to somebody outside has a fee of its own"
        raise _refused(shown(fee), problem, "Record the fee as a transaction by itself, of type fee.")


def _reference(external_reference: str | None) -> str | None:
    return None if external_reference is None else checked_id(external_reference, what="external reference")


def _refused(subject: str, problem: str, hint: str) -> InvalidInput:
    return InvalidInput(RECORD, subject, problem, hint=hint)


def _words(transaction_type: str) -> str:
    return transaction_type.replace("_", " ")
