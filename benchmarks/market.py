"""The market that is measured: one instrument, funded users, and an endless seeded flow of limit orders around one price."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

import attrs

import credit_trading
from credit_trading import Exchange, Settings, User
from credit_trading.journal.log import FILE_NAME, Log
from credit_trading.journal.rows import Row

SYMBOL = "VCS/USD"


@attrs.frozen
class Ask:
    """An order as a customer would give it."""

    user: User
    side: str
    quantity: str
    price: str


class Market:
    """An exchange of its own in `home`, through the public face; `host` is the URL of its host's database."""

    def __init__(self, home: Path, *, users: int, project_on_commit: bool, host: str | None = None) -> None:
        settings = Settings(project_on_commit=project_on_commit, checkpoint_every_events=1_000_000_000)
        self.home = home
        self.exchange: Exchange = credit_trading.open(home, create=True, settings=settings, host=host)
        admin = self.exchange.as_admin("benchmark")
        admin.assets.add_asset("USD", decimals=2)
        admin.assets.add_asset("VCS", decimals=0)
        admin.instruments.add_instrument(
            SYMBOL, base="VCS", quote="USD", tick="0.01", lot="1", maker_fee="0.0005", taker_fee="0.001"
        )
        names = [f"user{number}" for number in range(1, users + 1)]
        for name in names:
            admin.databases.create_trading_database(name, f"{name}@example.org")
        self.exchange.submit(
            admin.accounts.prepare_deposit(name, asset, amount)
            for name in names
            for asset, amount in (("USD", "1000000000.00"), ("VCS", "100000000"))
        )
        self.users = [self.exchange.as_user(name) for name in names]
        self._asks = self._flow()

    def next_asks(self, count: int) -> list[Ask]:
        """What customers want next."""
        return list(islice(self._asks, count))

    def warm_up(self) -> None:
        self.submit(self.next_asks(500))

    def submit(self, asks: Iterable[Ask]) -> None:
        """Prepares an order of each and submits them together."""
        self.exchange.submit([ask.user.orders.prepare_order(SYMBOL, ask.side, ask.quantity, ask.price) for ask in asks])

    def place(self, ask: Ask) -> None:
        """One order by itself, to the report of what became of it."""
        ask.user.orders.create_order(SYMBOL, ask.side, ask.quantity, ask.price)

    def journal_rows(self) -> list[Row]:
        """All rows as they are stored."""
        log = Log.open(self.home / FILE_NAME)
        try:
            return log.batch_from(1, log.head()[0])
        finally:
            log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.exchange.close()

    def _flow(self) -> Iterator[Ask]:
        chance = random.Random(7)
        prices = [f"{10 + step / 100:.2f}" for step in range(-20, 21)]
        while True:
            yield Ask(
                chance.choice(self.users),
                chance.choice(("buy", "sell")),
                str(chance.randint(1, 50)),
                chance.choice(prices),
            )
