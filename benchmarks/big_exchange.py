"""A big exchange in a folder: very many users with balances, and very many open orders.

Real is all that start-up reads: the engine decides every command, every row is encoded, chained and committed as ever, and the users stand
in the catalogue. Not real: clients prepared nothing, COMMITs are few and large, and no user has a file yet.
Always: each user owns both assets of one instrument and has as many orders in it as any other; none of them has traded.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import count, islice
from pathlib import Path

import credit_trading
from credit_trading.exchange import commands as cmd
from credit_trading.exchange import engine
from credit_trading.exchange.events import Entry, UserCreated
from credit_trading.exchange.replica import Replica
from credit_trading.journal.live import LiveReplica
from credit_trading.users import catalogue

INSTRUMENTS = 10
GROUP = 20_000
"""Commands per COMMIT."""
MIDDLE_TICKS = 1_000
"""Bids are below it, asks above."""
WIDTH_TICKS = 500
LOTS = 5
FUNDS = 10**9


class BigExchange:
    """Founded in `home`, and closed; there is no checkpoint yet."""

    def __init__(self, home: Path, *, users: int, orders: int) -> None:
        self.home = home
        self.users = users
        self._commands = count(1)
        self.time_us = time.time_ns() // 1000
        _found(home)
        with closing(self.live()) as live:
            self.decide(live, self._beginning())
            self.decide(live, self.resting_orders(orders))

    def live(self) -> LiveReplica:
        """A replica of its own on the folder, as a process has one; the caller closes it."""
        return LiveReplica(self.home, lock_timeout_s=30)

    def decide(self, live: LiveReplica, commands: Iterable[cmd.Command], *, group: int = GROUP) -> None:
        """Decides and commits all of them, some together."""
        remaining = iter(commands)
        while asked := list(islice(remaining, group)):
            with live.writing() as replica:
                for command in asked:
                    self.handle(replica, command)
                entries = replica.take_pending()
                _into_catalogue(live, entries)
                live.commit(entries)

    def resting_orders(self, orders: int) -> Iterator[cmd.Command]:
        """Bids and asks that do not meet, user by user and then from the first again; every second has a client order id."""
        for place in range(orders):
            user, turn = 1 + place % self.users, place // self.users
            buys = (place + turn) % 2 == 0
            away = 1 + place * 7 % WIDTH_TICKS
            name = f"order-{turn}" if place % 2 else None
            price_ticks = MIDDLE_TICKS - away if buys else MIDDLE_TICKS + away
            yield cmd.PlaceOrder(user, symbol_of(user), buys, LOTS, price_ticks, "GTC", client_order_id=name)

    def busy_orders(self, commands: int) -> Iterator[cmd.Command]:
        """A day's flow: of twenty commands ten are new orders, of which one trades, eight cancel and two amend what rests."""
        names: deque[tuple[int, str]] = deque()
        for place in range(commands):
            kind, user, name = place % 20, 1 + place * 31 % self.users, f"busy-{place}"
            if kind == 0:
                yield cmd.PlaceOrder(user, symbol_of(user), True, LOTS, MIDDLE_TICKS + WIDTH_TICKS, "IOC")
            elif kind < 10:
                away = WIDTH_TICKS + 1 + place % 50
                price_ticks = MIDDLE_TICKS - away if kind % 2 else MIDDLE_TICKS + away
                names.append((user, name))
                yield cmd.PlaceOrder(
                    user, symbol_of(user), bool(kind % 2), LOTS, price_ticks, "GTC", client_order_id=name
                )
            elif kind < 18:
                owner, oldest = names.popleft()
                yield cmd.CancelOrder(owner, None, oldest)
            else:
                owner, oldest = names[0]
                yield cmd.AmendOrder(owner, symbol_of(owner), None, oldest, quantity_lots=LOTS + kind - 17)

    def handle(self, replica: Replica, command: cmd.Command) -> None:
        """Decides one."""
        request = cmd.Request.of(command, command_id=self.next_id(command), prepared_us=self.time_us)
        answer = engine.handle(replica, request, time_us=max(self.time_us, replica.time_us))
        assert not answer.code, f"{command} is refused: {answer.code}"

    def next_id(self, command: cmd.Command) -> str:
        """As long as those that are given out."""
        return f"user{getattr(command, 'user', 0)}/{next(self._commands):032x}"

    def _beginning(self) -> Iterator[cmd.Command]:
        for user in range(1, self.users + 1):
            yield cmd.CreateUser(f"{user:064x}")
            yield cmd.Deposit(user, "USD", FUNDS)
            yield cmd.Deposit(user, symbol_of(user).split("/")[0], FUNDS)


def _found(home: Path) -> None:
    with credit_trading.open(home, create=True) as exchange:
        admin = exchange.as_admin("benchmark")
        admin.assets.add_asset("USD", decimals=2)
        for user in range(INSTRUMENTS):
            base = symbol_of(user).split("/")[0]
            admin.assets.add_asset(base, decimals=0)
            admin.instruments.add_instrument(
                symbol_of(user), base=base, quote="USD", tick="0.01", lot="1", maker_fee="0.0005", taker_fee="0.001"
            )


def symbol_of(user: int) -> str:
    """The instrument of which a user owns both assets."""
    return f"VCS-{user % INSTRUMENTS}/USD"


def _into_catalogue(live: LiveReplica, entries: Iterable[Entry]) -> None:
    connection = live.log.connection
    for entry in entries:
        if isinstance(entry.event, UserCreated):
            user = f"person{entry.event.user}"
            catalogue.insert(
                connection,
                entry.event.user,
                user,
                f"{user}@example.org",
                salt=catalogue.new_salt(),
                created_at_us=entry.time_us,
            )
