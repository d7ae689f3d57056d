"""What happened: the facts that the journal keeps and everything else is derived from.

Here: one class per kind of event, with every number that applying it needs. Never here: rules, personal data, times.
Always: a kind's meaning never changes; a change of fields is a new version with an upcaster that is kept for ever.

Users are numbers. Amounts are smallest units, prices ticks and quantities lots unless a field says otherwise. `released` is the part
of an order's hold that the event gives back to its owner.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec


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
    """The first event. The memory of command ids is founded here, so that it is the same in every process."""

    kind = "founded"
    exchange_id: str
    remember_commands: int
    remember_commands_us: int


class Fenced(Event, frozen=True, omit_defaults=True, gc=False):
    """Follows a COMMIT that raised: whatever that commit left is now either before this event or gone for good."""

    kind = "fenced"


class AssetAdded(Event, frozen=True, omit_defaults=True, gc=False):
    kind = "asset_added"
    code: str
    decimals: int


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


class InstrumentStatusChanged(Event, frozen=True, omit_defaults=True, gc=False):
    kind = "instrument_status_changed"
    symbol: str
    halted: bool


class UserCreated(_OfUser, frozen=True, omit_defaults=True, gc=False):
    """`digest` is a salted hash of the user's id and e-mail; the salt stands in the catalogue."""

    kind = "user_created"
    digest: str


class UserEmailChanged(_OfUser, frozen=True, omit_defaults=True, gc=False):
    kind = "user_email_changed"
    digest: str


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
    """`quantity` in the base's smallest units; `price` in 10^-`price_decimals` quote per whole base; `total` is their exact product."""

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


class OrderAccepted(_OfUser, frozen=True, omit_defaults=True, gc=False):
    """FIX ExecType (150) New. The order stands in the book from here on; what it does on arrival follows as events of its own."""

    kind = "order_accepted"
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


class OrderRejected(_OfUser, frozen=True, omit_defaults=True, gc=False):
    """FIX ExecType Rejected: what was asked, and the code of the first check that failed."""

    kind = "order_rejected"
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


class OrderAmended(_OfUser, frozen=True, omit_defaults=True, gc=False):
    """FIX ExecType Replaced. `hold` is the new hold; `requeued` puts the order behind all others at its price."""

    kind = "order_amended"
    order: int
    price_ticks: int
    quantity_lots: int
    hold: int
    requeued: bool


class OrderCanceled(_OfUser, frozen=True, omit_defaults=True, gc=False):
    kind = "order_canceled"
    order: int
    reason: str
    released: int


class OrderExpired(_OfUser, frozen=True, omit_defaults=True, gc=False):
    kind = "order_expired"
    order: int
    released: int


class CommandRejected(_OfUser, frozen=True, omit_defaults=True, gc=False):
    """A cancel, amend, deposit, withdrawal or off-book trade that was refused; `other` is the second user it concerned."""

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


KINDS: dict[tuple[str, int], type[Event]] = {
    (cls.kind, cls.version): cls
    for cls in (
        Founded,
        Fenced,
        AssetAdded,
        InstrumentAdded,
        InstrumentStatusChanged,
        UserCreated,
        UserEmailChanged,
        UserDeleted,
        Deposited,
        Withdrawn,
        Transferred,
        TradedOffBook,
        OrderAccepted,
        OrderRejected,
        OrderAmended,
        OrderCanceled,
        OrderExpired,
        CommandRejected,
        Trade,
    )
}
"""Every kind and version that a journal may hold. A superseded version maps to the class that still reads it."""


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
