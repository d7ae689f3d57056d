"""A random trader: everything that can be asked of an exchange, in a seeded order, each act announced and each answer told.

Here: which act is next, and the exchange that it is asked of. Never here: what an act is (acts), what must come of it (acknowledged).
Always: one seed on one state of the exchange gives one sequence of acts; an answer is told the moment the call has returned.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import credit_trading
from credit_trading import Exchange, ManualClock, Settings
from credit_trading.clock import Clock
from credit_trading.errors import OutcomeUnknown, TradingError
from credit_trading.trading.records import OrderRecord
from reliability.acts import CASH, CREDIT, SYMBOL, Act, perform
from reliability.hand import Hand
from reliability.random_orders import RandomOrders
from reliability.telling import Line, tell

USERS = ("ann", "bob", "cat", "dan")
"""They stay; guests come and go."""

BEGINNING_US = 1_767_225_600_000_000


def found(home: Path, *, clock: Clock, settings: Settings | None = None, users: Sequence[str] = USERS) -> None:
    """An exchange with one instrument (tick 0.01, maker -0.01 %, taker 0.25 %, sessions of a day) and funded users."""
    with credit_trading.open(home, create=True, clock=clock, settings=settings) as exchange:
        admin = exchange.as_admin("setup")
        admin.assets.add_asset(CASH, decimals=2)
        admin.assets.add_asset(CREDIT, decimals=0)
        admin.instruments.add_instrument(
            SYMBOL, base=CREDIT, quote=CASH, tick="0.01", lot="1", maker_fee="-0.0001", taker_fee="0.0025"
        )
        admin.instruments.set_schedule(SYMBOL, hours="mon-sun 00:00-24:00", time_zone="UTC")
        for user in users:
            admin.databases.create_trading_database(user, f"{user}@example.com")
            admin.accounts.deposit(user, CASH, "100000.00", key=f"cash-{user}")
            admin.accounts.deposit(user, CREDIT, 10_000, key=f"credits-{user}")


class RandomTrader:
    """One seed gives one flow. `name` is part of every id that the trader gives out, and so must be its own.

    The clock may be a real one or a manual one; the latter is advanced between acts. Not for several threads: each has its own.
    """

    def __init__(
        self,
        exchange: Exchange,
        *,
        clock: Clock,
        seed: str,
        name: str,
        descriptor: int,
        users: Sequence[str] = USERS,
        is_alone: bool = False,
    ) -> None:
        """`descriptor` is told of each act. `is_alone`: no other process has the folder open, so files may be edited by hand."""
        self.exchange = exchange
        self.clock = clock
        self.chance = random.Random(seed)
        self.name = name
        self.users = users
        self.is_alone = is_alone
        self.acts = _ACTS | _ACTS_ALONE if is_alone else _ACTS
        self.done = 0
        self._descriptor = descriptor
        self._orders = RandomOrders(self.chance, clock)
        self._hand = Hand()

    def run(self, steps: int | None = None) -> None:
        """So many steps; for ever if None."""
        while steps is None or self.done < steps:
            self.step()

    def tour(self) -> None:
        """One step of every kind, after a few looks and orders; users who have nothing yet can be deleted for sure."""
        before, after = (
            [RandomTrader.look] * 3 + [RandomTrader.place] * 8,
            [RandomTrader.create, RandomTrader.delete] * 3,
        )
        for next_act in [*before, *self.acts, *after]:
            self._step(next_act)

    def step(self) -> None:
        """One act, or a look at something. Acts that the exchange refuses are told as such."""
        (next_act,) = self.chance.choices(list(self.acts), list(self.acts.values()))
        self._step(next_act)

    def _step(self, next_act: NextAct) -> None:
        self.done += 1
        if isinstance(self.clock, ManualClock):
            self.clock.advance(self.chance.choices([0, 1, 30], [60, 25, 15])[0])
        try:
            act = next_act(self, self.chance.choice(self.users))
        except TradingError:  # somebody deleted the user while we looked
            return
        if act is not None:
            self._ask(act)

    def _ask(self, act: Act) -> None:
        number = f"{self.name}-{self.done}"
        tell(self._descriptor, Line(number, act=act))
        try:
            answer = perform(self.exchange, act)
        except OutcomeUnknown:
            return
        tell(self._descriptor, Line(number, answer=answer))

    @property
    def _id(self) -> str:
        return f"{self.name}-{self.done}"

    # Orders

    def place(self, user: str) -> Act:
        kind = "place" if self.chance.random() < 0.8 else "place_unnamed"
        return Act(kind, user, self._id, self._orders.order())

    def group(self, user: str) -> Act:
        count = self.chance.randrange(2, 7)
        orders = [self._orders.order() | {"client_order_id": f"{self._id}.{place}"} for place in range(count)]
        return Act("group", user, self._id, {"orders": orders})

    def cancel(self, user: str) -> Act | None:
        order = self._one_of(user)
        return Act("cancel", user, self._id, {"order_id": order.order_id}) if order else None

    def cancel_all(self, user: str) -> Act:
        return Act("cancel_all", user, self._id)

    def cancel_market(self, user: str) -> Act:
        return Act("cancel_market", user)

    def amend(self, user: str) -> Act | None:
        order = self._one_of(user)
        return Act("amend", user, self._id, self._orders.change(order)) if order else None

    def _one_of(self, user: str) -> OrderRecord | None:
        """One of the user's open orders, or one that is done."""
        orders = self.exchange.as_user(user).orders
        found = orders.get_active_orders() if self.chance.random() < 0.8 else orders.get_order_history(limit=20)
        return self.chance.choice(found) if found else None

    # Money

    def deposit(self, user: str) -> Act:
        return Act("deposit", user, self._id, {"asset": CASH, "amount": "12.34", "note": "monthly"})

    def withdraw(self, user: str) -> Act:
        amount = self.chance.choice([1, 1, 10**6])
        return Act("withdraw", user, self._id, {"asset": CREDIT, "amount": amount})

    def deal(self, user: str) -> Act:
        seller = self.chance.choice([one for one in self.users if one != user])
        quantity = self.chance.randrange(1, 9)
        return Act(
            "deal",
            user,
            self._id,
            {"seller": seller, "quantity": quantity, "price_per_credit": "9.99", "note": "a deal"},
        )

    def enter(self, user: str) -> Act:
        """Of every type, pending or not, with a user or somebody outside, whatever goes with what."""
        return Act(
            "enter", user, self._id, self._orders.transaction([one for one in self.users if one != user], self._id)
        )

    def move_on(self, user: str) -> Act | None:
        """Something that is pending, or was."""
        found = self.exchange.as_user(user).transactions.get_transaction_history(limit=30)
        known = [one.transaction_id for one in found if one.status == "pending"] or [
            one.transaction_id for one in found if one.status_changed_at is not None
        ]
        status = self.chance.choice(["settled", "settled", "cancelled", "failed"])
        arguments = {"transaction_id": self.chance.choice(known), "status": status} if known else {}
        return Act("move_on", user, self._id, arguments) if known else None

    def place_outside(self, user: str) -> Act:
        return Act("place_outside", user, self._id, self._orders.order_outside())

    def fill(self, user: str) -> Act | None:
        """Of an order that is worked outside, or now and then of one that is not."""
        active = self.exchange.as_user(user).orders.get_active_orders()
        found = [order for order in active if order.route == "external"] or active[:1]
        if not found:
            return None
        order = self.chance.choice(found)
        arguments: dict[str, Any] = {
            "order_id": order.order_id,
            "price": self.chance.choice(["9.90", "9.995", "10.10"]),
        }
        arguments["fee"] = self.chance.choice([None, "0.07"])
        if self.chance.random() < 0.4:
            return Act("complete", user, self._id, arguments)
        arguments["quantity"] = 2 * self.chance.randrange(1, 5)
        return Act("fill", user, self._id, arguments)

    def bust(self, user: str) -> Act | None:
        trades = self.exchange.market_data.get_trades(SYMBOL, limit=20).trades
        return Act("bust", user, arguments={"trade_id": self.chance.choice(trades).trade_id}) if trades else None

    # Users

    def create(self, _: str) -> Act:
        return Act("create", f"guest.{self._id}", arguments={"email": "guest@example.com"})

    def fund_guest(self, _: str) -> Act | None:
        guest = self._guest()
        return Act("deposit", guest, self._id, {"asset": CASH, "amount": "500.00"}) if guest else None

    def place_as_guest(self, _: str) -> Act | None:
        guest = self._guest()
        return self.place(guest) if guest else None

    def delete(self, user: str) -> Act | None:
        guest, sweep_to = self._guest(), self.chance.choice([user, user, None])
        return Act("delete", guest, arguments={"sweep_to": sweep_to}) if guest else None

    def _guest(self) -> str | None:
        guests = self.exchange.as_admin("trader").databases.list_trading_databases("guest.", limit=10)
        return self.chance.choice(guests).user_id if guests else None

    def email(self, user: str) -> Act:
        return Act("email", user, arguments={"email": f"{user}.{self._id}@example.com"})

    def suspend(self, user: str) -> Act:
        return Act("suspend", user)

    def resume(self, _: str) -> Act | None:
        databases = self.exchange.as_admin("trader").databases.list_trading_databases()
        suspended = [database.user_id for database in databases if database.suspended]
        return Act("resume", self.chance.choice(suspended)) if suspended else None

    def fees(self, user: str) -> Act:
        return Act("fees", user, arguments={"taker_fee": self.chance.choice([None, "0.001", "0.0005"])})

    # The market, and looks at it

    def end_session(self, user: str) -> Act:
        return Act("close_session", user)

    def begin_session(self, user: str) -> Act | None:
        record = self.exchange.as_admin("trader").instruments.show_instrument(SYMBOL)
        return None if record.status == "open" else Act("open_session", user)

    def expire(self, _: str) -> None:
        self.exchange.expire_due()

    def look(self, user: str) -> None:
        own = self.exchange.as_user(user)
        own.transactions.get_transaction_history(limit=5)
        own.audit.list_events(limit=5)
        self.exchange.market_data.get_book(SYMBOL, depth=3)
        database = own.get_trading_database()
        try:
            if self.is_alone:
                self._hand.keep_copy(user, database.conn)
        finally:
            database.close()

    def rebuild(self, user: str) -> None:
        self.exchange.as_admin("trader").databases.rebuild(user)

    def restore(self, _: str) -> None:
        """An older copy is put back into a user's file that has just been written to; it catches up when it is next opened."""
        if not self._hand.copies:
            return
        user = self.chance.choice(sorted(self._hand.copies))
        self._hand.restore(user, self._path_of(user), meanwhile=lambda: self._ask(self.deposit(user)))

    def age(self, user: str) -> None:
        """As if an older version had written the rows of the user's file: it is rebuilt when it is next opened."""
        self._hand.age(self._path_of(user))

    def _path_of(self, user: str) -> Path:
        return self.exchange.as_admin("trader").databases.show_trading_database(user).path


NextAct = Callable[[RandomTrader, str], Act | None]
"""What a user asks next; None if nothing is to be asked, or was only looked at."""

_ACTS: dict[NextAct, int] = {
    RandomTrader.place: 40,
    RandomTrader.group: 6,
    RandomTrader.cancel: 6,
    RandomTrader.cancel_all: 1,
    RandomTrader.cancel_market: 1,
    RandomTrader.amend: 9,
    RandomTrader.deposit: 4,
    RandomTrader.withdraw: 4,
    RandomTrader.deal: 4,
    RandomTrader.enter: 8,
    RandomTrader.move_on: 6,
    RandomTrader.place_outside: 4,
    RandomTrader.fill: 8,
    RandomTrader.bust: 3,
    RandomTrader.create: 4,
    RandomTrader.fund_guest: 3,
    RandomTrader.place_as_guest: 3,
    RandomTrader.delete: 3,
    RandomTrader.email: 4,
    RandomTrader.suspend: 1,
    RandomTrader.resume: 6,
    RandomTrader.fees: 2,
    RandomTrader.end_session: 1,
    RandomTrader.begin_session: 14,
    RandomTrader.expire: 4,
    RandomTrader.look: 5,
    RandomTrader.rebuild: 2,
}

_ACTS_ALONE: dict[NextAct, int] = {RandomTrader.restore: 4, RandomTrader.age: 3}
