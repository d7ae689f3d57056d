"""OwnOrders: one user's orders, placed, amended, canceled and shown."""

from __future__ import annotations

import attrs

from credit_trading.checks import checked_text
from credit_trading.errors import NotFound
from credit_trading.exchange import commands as cmd
from credit_trading.exchange.order import INTERNAL, LIMIT, MARKET
from credit_trading.exchange.rejections import Rejection
from credit_trading.journal.notes import Note
from credit_trading.trading import order_input
from credit_trading.trading.desk import Desk, Number
from credit_trading.trading.history import OrderHistory
from credit_trading.trading.order_input import Moment
from credit_trading.trading.outcome import MassCancelReport, OrderReport, average_price
from credit_trading.trading.principal import Principal
from credit_trading.trading.records import OrderRecord, select
from credit_trading.trading.sequencer import Prepared

_DUPLICATE = f"reason = '{Rejection.DUPLICATE_CLIENT_ORDER_ID.value}'"
"""An order that was refused because another one has its name."""


class OwnOrders(OrderHistory):
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
        order_type: str | None = None,
        stop_price: Number | None = None,
        time_in_force: str | None = None,
        expires_at: Moment | None = None,
        display_quantity: Number | None = None,
        post_only: bool = False,
        self_trade: str | None = None,
        route: str = INTERNAL,
        client_order_id: str | None = None,
        command_id: str | None = None,
    ) -> OrderReport:
        """A new order (FIX NewOrderSingle 35=D).

        `order_type` is limit, market, stop or stop_limit, and follows from `price` and `stop_price` where it is not given.
        `time_in_force` is GTC, DAY (to the end of the session), GTD (to `expires_at`), IOC or FOK; unless given GTD with an expiry,
        IOC for market orders, else GTC. `expires_at` is ISO 8601 text with an offset, an aware datetime, or microseconds since 1970 UTC.
        `display_quantity` makes an iceberg: the book shows so much of it at a time. `self_trade` is what happens where it meets an order
        of the same user: cancel_newest, cancel_oldest, cancel_both or decrement; unless given, the instrument's own mode.
        With `route` external the order holds what it needs and is worked elsewhere, from where its fills are reported: a limit order,
        or a sell at market, that waits (GTC, DAY or GTD).

        Repeating a `client_order_id` with the same content returns the first answer. Raises InvalidInput or NotFound for what
        cannot be an order, CommandConflict for an id that stood for another, OrderRejected for the market's no.
        """
        prepared = self.prepare_order(
            symbol,
            side,
            quantity,
            price,
            order_type=order_type,
            stop_price=stop_price,
            time_in_force=time_in_force,
            expires_at=expires_at,
            display_quantity=display_quantity,
            post_only=post_only,
            self_trade=self_trade,
            route=route,
            client_order_id=client_order_id,
            command_id=command_id,
        )
        return self._report("orders.place", f"{side} {quantity} {symbol}", symbol, prepared)

    def prepare_order(
        self,
        symbol: str,
        side: str,
        quantity: Number,
        price: Number | None = None,
        *,
        order_type: str | None = None,
        stop_price: Number | None = None,
        time_in_force: str | None = None,
        expires_at: Moment | None = None,
        display_quantity: Number | None = None,
        post_only: bool = False,
        self_trade: str | None = None,
        route: str = INTERNAL,
        client_order_id: str | None = None,
        command_id: str | None = None,
    ) -> Prepared:
        """As `create_order`, checked and ready to be submitted together with others."""
        instrument = self._desk.instrument(symbol)
        command: cmd.Command
        if order_input.checked_route(route) == INTERNAL:
            command = order_input.place_order(
                self._user,
                instrument,
                side,
                quantity,
                price,
                order_type=order_type,
                stop_price=stop_price,
                time_in_force=time_in_force,
                expires_at=expires_at,
                display_quantity=display_quantity,
                post_only=post_only,
                self_trade=self_trade,
                client_order_id=client_order_id,
            )
        else:
            command = order_input.place_external_order(
                self._user,
                instrument,
                side,
                quantity,
                price,
                time_in_force=time_in_force,
                expires_at=expires_at,
                client_order_id=client_order_id,
                unfit={
                    "stop price": stop_price,
                    "display quantity": display_quantity,
                    "post-only": post_only,
                    "self-trade mode": self_trade,
                    "order type": None if order_type in (None, _external_type(price)) else order_type,
                },
            )
        # An order that is named once need not be named twice: the exchange remembers it by its client order id then.
        named = self._principal.scoped(client_order_id, kind="order")
        return self._prepare(command, named if command_id in (None, named) else self._principal.scoped(command_id))

    def amend_order(
        self,
        order_id: int | None = None,
        *,
        price: Number | None = None,
        quantity: Number | None = None,
        expires_at: Moment | None = None,
        display_quantity: Number | None = None,
        expected_version: int | None = None,
        client_order_id: str | None = None,
        command_id: str | None = None,
    ) -> OrderReport:
        """Changes an open order (FIX OrderCancelReplaceRequest 35=G); `quantity` is its total, what is filled included.

        Less quantity, another expiry and a smaller display keep the order's place, all else loses it. A new expiry makes it GTD.
        `expected_version` refuses the change if the order is no longer as it was seen (`version_changed`).

        Raises NotFound for an order that is not this user's, InvalidInput for what the order does not have, OrderRejected for one that
        is done, for what the balance does not cover, and for what the instrument's rules refuse.
        """
        record = self.get_order(order_id, client_order_id=client_order_id)
        if display_quantity is not None and quantity is None:
            order_input.check_display(self._desk.instrument(record.symbol), display_quantity, record.quantity)
        prepared = self.prepare_amend(
            record.order_id,
            symbol=record.symbol,
            price=price,
            quantity=quantity,
            expires_at=expires_at,
            display_quantity=display_quantity,
            expected_version=expected_version,
            command_id=command_id,
        )
        return self._report("orders.amend", record.order_id, record.symbol, prepared)

    def prepare_amend(
        self,
        order_id: int | None = None,
        *,
        symbol: str,
        price: Number | None = None,
        quantity: Number | None = None,
        expires_at: Moment | None = None,
        display_quantity: Number | None = None,
        expected_version: int | None = None,
        client_order_id: str | None = None,
        command_id: str | None = None,
    ) -> Prepared:
        """`symbol` must be the order's own; it gives the grid of the new price and quantity."""
        command = order_input.amend_order(
            self._user,
            self._desk.instrument(symbol),
            order_id,
            client_order_id,
            price=price,
            quantity=quantity,
            expires_at=expires_at,
            display_quantity=display_quantity,
            expected_version=expected_version,
        )
        return self._prepare(command, self._principal.scoped(command_id))

    def cancel_order(
        self, order_id: int | None = None, *, client_order_id: str | None = None, command_id: str | None = None
    ) -> OrderReport:
        """Takes an open order off the book (FIX OrderCancelRequest 35=F).

        Raises NotFound for an order that is not this user's, OrderRejected (`order_not_open`) for one that is done.
        """
        record = self.get_order(order_id, client_order_id=client_order_id)
        prepared = self.prepare_cancel(record.order_id, command_id=command_id)
        return self._report("orders.cancel", record.order_id, record.symbol, prepared)

    def prepare_cancel(
        self, order_id: int | None = None, *, client_order_id: str | None = None, command_id: str | None = None
    ) -> Prepared:
        command = cmd.CancelOrder(self._user, *order_input.order_name(order_id, client_order_id))
        return self._prepare(command, self._principal.scoped(command_id))

    def cancel_all_orders(self, *, symbol: str | None = None, command_id: str | None = None) -> MassCancelReport:
        """Cancels all open orders, of one instrument where `symbol` is given (FIX OrderMassCancelRequest 35=q). Raises NotFound."""
        prepared = self.prepare_cancel_all(symbol=symbol, command_id=command_id)
        outcome, answer = self._desk.run("orders.cancel-all", symbol or "", prepared)
        return MassCancelReport.of(outcome, answer)

    def prepare_cancel_all(self, *, symbol: str | None = None, command_id: str | None = None) -> Prepared:
        known = None if symbol is None else self._desk.instrument(symbol).symbol
        return self._prepare(cmd.CancelOrders(self._user, known), self._principal.scoped(command_id))

    def get_active_orders(self, *, symbol: str | None = None) -> list[OrderRecord]:
        """Open orders with their progress, oldest first. Raises InvalidInput.

        An order whose time is up stands among them until the next command of anybody, or `Exchange.expire_due`, has ended it.
        """
        where = "WHERE symbol = ? " if symbol is not None else ""
        parameters = () if symbol is None else (checked_text(symbol, what="symbol"),)
        return self._select("active_orders", where + "ORDER BY order_id", parameters)

    def get_order(self, order_id: int | None = None, *, client_order_id: str | None = None) -> OrderRecord:
        """One order, open or done; by client order id the latest of that name. Raises InvalidInput, NotFound.

        One that was refused because the name was taken is given only where there is no other: it never hides the order.
        """
        number, name = order_input.order_name(order_id, client_order_id)
        column, value = ("order_id", number) if number is not None else ("client_order_id", name)
        for table, order in (("active_orders", "order_id DESC"), ("order_history", f"{_DUPLICATE}, order_id DESC")):
            found = self._select(table, f"WHERE {column} = ? ORDER BY {order} LIMIT 1", (value,))
            if found:
                return found[0]
        raise NotFound(
            "orders",
            value,
            f"user {self._principal.user_id} has no such order",
            hint=f"List them: credit-trading orders list {self._principal.user_id}.",
        )

    def _prepare(self, command: cmd.Command, command_id: str | None, *, note: Note | None = None) -> Prepared:
        return self._desk.sequencer.prepare(
            command, scope=self._principal.scope, command_id=command_id, note=note or self._note
        )

    def _report(self, operation: str, subject: object, symbol: str, prepared: Prepared) -> OrderReport:
        outcome, answer = self._desk.run(
            operation,
            subject,
            prepared,
            user_id=self._principal.user_id,
            symbol=symbol,
            order_id=subject if isinstance(subject, int) else None,
        )
        return OrderReport.of(outcome, answer, self._desk.instrument(symbol))

    def _select(self, table: str, where: str, parameters: tuple[object, ...]) -> list[OrderRecord]:
        records = self._desk.ask(
            self._user,
            ("orders of", table, where, parameters),
            lambda connection: select(connection, OrderRecord, f"{table}_readable", where=where, parameters=parameters),
        )
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


def _external_type(price: Number | None) -> str:
    return MARKET if price is None else LIMIT
