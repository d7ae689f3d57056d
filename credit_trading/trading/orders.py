"""OrderManagementService: one user's orders."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import attrs

from credit_trading.clock import LATEST_US, parse_time
from credit_trading.errors import InvalidInput, NotFound
from credit_trading.exchange import commands as cmd
from credit_trading.exchange.order import OrderType, Side, TimeInForce
from credit_trading.money import MAX_UNITS, Instrument
from credit_trading.trading.desk import Desk
from credit_trading.trading.outcome import OrderReport, average_price
from credit_trading.trading.principal import Principal, checked_id
from credit_trading.trading.records import OrderRecord, select
from credit_trading.trading.sequencer import Prepared

Number = str | int | Decimal
"""An exact number: plain decimal text, a whole number or a Decimal; never a float."""


class OrderManagementService:
    """Places, amends, cancels and shows the orders of the user it is bound to.

    The `prepare_…` methods check input and return commands for `Exchange.submit`; the others submit at once.
    """

    def __init__(self, desk: Desk, principal: Principal) -> None:
        assert principal.number is not None
        self._desk = desk
        self._principal = principal
        self._user = principal.number
        self._note = principal.note()

    def create_order(
        self,
        symbol: str,
        side: str,
        quantity: Number,
        price: Number | None = None,
        *,
        time_in_force: str | None = None,
        expires_at: str | int | datetime | None = None,
        client_order_id: str | None = None,
        command_id: str | None = None,
    ) -> OrderReport:
        """A new order (FIX NewOrderSingle 35=D); a market order where `price` is None.

        `time_in_force` is GTC, GTD, IOC or FOK; unless given GTC for limit, GTD for limit with `expires_at`, IOC for market orders.
        `expires_at` is ISO 8601 text with an offset, an aware datetime, or microseconds since 1970 UTC.

        Repeating a `client_order_id` with the same content returns the first answer. Raises InvalidInput or NotFound for what
        cannot be an order, CommandConflict for an id that stood for another, OrderRejected for the market's no.
        """
        prepared = self.prepare_order(
            symbol,
            side,
            quantity,
            price,
            time_in_force=time_in_force,
            expires_at=expires_at,
            client_order_id=client_order_id,
            command_id=command_id,
        )
        outcome, answer = self._desk.run("orders.place", f"{side} {quantity} {symbol}", prepared)
        return OrderReport.of(outcome, answer, self._desk.instrument(symbol))

    def prepare_order(
        self,
        symbol: str,
        side: str,
        quantity: Number,
        price: Number | None = None,
        *,
        time_in_force: str | None = None,
        expires_at: str | int | datetime | None = None,
        client_order_id: str | None = None,
        command_id: str | None = None,
    ) -> Prepared:
        """As `create_order`, checked and ready to be submitted together with others."""
        instrument = self._desk.instrument(symbol)
        if side not in ("buy", "sell"):
            raise InvalidInput("orders.place", side, "a side is buy or sell", hint="Write buy or sell.")
        quantity_lots = instrument.parse_quantity(quantity)
        price_ticks = None if price is None else instrument.parse_price(price)
        if price_ticks is not None:
            _check_size(instrument, price_ticks, quantity_lots)
        expires_at_us = None if expires_at is None else _moment(expires_at)
        if client_order_id is not None:
            checked_id(client_order_id, what="client order id")
        return self._desk.sequencer.prepare(
            cmd.PlaceOrder(
                self._user,
                symbol,
                side == Side.BUY.value,
                quantity_lots,
                price_ticks,
                _time_in_force(time_in_force, price_ticks, expires_at_us),
                expires_at_us,
                client_order_id,
            ),
            scope=self._principal.scope,
            command_id=self._principal.scoped(command_id) or self._principal.scoped(client_order_id, kind="order"),
            note=self._note,
        )

    def amend_order(
        self,
        order_id: int | None = None,
        *,
        price: Number | None = None,
        quantity: Number | None = None,
        client_order_id: str | None = None,
        command_id: str | None = None,
    ) -> OrderReport:
        """Changes price or total quantity (FIX OrderCancelReplaceRequest 35=G). Less quantity keeps the order's place, all else loses it.

        Raises NotFound for an order that is not this user's, OrderRejected for one that is done or for what the balance does not cover.
        """
        record = self.get_order(order_id, client_order_id=client_order_id)
        prepared = self.prepare_amend(
            record.order_id, price=price, quantity=quantity, symbol=record.symbol, command_id=command_id
        )
        outcome, answer = self._desk.run("orders.amend", record.order_id, prepared)
        return OrderReport.of(outcome, answer, self._desk.instrument(record.symbol))

    def prepare_amend(
        self,
        order_id: int | None = None,
        *,
        symbol: str,
        price: Number | None = None,
        quantity: Number | None = None,
        client_order_id: str | None = None,
        command_id: str | None = None,
    ) -> Prepared:
        """`symbol` must be the order's own; it gives the grid of the new price and quantity."""
        instrument = self._desk.instrument(symbol)
        if price is None and quantity is None:
            raise InvalidInput("orders.amend", order_id, "nothing to change", hint="Give a price, a quantity or both.")
        command = cmd.AmendOrder(
            self._user,
            symbol,
            _order_number(order_id, client_order_id),
            client_order_id,
            None if price is None else instrument.parse_price(price),
            None if quantity is None else instrument.parse_quantity(quantity),
        )
        return self._desk.sequencer.prepare(
            command, scope=self._principal.scope, command_id=self._principal.scoped(command_id), note=self._note
        )

    def cancel_order(
        self, order_id: int | None = None, *, client_order_id: str | None = None, command_id: str | None = None
    ) -> OrderReport:
        """Takes an open order off the book (FIX OrderCancelRequest 35=F).

        Raises NotFound for an order that is not this user's, OrderRejected (`order_not_open`) for one that is done.
        """
        record = self.get_order(order_id, client_order_id=client_order_id)
        prepared = self.prepare_cancel(record.order_id, command_id=command_id)
        outcome, answer = self._desk.run("orders.cancel", record.order_id, prepared)
        return OrderReport.of(outcome, answer, self._desk.instrument(record.symbol))

    def prepare_cancel(
        self, order_id: int | None = None, *, client_order_id: str | None = None, command_id: str | None = None
    ) -> Prepared:
        command = cmd.CancelOrder(self._user, _order_number(order_id, client_order_id), client_order_id)
        return self._desk.sequencer.prepare(
            command, scope=self._principal.scope, command_id=self._principal.scoped(command_id), note=self._note
        )

    def get_active_orders(self, *, symbol: str | None = None) -> list[OrderRecord]:
        """Open orders with their progress, oldest first."""
        where, parameters = ("WHERE symbol = ? ", (symbol,)) if symbol is not None else ("", ())
        return self._select("active_orders", where + "ORDER BY order_id", parameters)

    def get_order_history(self, *, limit: int | None = None) -> list[OrderRecord]:
        """Orders that are done, the latest first."""
        return self._select(
            "order_history", "ORDER BY closed_at DESC, order_id DESC LIMIT ?", (-1 if limit is None else limit,)
        )

    def get_order(self, order_id: int | None = None, *, client_order_id: str | None = None) -> OrderRecord:
        """One order, open or done; by client order id the latest of that name. Raises NotFound."""
        number = _order_number(order_id, client_order_id)
        column, value = ("order_id", number) if number is not None else ("client_order_id", client_order_id)
        for table in ("active_orders", "order_history"):
            found = self._select(table, f"WHERE {column} = ? ORDER BY order_id DESC LIMIT 1", (value,))
            if found:
                return found[0]
        raise NotFound(
            "orders",
            value,
            f"user {self._principal.user_id} has no such order",
            hint=f"List them: credit-trading orders list {self._principal.user_id}.",
        )

    def _select(self, table: str, where: str, parameters: tuple[object, ...]) -> list[OrderRecord]:
        with self._desk.file_of(self._user) as connection:
            records = select(connection, OrderRecord, f"{table}_readable", where=where, parameters=parameters)
        return [
            attrs.evolve(record, average_price=self._average(record), reason=record.reason or None)
            for record in records
        ]

    def _average(self, record: OrderRecord) -> str | None:
        instrument = self._desk.instrument(record.symbol)
        return average_price(
            instrument,
            value=instrument.quote.parse(record.filled_value),
            quantity=instrument.base.parse(record.filled_quantity),
        )


def _time_in_force(given: str | None, price_ticks: int | None, expires_at_us: int | None) -> str:
    """The order's time in force (FIX 59), checked against its type and expiry. Raises InvalidInput."""
    limit = price_ticks is not None
    if given is None:
        default = TimeInForce.GTC if limit else TimeInForce.IOC
        return (TimeInForce.GTD if expires_at_us is not None else default).value
    if given not in TimeInForce.__members__:
        raise InvalidInput(
            "orders.place", given, "no such time in force", hint=f"Choose from {', '.join(TimeInForce.__members__)}."
        )
    if not limit and given != TimeInForce.IOC:
        raise InvalidInput(
            "orders.place", given, f"a {OrderType.MARKET.value} order is IOC", hint="Give a price, or leave it out."
        )
    if (given == TimeInForce.GTD) != (expires_at_us is not None):
        raise InvalidInput(
            "orders.place", given, "GTD and an expiry go together", hint="GTD needs an expiry; nothing else takes one."
        )
    return given


def _check_size(instrument: Instrument, price_ticks: int, quantity_lots: int) -> None:
    if instrument.value(price_ticks=price_ticks, quantity_lots=quantity_lots) * 2 > MAX_UNITS:
        raise InvalidInput(
            "orders.place",
            f"{instrument.format_quantity(quantity_lots)} at {instrument.format_price(price_ticks)}",
            "price times quantity is larger than any account can hold",
            hint="Place a smaller order.",
        )


def _moment(expires_at: str | int | datetime) -> int:
    if isinstance(expires_at, bool):
        raise _no_moment(expires_at)
    try:
        moment_us = expires_at if isinstance(expires_at, int) else parse_time(expires_at)
    except (ValueError, OverflowError, TypeError) as error:
        raise _no_moment(expires_at) from error
    if not 0 < moment_us <= LATEST_US:
        raise _no_moment(expires_at)
    return moment_us


def _no_moment(expires_at: object) -> InvalidInput:
    return InvalidInput(
        "expiry", str(expires_at)[:40], "not a moment with an offset from UTC", hint="Write 2026-12-31T17:00:00Z."
    )


def _order_number(order_id: int | None, client_order_id: str | None) -> int | None:
    """Exactly one of the two names an order. Raises InvalidInput."""
    if (order_id is None) == (client_order_id is None):
        raise InvalidInput(
            "orders", "", "an order is named by its id or its client order id", hint="Give one of the two."
        )
    if order_id is None:
        return None
    if isinstance(order_id, bool) or not isinstance(order_id, int) or not 0 < order_id <= MAX_UNITS:
        raise InvalidInput(
            "orders", str(order_id)[:40], "an order id is a whole number above zero", hint="For example 17."
        )
    return order_id
