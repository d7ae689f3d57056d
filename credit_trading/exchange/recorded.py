"""What happened elsewhere and is recorded here: which kinds there are, and what each moves.

Here: the sign of each posting, and what a trade and its bust have in common. Never here: whether it may be recorded (account_rules).
Always: what a kind moves is what the transaction of that name moved when it happened: a recorded history adds up to the balances that it
led to.
"""

from __future__ import annotations

from decimal import Decimal

from credit_trading.exchange import entered

Terms = tuple[str, str, int, str | None, Decimal, int, int]
"""Of a trade, and of the bust that takes it back, the same."""

TRADES = entered.TRADES
BUSTS = {"buy_busted": -1, "sell_busted": 1}
"""A trade that was taken back, by the kind of the trade; its fee is what was given back, below zero."""

MOVES = entered.MOVES
"""Of one asset; `fee` is one that was charged by itself, and a price says only what it cost."""

DIRECTIONS = MOVES | TRADES | BUSTS
"""1 where the user gets the asset, -1 where the user gives it."""


def changes(transaction_type: str, *, quantity: int, total: int, fee: int) -> tuple[int, int]:
    """What it adds to the user's asset and currency, in smallest units.

    The fee is paid on top by a buyer, out of the proceeds by a seller, and given back by a bust: always taken from the currency.
    """
    direction = DIRECTIONS[transaction_type]
    return direction * quantity, 0 if transaction_type in MOVES else -direction * total - fee


def terms(
    transaction_type: str,
    *,
    asset: str,
    quantity: int,
    currency: str | None,
    price: int,
    price_decimals: int,
    total: int,
    fee: int,
) -> Terms:
    """What a trade and its bust must agree in; one price may be written with more decimals than the other."""
    given = -fee if transaction_type in BUSTS else fee
    exact = Decimal(price).scaleb(-price_decimals)
    return (transaction_type.removesuffix("_busted"), asset, quantity, currency, exact, total, given)
