"""One command under way: what rules look at, and how they answer.

Always: a rule emits events or raises, never both; the first event of a command carries the command's content.
"""

from __future__ import annotations

import msgspec

from credit_trading.errors import InvalidInput, NotFound, TradingError
from credit_trading.exchange import commands as cmd
from credit_trading.exchange import events as ev
from credit_trading.exchange.exchange_state import UserState
from credit_trading.exchange.market import Market
from credit_trading.exchange.order import Order
from credit_trading.exchange.rejections import Rejection
from credit_trading.exchange.replica import Replica
from credit_trading.exchange.schedule import Calendar
from credit_trading.money import Asset


class Decision(msgspec.Struct, eq=False, gc=False):
    """One command under way. `content` is the request's until the first event has carried it away, then None."""

    replica: Replica
    request: cmd.Request
    time_us: int
    calendar: Calendar
    content: str | None

    def emit(self, event: ev.Event) -> None:
        self.replica.record(event, self.time_us, self.request.id, self.content)
        self.content = None

    def reject(self, user: int, code: Rejection, *, order: int | None = None, other: int | None = None) -> None:
        """The market's "no" to anything but a new order."""
        name = type(self.request.command).__name__
        self.emit(ev.CommandRejected(user, name, code.value, order, other))

    def fail(self, error: type[TradingError], subject: object, problem: str, hint: str) -> TradingError:
        return error(self.request.command.operation, subject, problem, hint=hint)

    def market(self, symbol: str) -> Market:
        market = self.replica.markets.get(symbol)
        if market is None:
            raise self.fail(NotFound, symbol, "no such instrument", "List them: credit-trading instruments list.")
        return market

    def asset(self, code: str) -> Asset:
        asset = self.replica.assets.get(code)
        if asset is None:
            raise self.fail(NotFound, code, "no such asset", "List them: credit-trading assets list.")
        return asset

    def check_past(self, occurred_at_us: int, *, subject: object = "") -> None:
        """That what is said to have happened lies neither in the future nor before 1970. Raises InvalidInput."""
        if not 0 <= occurred_at_us <= self.time_us:
            problem = "the time at which it happened lies in the future, or before 1970"
            raise self.fail(InvalidInput, subject, problem, "Give a past time, or none if it happened now.")

    def user(self, number: int) -> UserState:
        user = self.replica.users.get(number)
        if user is None or user.deleted:
            raise self.fail(NotFound, f"#{number}", "no such user", "List them: credit-trading users list.")
        return user

    def own_order(self, user: int, order: int | None, client_order_id: str | None) -> Order | None:
        """The user's open order; None if it is open no longer.

        Not found: an order that never was, an open one of another user, a client order id that stands for nothing (any more). Whose an
        order was that is done is not known here.
        """
        if order is None:
            taken = self.replica.client_orders.get(user, client_order_id or "", time_us=self.time_us)
            if taken is None:
                raise self._no_such_order(client_order_id)
            return self.replica.orders.get(taken.answer.order)
        found = self.replica.orders.get(order)
        if found is not None and found.user == user:
            return found
        if found is not None or not 1 <= order <= self.replica.last_order:
            raise self._no_such_order(order)
        return None

    def _no_such_order(self, name: object) -> TradingError:
        return self.fail(
            NotFound, name, "this user has no such order", "List them: credit-trading orders list USER_ID."
        )
