"""One user's transactions and orders, found and listed.

Here: what the services of a user read of both. Never here: checks of what is asked (history_input), SQL (users/tables).
Always: lists come in pages, and a page's `next` leads on from its last row whatever has come, gone or changed meanwhile: what stood there
at the beginning and still matches is seen once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from credit_trading.checks import checked_limit
from credit_trading.errors import NotFound
from credit_trading.trading import history_input
from credit_trading.trading.desk import Desk
from credit_trading.trading.history_input import OrderQuery, TransactionQuery
from credit_trading.trading.outcome import average_price
from credit_trading.trading.pages import Page, page_of, position_after
from credit_trading.trading.principal import Principal
from credit_trading.trading.records import OrderRecord, TransactionRecord
from credit_trading.users.tables import order_search, search
from credit_trading.users.tables.keyset import Row, Way

_TRANSACTIONS, _ORDERS, _HISTORY = "transactions.list", "orders.list", "orders.history"
_WIDTH = len(search.COLUMNS)


class TransactionHistory:
    """The transactions of the user it is bound to."""

    _desk: Desk
    _principal: Principal
    _user: int

    def get_transaction_history(
        self,
        *,
        sort: str | None = None,
        ascending: bool = False,
        limit: int | None = None,
        after: str | None = None,
        **query: Unpack[TransactionQuery],
    ) -> Page[TransactionRecord]:
        """Those that are all of what `query` gives (`TransactionQuery`): at most `limit`, after the page whose `next` is `after`.

        `sort` is `date` (when it happened; unless given), `entered` (the id), `quantity` (with a credit type) or `total` (with a
        currency; those without one are left out): the latest or largest first, or the other way round if `ascending`; equal ones by
        their id. By text they are found in the order in which they were entered, which takes no other filters without a text. Raises
        InvalidInput, NotFound for an unknown asset.
        """
        filters = history_input.transaction_filters(self._desk, **query)
        order = history_input.transaction_sort(sort, filters)
        way = history_input.checked_switch(ascending, what="ascending")
        most = checked_limit(limit, what=_TRANSACTIONS)
        question = ("transactions", self._user, filters, order, way)
        place = None
        if after is not None:
            place = position_after(after, question, of=1 if order == "entered" else 2, what=_TRANSACTIONS)
        kept = self._desk.ask(
            self._user,
            (*question, place, most),
            lambda connection: _transactions(
                search.transactions(
                    connection, filters, sort=order, way=Way(ascending=way, after=place), most=_one_more(most)
                ),
                most,
                question,
            ),
        )
        return Page(list(kept), kept.next)

    def get_transaction(self, transaction_id: int) -> TransactionRecord:
        """One of the user's transactions. Raises InvalidInput, NotFound."""
        number = history_input.checked_transaction_id(transaction_id)
        row = self._desk.ask(
            self._user, ("transaction", number), lambda connection: search.transaction(connection, number)
        )
        if row is None:
            user_id = self._principal.user_id
            raise NotFound(
                "transactions",
                number,
                f"user {user_id} has no such transaction",
                hint=f"List them: credit-trading transactions list {user_id}.",
            )
        return TransactionRecord(*row)


class OrderHistory:
    """The orders of the user it is bound to, open and done."""

    _desk: Desk
    _user: int

    def get_orders(
        self,
        *,
        state: str = "all",
        ascending: bool = False,
        limit: int | None = None,
        after: str | None = None,
        **query: Unpack[OrderQuery],
    ) -> Page[OrderRecord]:
        """Those that are all of what `query` gives (`OrderQuery`), as they were placed, the latest first, or the first if `ascending`.

        `state` is `active`, `done` or `all`; at most `limit`, after the page whose `next` is `after`. An order that is done between two
        pages is not seen twice. Raises InvalidInput, NotFound for an unknown instrument or asset.
        """
        filters = history_input.order_filters(self._desk, **query)
        wanted = history_input.order_state(state, filters)
        way = history_input.checked_switch(ascending, what="ascending")
        most = checked_limit(limit, what=_ORDERS)
        question = ("orders", self._user, filters, wanted, way)
        place = None
        if after is not None:
            place = position_after(after, question, of=2 if filters.words is None else 1, what=_ORDERS)
        found = self._desk.ask(
            self._user,
            (*question, place, most),
            lambda connection: order_search.orders(
                connection, filters, state=wanted, way=Way(ascending=way, after=place), most=_one_more(most)
            ),
        )
        return self._page(found, most, question)

    def get_order_history(self, *, limit: int | None = None, after: str | None = None) -> Page[OrderRecord]:
        """Orders that are done, those that ended last first; in pages as `get_orders`, which has filters. Raises InvalidInput."""
        most = checked_limit(limit, what=_HISTORY)
        question = ("ended", self._user)
        place = None if after is None else position_after(after, question, of=2, what=_HISTORY)
        found = self._desk.ask(
            self._user,
            (*question, place, most),
            lambda connection: order_search.ended(connection, way=Way(after=place), most=_one_more(most)),
        )
        return self._page(found, most, question)

    def _page(self, found: Sequence[Row], most: int, question: object) -> Page[OrderRecord]:
        page = page_of(found, limit=most, question=question, position=lambda row: row[len(order_search.COLUMNS) :])
        return Page([order_record(row[: len(order_search.COLUMNS)], self._desk) for row in page], page.next)


def order_record(row: Row, desk: Desk) -> OrderRecord:
    """From the columns of an order that was found."""
    fields = dict(zip(order_search.COLUMNS, row, strict=True))
    instrument = desk.instrument(fields["symbol"])
    fields["average_price"] = average_price(
        instrument,
        value=instrument.quote.parse(fields["filled_value"]),
        quantity=instrument.base.parse(fields["filled_quantity"]),
    )
    fields["reason"] = fields["reason"] or None
    return OrderRecord(**fields)


def _transactions(found: Sequence[Row], most: int, question: object) -> Page[TransactionRecord]:
    """The page is what is kept: records are read again and again, and rows never."""
    page = page_of(found, limit=most, question=question, position=lambda row: row[_WIDTH:])
    return Page([TransactionRecord(*row[:_WIDTH]) for row in page], page.next)


def _one_more(most: int) -> int:
    """Than the page has, to know whether there is another; -1 stays all."""
    return most if most < 0 else most + 1
