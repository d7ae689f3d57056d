"""What the exchange consists of at one moment: assets, markets, users, orders, balances, and what it remembers.

Here: the fields, and looking things up in them. Never here: what changes them (the effects of events), and whether it may (rules).
"""

from __future__ import annotations

import attrs
from sortedcontainers import SortedList

from credit_trading.exchange.accounts import Accounts
from credit_trading.exchange.answers import Answer, Answers
from credit_trading.exchange.client_orders import ClientOrders
from credit_trading.exchange.entered import PendingTransaction
from credit_trading.exchange.events import Founded
from credit_trading.exchange.market import Market
from credit_trading.exchange.order import Order
from credit_trading.money import Asset

NEVER_US = 1 << 63
"""Later than any moment."""


@attrs.define(eq=False)
class UserState:
    """A user as the exchange knows them. `last_sequence` and `event_count` lead backwards through the user's own history.

    `open_orders` are by symbol and number.
    """

    number: int
    event_count: int = 0
    last_sequence: int = 0
    deleted: bool = False
    suspended: bool = False
    open_orders: dict[str, dict[int, Order]] = attrs.Factory(dict)

    def open_orders_in(self, symbol: str | None) -> list[Order]:
        """By number; in all instruments if None."""
        groups = self.open_orders.values() if symbol is None else [self.open_orders.get(symbol, {})]
        return sorted((order for group in groups for order in group.values()), key=lambda order: order.number)


class ExchangeState:
    """`sequence` and `time_us` are those of the last event; 0 before the first."""

    def __init__(self) -> None:
        self.sequence = 0
        self.time_us = 0
        self.founded = Founded("", 1, 1)
        """Which exchange it is, and how much it remembers of commands and client orders."""
        self.assets: dict[str, Asset] = {}
        self.markets: dict[str, Market] = {}
        self.users: dict[int, UserState] = {}
        self.orders: dict[int, Order] = {}
        """All open orders by number, waiting stops among them."""
        self.accounts = Accounts()
        self.answers = Answers(most=1, longest_us=1)
        self.latest_id = ""
        """Id of the command whose events came last, and its answer."""
        self.latest_answer = Answer("", 0, 0)
        self.client_orders = ClientOrders(most_done=1, longest_us=1)
        self.busted: dict[int, Answer] = {}
        """By trade, what the command that busted it was answered."""
        self.last_order = 0
        self.last_trade = 0
        self.expiries: SortedList[tuple[int, int]] = SortedList()
        """(expires_at_us, order number) of each open order that expires."""
        self.pending_transactions: dict[int, PendingTransaction] = {}
        """By the sequence at which they were entered."""
        self.transaction_expiries: SortedList[tuple[int, int]] = SortedList()
        """(expires_at_us, number) of each pending transaction that expires."""
        self.sessions: SortedList[tuple[int, str]] = SortedList()
        """(moment, symbol) of each instrument's next scheduled opening or close."""
        self.next_due_us = NEVER_US
        """When time alone will next bring something about: the first of the three above."""

    @property
    def exchange_id(self) -> str:
        return self.founded.exchange_id

    def find_next_due(self) -> None:
        """After a change of expiries or sessions."""
        due = (self.expiries, self.transaction_expiries, self.sessions)
        self.next_due_us = min((queue[0][0] for queue in due if queue), default=NEVER_US)
