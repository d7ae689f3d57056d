"""What can be asked of the engine: whole ticks, lots and smallest units, known names, users as numbers.

Always: a command holds no personal data and no time; two commands of equal content are equal.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import ClassVar

import msgspec

from credit_trading.exchange.market_rules import MarketRules, RuleChanges
from credit_trading.exchange.schedule import Schedule
from credit_trading.money import Asset, Instrument


class Command(msgspec.Struct, frozen=True, tag=True):
    """Base of all commands. Its encoding is the content that a repeated command id is compared by.

    `operation` is what errors call it: as the services and the command line do.
    """

    operation: ClassVar[str] = ""


class PlaceOrder(Command, frozen=True):
    """FIX NewOrderSingle (35=D). `price_ticks` is None for an order at market; `expires_at_us` is ExpireTime (126).

    `stop_ticks` (StopPx 99) makes it a stop or, with a price, a stop-limit order. `display_lots` (DisplayQty 1138) makes it an iceberg.
    `self_trade` is None for the instrument's own mode.
    """

    operation = "orders.place"
    user: int
    symbol: str
    buys: bool
    quantity_lots: int
    price_ticks: int | None
    time_in_force: str
    expires_at_us: int | None = None
    client_order_id: str | None = None
    stop_ticks: int | None = None
    display_lots: int | None = None
    post_only: bool = False
    self_trade: str | None = None


class PlaceExternalOrder(Command, frozen=True):
    """An order that is worked outside: it holds what it needs, and stands in no book. A buy needs its limit, a sell may go at market."""

    operation = "orders.place"
    user: int
    symbol: str
    buys: bool
    quantity_lots: int
    price_ticks: int | None
    time_in_force: str
    expires_at_us: int | None = None
    client_order_id: str | None = None

    # What only an order in the book can have.
    stop_ticks: ClassVar[int | None] = None
    display_lots: ClassVar[int | None] = None
    post_only: ClassVar[bool] = False
    self_trade: ClassVar[str | None] = None


class FillOutside(Command, frozen=True):
    """What was filled outside of an order with route `external`; `quantity_lots` None is all that remains.

    `price` counts 10^-`price_decimals` quote per base, `fee` the quote's smallest units. `occurred_at_us` None is now.
    """

    operation = "orders.progress"
    user: int
    symbol: str
    order: int | None
    client_order_id: str | None
    quantity_lots: int | None
    price: int
    price_decimals: int
    fee: int = 0
    occurred_at_us: int | None = None
    external_reference: str | None = None


class CancelOrder(Command, frozen=True):
    """FIX OrderCancelRequest (35=F): by order number, or by client order id (OrigClOrdID 41) where `order` is None."""

    operation = "orders.cancel"
    user: int
    order: int | None
    client_order_id: str | None = None


class AmendOrder(Command, frozen=True):
    """FIX OrderCancelReplaceRequest (35=G). `quantity_lots` is the order's total, what is filled included; None keeps the value.

    `symbol` is the instrument on whose grid price and quantity were counted: the order's own. `expected_version` refuses the amend if
    the order has changed since.
    """

    operation = "orders.amend"
    user: int
    symbol: str
    order: int | None
    client_order_id: str | None = None
    price_ticks: int | None = None
    quantity_lots: int | None = None
    expires_at_us: int | None = None
    display_lots: int | None = None
    expected_version: int | None = None


class CancelOrders(Command, frozen=True):
    """FIX OrderMassCancelRequest (35=q): all open orders of a user, of an instrument, or of a user in an instrument; not neither."""

    operation = "orders.cancel-all"
    user: int | None
    symbol: str | None


class Deposit(Command, frozen=True):
    operation = "accounts.deposit"
    user: int
    asset: str
    amount: int


class Withdraw(Command, frozen=True):
    operation = "accounts.withdraw"
    user: int
    asset: str
    amount: int


class EnterTransaction(Command, frozen=True):
    """What did not happen on the book: see `events.TransactionEntered`. `transaction_type` is one of `entered.TYPES`.

    `occurred_at_us` None is now. `counterparty` is a user here; who else it was stands in the note. `earned` is for a fee that the
    exchange keeps. A pending one that is `guarded` waits until an update that is guarded too ends it, and nothing else does.

    `guarded` came later than the other fields: where it is not set it is no part of the content, which so is what it was before.
    """

    operation = "transactions.record"
    user: int
    transaction_type: str
    asset: str
    quantity: int
    currency: str | None = None
    price: int | None = None
    price_decimals: int | None = None
    total: int | None = None
    fee: int = 0
    counterparty: int | None = None
    occurred_at_us: int | None = None
    pending: bool = False
    expires_at_us: int | None = None
    external_reference: str | None = None
    earned: bool = False
    guarded: bool | msgspec.UnsetType = msgspec.UNSET


class UpdateTransaction(Command, frozen=True):
    """Moves a pending transaction on, to `settled`, `cancelled` or `failed`; it is known by its id in the user's file.

    `guarded` says that it is one that only this may end: neither moves the other's on.
    """

    operation = "transactions.update"
    user: int
    transaction: int
    status: str
    guarded: bool | msgspec.UnsetType = msgspec.UNSET


class SetCostMethod(Command, frozen=True):
    operation = "transactions.cost-method"
    user: int
    method: str


class RecordTransaction(Command, frozen=True):
    """What happened elsewhere: see `events.TransactionRecorded`. `transaction_type` is one of `recorded.DIRECTIONS`.

    `recorded_at_us` came later than its other fields. Where it is not set it is no part of the content, which so is what it was before.
    """

    operation = "transactions.record"
    user: int
    transaction_type: str
    reference: str
    occurred_at_us: int
    asset: str
    quantity: int
    currency: str | None = None
    price: int | None = None
    price_decimals: int | None = None
    total: int | None = None
    fee: int = 0
    counterparty: int | None = None
    symbol: str | None = None
    role: str | None = None
    trade_reference: str | None = None
    external_reference: str | None = None
    recorded_at_us: int | msgspec.UnsetType = msgspec.UNSET


class CreateUser(Command, frozen=True):
    """`digest` is salted and stands for the person in the journal."""

    operation = "users.create"
    digest: str


class ChangeEmail(Command, frozen=True):
    operation = "users.email"
    user: int
    digest: str


class DeleteUser(Command, frozen=True):
    """`sweep_to` takes the balances after the orders are canceled; None refuses a user who has any."""

    operation = "users.delete"
    user: int
    sweep_to: int | None = None


class SuspendUser(Command, frozen=True):
    """Cancels the user's open orders and refuses new ones."""

    operation = "users.suspend"
    user: int


class ResumeUser(Command, frozen=True):
    operation = "users.resume"
    user: int


class SetUserFees(Command, frozen=True):
    """The user's own rates in one instrument; None for the instrument's."""

    operation = "users.fees"
    user: int
    symbol: str
    maker_ppm: int | None
    taker_ppm: int | None


class BustTrade(Command, frozen=True):
    """Takes a trade back, on the book or off it. What it posted is given as the journal has it; fees are 0 off the book."""

    operation = "trades.bust"
    trade: int
    symbol: str | None
    base: str
    quote: str
    buyer: int
    seller: int
    quantity: int
    value: int
    buyer_fee: int
    seller_fee: int


class AddAsset(Command, frozen=True):
    operation = "assets.add"
    asset: Asset


class AddInstrument(Command, frozen=True):
    operation = "instruments.add"
    instrument: Instrument
    rules: MarketRules = MarketRules()


class SetRules(Command, frozen=True):
    operation = "instruments.set"
    symbol: str
    changes: RuleChanges


class SetSchedule(Command, frozen=True):
    """None takes the schedule away; the instrument then stays as it is until it is opened or closed by hand."""

    operation = "instruments.schedule"
    symbol: str
    schedule: Schedule | None


class SetInstrumentStatus(Command, frozen=True):
    """FIX SecurityTradingStatus (326). None leaves that side of the status as it is: a halt outweighs the session, open or not."""

    operation = "instruments.status"
    symbol: str
    halted: bool | None = None
    session_open: bool | None = None


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
