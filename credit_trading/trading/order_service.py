"""OrderManagementService: an administrator's, for one user's orders: also reports what was filled outside."""

from __future__ import annotations

from credit_trading.checks import checked_id
from credit_trading.exchange import commands as cmd
from credit_trading.trading.desk import Number
from credit_trading.trading.order_input import Moment, order_name
from credit_trading.trading.orders import OwnOrders
from credit_trading.trading.outcome import OrderReport
from credit_trading.trading.periods import period_moment_us
from credit_trading.trading.sequencer import Prepared
from credit_trading.trading.transaction_input import checked_outside, parse_price

_PROGRESS, _COMPLETE = "orders.progress", "orders.complete"


class OrderManagementService(OwnOrders):
    """The orders of the user it is bound to, and the progress of those with route external."""

    def update_order_progress(
        self,
        order_id: int | None = None,
        *,
        quantity: Number,
        price: Number,
        fee: Number | None = None,
        client_order_id: str | None = None,
        occurred_at: Moment | None = None,
        outside: str | None = None,
        external_reference: str | None = None,
        key: str | None = None,
    ) -> OrderReport:
        """Reports that so much of an external order was filled outside, at that price (FIX ExecutionReport 35=8, ExecType F).

        The price may be finer than any tick, price times quantity must be exact in the currency. `fee` is what was charged there,
        `outside` is where it was, `occurred_at` when: a moment since the order was placed, or a date (its first moment in UTC). The same
        `key`, or the same `external_reference` (ExecID 17) of this user, gives the first answer again, however much later.

        Raises NotFound for an order that is not this user's, CommandConflict, InvalidInput, OrderRejected: `order_not_external`,
        `order_not_open`, `quantity_above_remaining`, `price_worse_than_limit`, `insufficient_funds` for the fee.
        """
        return self._fill(
            _PROGRESS,
            order_id,
            client_order_id,
            quantity,
            price,
            fee,
            occurred_at,
            outside,
            external_reference,
            key,
        )

    def complete_order(
        self,
        order_id: int | None = None,
        *,
        price: Number,
        fee: Number | None = None,
        client_order_id: str | None = None,
        occurred_at: Moment | None = None,
        outside: str | None = None,
        external_reference: str | None = None,
        key: str | None = None,
    ) -> OrderReport:
        """Reports that all that remained of an external order was filled outside, at that price; as `update_order_progress`."""
        return self._fill(
            _COMPLETE, order_id, client_order_id, None, price, fee, occurred_at, outside, external_reference, key
        )

    def prepare_progress(
        self,
        order_id: int | None = None,
        *,
        symbol: str,
        quantity: Number | None,
        price: Number,
        fee: Number | None = None,
        client_order_id: str | None = None,
        occurred_at: Moment | None = None,
        outside: str | None = None,
        external_reference: str | None = None,
        key: str | None = None,
    ) -> Prepared:
        """As `update_order_progress` and, where `quantity` is None, `complete_order`. `symbol` must be the order's own."""
        instrument = self._desk.instrument(symbol)
        price_units, price_decimals = parse_price(price, instrument.quote)
        command = cmd.FillOutside(
            self._user,
            instrument.symbol,
            *order_name(order_id, client_order_id),
            None if quantity is None else instrument.parse_quantity(quantity),
            price_units,
            price_decimals,
            0 if fee is None else instrument.quote.parse(fee, what="fee"),
            None if occurred_at is None else period_moment_us(occurred_at, what="time"),
            None if external_reference is None else checked_id(external_reference, what="external reference"),
        )
        return self._prepare(
            command,
            self._principal.scoped(key, kind="key"),
            note=self._principal.note(counterparty=checked_outside(outside)),
        )

    def _fill(
        self,
        operation: str,
        order_id: int | None,
        client_order_id: str | None,
        quantity: Number | None,
        price: Number,
        fee: Number | None,
        occurred_at: Moment | None,
        outside: str | None,
        external_reference: str | None,
        key: str | None,
    ) -> OrderReport:
        record = self.get_order(order_id, client_order_id=client_order_id)
        prepared = self.prepare_progress(
            record.order_id,
            symbol=record.symbol,
            quantity=quantity,
            price=price,
            fee=fee,
            occurred_at=occurred_at,
            outside=outside,
            external_reference=external_reference,
            key=key,
        )
        return self._report(operation, record.order_id, record.symbol, prepared)
