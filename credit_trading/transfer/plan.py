"""What an import would do, in the order in which it would be done.

Here: the values that checking finds and importing carries out. Never here: how they are found.
"""

from __future__ import annotations

import attrs

from credit_trading.exchange.market_rules import MarketRules
from credit_trading.money import Asset, Instrument
from credit_trading.transfer.lines import Line
from credit_trading.transfer.reading import Transaction


@attrs.frozen
class NewAsset:
    line: Line
    asset: Asset


@attrs.frozen
class NewInstrument:
    line: Line
    instrument: Instrument
    rules: MarketRules


@attrs.frozen
class NewUser:
    """`number` is what the user will be if nobody else is created before."""

    line: Line
    user_id: str
    email: str
    cost_method: str | None
    number: int


@attrs.frozen
class Trades:
    """What `references` to trades of a user's was checked against: the user's history up to `sequence`."""

    sequence: int
    references: set[str]


@attrs.define
class Plan:
    """`users_before` is how many users there were when it was made, deleted ones among them: it holds for as long as none is created,
    and no trade is recorded that `trades` names.
    """

    users_before: int = 0
    assets: list[NewAsset] = attrs.Factory(list)
    instruments: list[NewInstrument] = attrs.Factory(list)
    users: list[NewUser] = attrs.Factory(list)
    transactions: list[Transaction] = attrs.Factory(list)
    numbers: dict[str, int] = attrs.Factory(dict)
    """Of all users who are named, by their ids."""
    trades: dict[int, Trades] = attrs.Factory(dict)
    """By the numbers of users who were here before."""
    duplicates: int = 0
    """Transactions that are here already, with the same content."""
    unsettled: int = 0
    """Transactions that moved nothing where they come from: they stay there."""
    orders: int = 0
    open_orders: int = 0
    """Of the orders: they stay where they are."""
