"""What can be asked of the engine: whole ticks, lots and smallest units, known names, users as numbers.

Always: a command holds no personal data and no time; two commands of equal content are equal.
"""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from credit_trading.money import Asset, Instrument


class Command(msgspec.Struct, frozen=True, tag=True):
    """Base of all commands. Its encoding is the content that a repeated command id is compared by."""


class PlaceOrder(Command, frozen=True):
    """FIX NewOrderSingle (35=D). `price_ticks` is None for a market order; `expires_at_us` is ExpireTime (126)."""

    user: int
    symbol: str
    buys: bool
    quantity_lots: int
    price_ticks: int | None
    time_in_force: str
    expires_at_us: int | None = None
    client_order_id: str | None = None


class CancelOrder(Command, frozen=True):
    """FIX OrderCancelRequest (35=F): by order number, or by client order id (OrigClOrdID 41) where `order` is None."""

    user: int
    order: int | None
    client_order_id: str | None = None


class AmendOrder(Command, frozen=True):
    """FIX OrderCancelReplaceRequest (35=G). `quantity_lots` is the order's total, what is filled included; None keeps the value.

    `symbol` is the instrument on whose grid price and quantity were counted: the order's own.
    """

    user: int
    symbol: str
    order: int | None
    client_order_id: str | None = None
    price_ticks: int | None = None
    quantity_lots: int | None = None


class Deposit(Command, frozen=True):
    user: int
    asset: str
    amount: int


class Withdraw(Command, frozen=True):
    user: int
    asset: str
    amount: int


class TradeOffBook(Command, frozen=True):
    """A deal made elsewhere between two users, settled at once and without fees. `price` counts 10^-`price_decimals` quote per base."""

    buyer: int
    seller: int
    base: str
    quote: str
    quantity: int
    price: int
    price_decimals: int
    total: int
    external_reference: str | None = None


class CreateUser(Command, frozen=True):
    """`digest` is salted and stands for the person in the journal."""

    digest: str


class ChangeEmail(Command, frozen=True):
    user: int
    digest: str


class DeleteUser(Command, frozen=True):
    """`sweep_to` takes the balances after the orders are canceled; None refuses a user who has any."""

    user: int
    sweep_to: int | None = None


class AddAsset(Command, frozen=True):
    asset: Asset


class AddInstrument(Command, frozen=True):
    instrument: Instrument


class SetInstrumentStatus(Command, frozen=True):
    """FIX SecurityTradingStatus (326): `halted` takes cancels only."""

    symbol: str
    halted: bool


class Request(msgspec.Struct, frozen=True, gc=False):
    """A command on its way: under which id it is remembered, and when it was prepared.

    `content` is the digest that tells whether a repeated id means the same.
    """

    id: str
    content: str
    prepared_us: int
    command: Command

    @classmethod
    def of(cls, command: Command, *, command_id: str, prepared_us: int) -> Request:
        return cls(command_id, blake2b(_encode(command), digest_size=8).hexdigest(), prepared_us, command)


_encode = msgspec.msgpack.Encoder().encode
