"""What the demo trades, and who: three carbon credits and fifty users with money and credits."""

from __future__ import annotations

import random
from collections.abc import Sequence

import attrs

from credit_trading import Admin, Exchange
from credit_trading.progress import Progress

CURRENCY = "USD"


@attrs.frozen
class Credit:
    """A project and vintage. `fair_ticks` is where its price starts, in ticks."""

    code: str
    tick: str
    decimals: int
    fair_ticks: int

    @property
    def symbol(self) -> str:
        return f"{self.code}/{CURRENCY}"

    def price(self, ticks: int) -> str:
        """Exact decimal text, to the cent; the ticks here are powers of ten."""
        whole, part = divmod(max(ticks, 1), 10**self.decimals)
        return f"{whole}.{part:0{self.decimals}d}".ljust(len(f"{whole}.00"), "0")


CREDITS = (
    Credit("VCS-1340-2020", "0.01", 2, 1250),
    Credit("GS-2531-2021", "0.01", 2, 1840),
    Credit("ACR-0459-2022", "0.1", 1, 346),
)

_NAMES = """
    ada ann ben bob cat cem dan dia eli eva fay finn gil gus hal hana ian ida ivo jan jill jon kai kim lea
    leo liv lou mae max mia ned nia noa olga oto pat paul quinn raj rosa sam sara tim uma vera will yara yuki zoe
"""
USERS = tuple(_NAMES.split())


def found_market(exchange: Exchange, admin: Admin, *, seed: int, tick: Progress) -> None:
    """Adds assets, instruments and users, and funds them: two groups of deposits, each one commit."""
    admin.assets.add_asset(CURRENCY, decimals=2)
    for credit in CREDITS:
        admin.assets.add_asset(credit.code, decimals=0)
        admin.instruments.add_instrument(
            credit.symbol,
            base=credit.code,
            quote=CURRENCY,
            tick=credit.tick,
            lot="1",
            maker_fee="0.0005",
            taker_fee="0.002",
        )
    for done, user_id in enumerate(USERS, 1):
        admin.databases.create_trading_database(user_id, f"{user_id}@example.com")
        tick(done, len(USERS))
    _fund(exchange, admin, USERS, random.Random(seed))


def _fund(exchange: Exchange, admin: Admin, user_ids: Sequence[str], chance: random.Random) -> None:
    cash = [(user_id, CURRENCY, f"{chance.randrange(20, 400) * 1000}.00") for user_id in user_ids]
    credits = [(user_id, credit.code, chance.randrange(5, 80) * 100) for user_id in user_ids for credit in CREDITS]
    for group in (cash, credits):
        outcomes = exchange.submit(
            admin.accounts.prepare_deposit(user_id, asset, amount) for user_id, asset, amount in group
        )
        for outcome in outcomes:
            outcome.checked("demo.fund", "")
