"""What is agreed off the book and entered here: its kinds, its statuses, and how cost is reckoned.

Here: words, the sign of what each kind moves, and what is held while it is pending. Never here: whether it may be entered
(transaction_rules).
Always: quantity, price and fee are positive; the kind says which way.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from credit_trading.money import Asset


class TransactionStatus(StrEnum):
    """`pending` may become one of the others, and these stay."""

    PENDING = "pending"
    SETTLED = "settled"
    CANCELLED = "cancelled"
    FAILED = "failed"


class UpdateReason(StrEnum):
    """Why a pending transaction became something else."""

    REQUESTED = "requested"
    EXPIRED = "expired"
    USER_DELETED = "user_deleted"


class CostMethod(StrEnum):
    """How what is sold is taken out of what was paid for all that is there."""

    AVERAGE = "average"
    FIFO = "fifo"


TRADES = {"buy": 1, "sell": -1}
"""1 where the user gets the asset, -1 where the user gives it; against the currency, the other way round."""

MOVES = {
    "deposit": 1,
    "withdrawal": -1,
    "transfer_in": 1,
    "transfer_out": -1,
    "fee": -1,
    "correction_in": 1,
    "correction_out": -1,
}
"""Of one asset. A price on what comes in says what it cost; it moves no money."""

TYPES = TRADES | MOVES

BETWEEN_USERS = (*TRADES, "transfer_in", "transfer_out")
"""What may have a user on its other side."""

WITH_COST = ("deposit", "transfer_in", "correction_in")
"""What may have a price though it is no trade."""

FEE = "fee"


class PendingTransaction(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One that is not settled yet, known by the sequence at which it was entered: what `events.TransactionEntered` says of it.

    One that is `guarded` neither expires nor goes with its user, and has no user on its other side.
    """

    number: int
    user: int
    asset: str
    asset_change: int
    currency: str | None
    currency_change: int
    counterparty: int | None
    earned: bool
    expires_at_us: int | None
    guarded: bool

    @property
    def is_trade_between_users(self) -> bool:
        """Only a trade moves both the asset and the currency."""
        return self.counterparty is not None and self.currency_change != 0

    def holds(self) -> Iterator[tuple[int, str, int]]:
        """What it keeps out of whose reach, as (user, asset, amount): all that they are to give."""
        for asset, change in ((self.asset, self.asset_change), (self.currency, self.currency_change)):
            if asset is not None and change < 0:
                yield self.user, asset, -change
            elif asset is not None and change > 0 and self.counterparty is not None:
                yield self.counterparty, asset, change


def changes(transaction_type: str, *, quantity: int, total: int, fee: int) -> tuple[int, int]:
    """What it adds to the user's asset and currency, in smallest units; a buyer pays the fee on top, a seller out of the proceeds."""
    direction = TYPES[transaction_type]
    return direction * quantity, -direction * total - fee if transaction_type in TRADES else 0


def exact_value(asset: Asset, currency: Asset, *, quantity: int, price: int, price_decimals: int) -> int | None:
    """Price times quantity in the currency's smallest units; None where it is finer than these.

    `quantity` in the asset's smallest units, `price` in 10^-`price_decimals` currency per whole asset.
    """
    scale: int = 10 ** (asset.decimals + price_decimals)
    value, rest = divmod(quantity * price * int(10**currency.decimals), scale)
    return None if rest else value
