"""What happened: the facts that the journal keeps and everything else is derived from.

Here: one class per kind of event, with every number that applying it needs. Never here: rules, personal data, times.
Always: a kind's meaning never changes; a change of fields is a new version. Where it only adds fields, their defaults say what the
older version meant, and one class reads both; otherwise an upcaster is kept for ever.

Users are numbers. Amounts are smallest units, prices ticks and quantities lots unless a field says otherwise. `released` is the part
of an order's hold that the event gives back to its owner.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from credit_trading.exchange.entered import TransactionStatus
from credit_trading.exchange.market_rules import MarketRules
from credit_trading.exchange.order import CANCEL_NEWEST, INTERNAL, CancelReason, ExpiryReason
from credit_trading.exchange.schedule import Schedule


class Event(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Base of all events. `kind` and `version` name the class in the journal."""

    kind: ClassVar[str] = ""
    version: ClassVar[int] = 1

    def users(self) -> tuple[int | None, int | None]:
        """The at most two users concerned, in whose histories the event stands."""
        return None, None


class _OfUser(Event, frozen=True, omit_defaults=True, gc=False):
    user: int

    def users(self) -> tuple[int | None, int | None]:
        return self.user, None


class Founded(Event, frozen=True, omit_defaults=True, gc=False):
    """The first event. The memory of command and client order ids is founded here, so that it is the same in every process.

    Client order ids are remembered while their order is open, and after that the latest `remember_client_orders` of each user, for
    `remember_client_orders_us` at most.
    """

    kind = "founded"
    version = 2
    exchange_id: str
    remember_commands: int
    remember_commands_us: int
    remember_client_orders: int = 1_000
    remember_client_orders_us: int = 86_400_000_000


class Fenced(Event, frozen=True, omit_defaults=True, gc=False):
    """Follows a COMMIT that raised: whatever that commit left is now either before this event or gone for good."""

    kind = "fenced"


class AssetAdded(Event, frozen=True, omit_defaults=True, gc=False):
    """`project_id` is the host application's project that it belongs to, if any."""

    kind = "asset_added"
    version = 2
    code: str
    decimals: int
    project_id: str | None = None


class InstrumentAdded(Event, frozen=True, omit_defaults=True, gc=False):
    kind = "instrument_added"
    symbol: str
    base: str
    quote: str
    tick_size: str
    lot_size: str
    maker_ppm: int
    taker_ppm: int
    collar_ppm: int


class InstrumentRulesChanged(Event, frozen=True, omit_defaults=True, gc=False):
    kind = "instrument_rules_changed"
    symbol: str
    rules: MarketRules


class InstrumentScheduled(Event, frozen=True, omit_defaults=True, gc=False):
    """A schedule was set, or taken away. The moments are those of its next opening and close."""

    kind = "instrument_scheduled"
    symbol: str
    schedule: Schedule | None
    opens_at_us: int | None = None
    closes_at_us: int | None = None


class InstrumentStatusChanged(Event, frozen=True, omit_defaults=True, gc=False):
    """FIX SecurityStatus (35=f). `halted` outweighs the session; `reason` is `requested`, `schedule` or `unknown_time_zone`.

    The moments are those of the next opening and close by schedule, as seen from here.
    """

    kind = "instrument_status_changed"
    version = 2
    symbol: str
    halted: bool
    session_open: bool = True
    reason: str = "requested"
    opens_at_us: int | None = None
    closes_at_us: int | None = None


class UserFeesChanged(_OfUser, frozen=True, omit_defaults=True, gc=False):
    """The user's own rates in one instrument; None is the instrument's."""

    kind = "user_fees_changed"
    symbol: str
    maker_ppm: int | None = None
    taker_ppm: int | None = None


class UserCreated(_OfUser, frozen=True, omit_defaults=True, gc=False):
    """`digest` is a salted hash of the user's id and e-mail; the salt stands in the catalogue."""

    kind = "user_created"
    digest: str


class UserEmailChanged(_OfUser, frozen=True, omit_defaults=True, gc=False):
    kind = "user_email_changed"
    digest: str


class UserSuspended(_OfUser, frozen=True, omit_defaults=True, gc=False):
    """From here on the user's orders are refused; the cancels of the open ones follow."""

    kind = "user_suspended"


class UserResumed(_OfUser, frozen=True, omit_defaults=True, gc=False):
    kind = "user_resumed"


class UserDeleted(_OfUser, frozen=True, omit_defaults=True, gc=False):
    kind = "user_deleted"


class Deposited(_OfUser, frozen=True, omit_defaults=True, gc=False):
    """From the outside world to the user."""

    kind = "deposited"
    asset: str
    amount: int


class Withdrawn(_OfUser, frozen=True, omit_defaults=True, gc=False):
    """From the user to the outside world."""

    kind = "withdrawn"
    asset: str
    amount: int


class Transferred(Event, frozen=True, omit_defaults=True, gc=False):
    kind = "transferred"
    sender: int
    receiver: int
    asset: str
    amount: int

    def users(self) -> tuple[int | None, int | None]:
        return self.sender, self.receiver


class TradedOffBook(Event, frozen=True, omit_defaults=True, gc=False):
    """How deals between two users were told before there was `TransactionEntered`; none is told so any more.

    `quantity` in the base's smallest units; `price` in 10^-`price_decimals` quote per whole base; `total` is their exact product.
    """

    kind = "traded_off_book"
    trade: int
    buyer: int
    seller: int
    base: str
    quote: str
    quantity: int
    price: int
    price_decimals: int
    total: int
    external_reference: str | None = None

    def users(self) -> tuple[int | None, int | None]:
        return self.buyer, self.seller


class TransactionRecorded(_OfUser, frozen=True, omit_defaults=True, gc=False):
    """What happened elsewhere, at `occurred_at_us`, enters the user's history, against the outside world: no book and no price is touched.

    `asset_change` and `currency_change` are what is posted to the user. `quantity` in the asset's, `total` and `fee` in the currency's
    smallest units; `price` in 10^-`price_decimals` currency per whole asset. `reference` names it there, and once for each user;
    `counterparty` is a user here. Who else the other side was stands in the note. `recorded_at_us` is when it was entered there, or None.
    """

    kind = "transaction_recorded"
    version = 2
    transaction_type: str
    reference: str
    occurred_at_us: int
    asset: str
    quantity: int
    asset_change: int
    currency: str | None = None
    price: int | None = None
    price_decimals: int | None = None
    total: int | None = None
    fee: int = 0
    currency_change: int = 0
    counterparty: int | None = None
    symbol: str | None = None
    role: str | None = None
    trade_reference: str | None = None
    external_reference: str | None = None
    recorded_at_us: int | None = None


class TransactionEntered(_OfUser, frozen=True, omit_defaults=True, gc=False):
    """What was agreed off the book, entered here by an administrator; it happened at `occurred_at_us`, at the latest when it is entered.

    `asset_change` and `currency_change` are what is posted to the user once it is settled, and while it is `pending` what of them is
    below zero is held. With `counterparty`, a user here, the opposite is posted to (and held from) them; else to the outside world or,
    where it is `earned`, to the fees of the exchange. `quantity` in the asset's, `total` and `fee` in the currency's smallest units;
    `price` in 10^-`price_decimals` currency per whole asset. `trade` is there for a settled buy or sell between two users.
    Who else the other side was stands in the note. A pending one that is `guarded` is ended by whoever entered it so, and by nothing else.
    """

    kind = "transaction_entered"
    version = 2
    transaction_type: str
    occurred_at_us: int
    asset: str
    quantity: int
    asset_change: int
    currency: str | None = None
    price: int | None = None
    price_decimals: int | None = None
    total: int | None = None
    fee: int = 0
    currency_change: int = 0
    counterparty: int | None = None
    earned: bool = False
    trade: int | None = None
    status: str = TransactionStatus.SETTLED.value
    expires_at_us: int | None = None
    external_reference: str | None = None
    guarded: bool = False

    def users(self) -> tuple[int | None, int | None]:
        return self.user, self.counterparty


class TransactionUpdated(_OfUser, frozen=True, omit_defaults=True, gc=False):
    """A pending transaction, known by the sequence at which it was entered, is settled, cancelled or has failed: nothing is held any more.

    The changes are those of `TransactionEntered`; they are posted if it is settled. `trade` is there for a buy or sell between two users.
    `reason` is `requested`, `expired` or `user_deleted`.
    """

    kind = "transaction_updated"
    transaction: int
    status: str
    asset: str
    asset_change: int
    currency: str | None = None
    currency_change: int = 0
    counterparty: int | None = None
    earned: bool = False
    trade: int | None = None
    reason: str = "requested"

    def users(self) -> tuple[int | None, int | None]:
        return self.user, self.counterparty


class CostMethodChanged(_OfUser, frozen=True, omit_defaults=True, gc=False):
    """How the user's statistics reckon what was paid for what is sold: `average` or `fifo`. No balance depends on it."""

    kind = "cost_method_changed"
    method: str


class OrderAccepted(_OfUser, frozen=True, omit_defaults=True, gc=False):
    """FIX ExecType (150) New. The order stands in the book from here on; what it does on arrival follows as events of its own.

    One with `stop_ticks` (StopPx 99) waits outside the book until it is triggered; `price_ticks` is 0 if it will go at market then.
    One whose `route` is `external` is worked outside and stands in no book; its rates are 0, and so is `price_ticks` if it is at market.
    `display_lots` is DisplayQty (1138); `post_only` is ExecInst (18) 6; `self_trade` is SelfMatchPreventionInstruction (2964).
    """

    kind = "order_accepted"
    version = 3
    order: int
    symbol: str
    side: str
    order_type: str
    time_in_force: str
    price_ticks: int
    quantity_lots: int
    hold: int
    maker_ppm: int = 0
    taker_ppm: int = 0
    expires_at_us: int | None = None
    client_order_id: str | None = None
    stop_ticks: int | None = None
    display_lots: int | None = None
    post_only: bool = False
    self_trade: str = CANCEL_NEWEST
    route: str = INTERNAL


class OrderRejected(_OfUser, frozen=True, omit_defaults=True, gc=False):
    """FIX ExecType Rejected: what was asked, and the code of the first check that failed."""

    kind = "order_rejected"
    version = 3
    order: int
    symbol: str
    side: str
    order_type: str
    time_in_force: str
    quantity_lots: int
    code: str
    price_ticks: int | None = None
    expires_at_us: int | None = None
    client_order_id: str | None = None
    stop_ticks: int | None = None
    display_lots: int | None = None
    post_only: bool = False
    self_trade: str = CANCEL_NEWEST
    route: str = INTERNAL


class OrderFilledOutside(_OfUser, frozen=True, omit_defaults=True, gc=False):
    """FIX ExecType Trade (F) of an order that is worked outside, reported at any time after it happened, at `occurred_at_us`.

    Posted against the outside world: `value` is the exact product of price and quantity, `fee` what was charged there, both in the
    quote's smallest units; `price` in 10^-`price_decimals` quote per whole base. Where it was stands in the note.
    `order_lots` (OrderQty 38) is the order's quantity; `filled_lots` (CumQty 14), `filled_value` and `fees` are its totals with this fill.
    """

    kind = "order_filled_outside"
    order: int
    symbol: str
    side: str
    occurred_at_us: int
    quantity_lots: int
    price: int
    price_decimals: int
    value: int
    fee: int
    released: int
    order_lots: int
    filled_lots: int
    filled_value: int
    fees: int
    external_reference: str | None = None


class OrderAmended(_OfUser, frozen=True, omit_defaults=True, gc=False):
    """FIX ExecType Replaced. `hold` is the new hold; `requeued` puts the order behind all others at its price.

    An order with a new `expires_at_us` is GTD from here on; None leaves expiry, displayed quantity and rates as they are.
    """

    kind = "order_amended"
    version = 2
    order: int
    price_ticks: int
    quantity_lots: int
    hold: int
    requeued: bool
    expires_at_us: int | None = None
    display_lots: int | None = None
    maker_ppm: int | None = None
    taker_ppm: int | None = None


class OrderTriggered(_OfUser, frozen=True, omit_defaults=True, gc=False):
    """FIX ExecType Triggered (L): a stop enters the book, at its limit or, at market, with the collar as one. `hold` is the new hold."""

    kind = "order_triggered"
    order: int
    price_ticks: int
    hold: int


class OrderRefreshed(_OfUser, frozen=True, omit_defaults=True, gc=False):
    """FIX ExecType Restated (D): the slice that an iceberg showed is traded; the next, of `shown_lots`, joins the end of the queue."""

    kind = "order_refreshed"
    order: int
    shown_lots: int


class OrderReduced(_OfUser, frozen=True, omit_defaults=True, gc=False):
    """FIX ExecType Restated (D): self-trade prevention took some of the order's quantity; it keeps its place. `hold` is the new hold."""

    kind = "order_reduced"
    order: int
    quantity_lots: int
    hold: int
    reason: str = CancelReason.SELF_TRADE.value


class OrderCanceled(_OfUser, frozen=True, omit_defaults=True, gc=False):
    """FIX ExecType Canceled (4)."""

    kind = "order_canceled"
    order: int
    reason: str
    released: int


class OrdersMassCanceled(Event, frozen=True, omit_defaults=True, gc=False):
    """FIX OrderMassCancelReport (35=r): so many `orders` of a user, of an instrument or of both; their cancels follow, under one cause."""

    kind = "orders_mass_canceled"
    orders: int
    user: int | None = None
    symbol: str | None = None

    def users(self) -> tuple[int | None, int | None]:
        return self.user, None


class OrderExpired(_OfUser, frozen=True, omit_defaults=True, gc=False):
    """FIX ExecType Expired (C)."""

    kind = "order_expired"
    version = 2
    order: int
    released: int
    reason: str = ExpiryReason.EXPIRED.value


class CommandRejected(_OfUser, frozen=True, omit_defaults=True, gc=False):
    """Anything but a new order that was refused: a cancel, an amend, money in or out, a bust. `other` is the second user it concerned."""

    kind = "command_rejected"
    command: str
    code: str
    order: int | None = None
    other: int | None = None

    def users(self) -> tuple[int | None, int | None]:
        return self.user, self.other


class Trade(Event, frozen=True, omit_defaults=True, gc=False):
    """A match of an incoming order (taker) with a resting one (maker) at the maker's price."""

    kind = "trade"
    trade: int
    symbol: str
    price_ticks: int
    quantity_lots: int
    value: int
    taker_side: str
    taker: int
    taker_order: int
    taker_fee: int
    taker_released: int
    maker: int
    maker_order: int
    maker_fee: int
    maker_released: int

    def users(self) -> tuple[int | None, int | None]:
        return self.taker, self.maker


class TradeBusted(Event, frozen=True, omit_defaults=True, gc=False):
    """FIX ExecType Trade Cancel (H): all that the trade posted is posted back, fees included; orders and prices stay as they are.

    `quantity` in the base's, `value` and fees in the quote's smallest units, as the trade had them. `symbol` is None off the book.
    """

    kind = "trade_busted"
    trade: int
    buyer: int
    seller: int
    base: str
    quote: str
    quantity: int
    value: int
    buyer_fee: int = 0
    seller_fee: int = 0
    symbol: str | None = None

    def users(self) -> tuple[int | None, int | None]:
        return self.buyer, self.seller


KINDS: dict[tuple[str, int], type[Event]] = {
    (cls.kind, cls.version): cls
    for cls in (
        Founded,
        Fenced,
        AssetAdded,
        InstrumentAdded,
        InstrumentRulesChanged,
        InstrumentScheduled,
        InstrumentStatusChanged,
        UserCreated,
        UserEmailChanged,
        UserFeesChanged,
        UserSuspended,
        UserResumed,
        UserDeleted,
        Deposited,
        Withdrawn,
        Transferred,
        TradedOffBook,
        TransactionRecorded,
        TransactionEntered,
        TransactionUpdated,
        CostMethodChanged,
        OrderAccepted,
        OrderFilledOutside,
        OrderRejected,
        OrderAmended,
        OrderTriggered,
        OrderRefreshed,
        OrderReduced,
        OrderCanceled,
        OrdersMassCanceled,
        OrderExpired,
        CommandRejected,
        Trade,
        TradeBusted,
    )
}
"""Every kind and version that a journal may hold. A superseded version maps to the class that still reads it."""
KINDS |= {(kind, older): cls for (kind, version), cls in list(KINDS.items()) for older in range(1, version)}


class Entry(msgspec.Struct, gc=False):
    """An event in its place in history.

    `cause` is the id of the command that caused it; `content` is that command's digest, on its first event only. For each user
    concerned: the dense number of the event in their own history, and the sequence of their previous event (0 for none).
    """

    sequence: int
    time_us: int
    cause: str
    content: str | None
    event: Event
    user_a: int | None
    number_a: int | None
    previous_a: int | None
    user_b: int | None
    number_b: int | None
    previous_b: int | None
