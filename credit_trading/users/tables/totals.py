"""What a user's events add up to: balances, statistics, and the assets that they are counted in.

Here: sums, each moved by one statement. Never here: the rows that tell how they came about (order_rows, projection).
Always: an asset is known before anything is counted in it.
"""

from __future__ import annotations

from collections.abc import Callable

from credit_trading.money import Asset, Instrument
from credit_trading.store.sqlite import Connection
from credit_trading.users.tables import statements as sql


class Totals:
    """Moves the sums in the caller's transaction; `assets` looks one up by its code."""

    def __init__(self, connection: Connection, assets: Callable[[str], Asset]) -> None:
        self._execute = connection.execute
        self._asset = assets
        self._known: set[str] = {row[0] for row in connection.execute("SELECT asset FROM assets")}

    def know(self, instrument: Instrument) -> None:
        """Both assets of a pair."""
        self._know(instrument.base.code)
        self._know(instrument.quote.code)

    def _know(self, asset: str) -> None:
        if asset not in self._known:
            self._known.add(asset)
            self._execute("INSERT INTO assets (asset, decimals) VALUES (?, ?)", (asset, self._asset(asset).decimals))

    def post(self, asset: str, posted: int, held: int) -> None:
        """Adds to the balance and to the part of it that is held, in smallest units."""
        self._know(asset)
        self._execute(sql.POST, (asset, posted, held))

    def count_trade(self, base: str, quote: str, *, buys: bool, quantity: int, value: int, fee: int, at: int) -> None:
        bought, sold = (quantity, 0) if buys else (0, quantity)
        paid, earned = (value, 0) if buys else (0, value)
        self._execute(sql.COUNT_TRADE, (base, quote, bought, sold, paid, earned, fee, at))

    def uncount_trade(self, base: str, quote: str, *, buys: bool, quantity: int, value: int, fee: int) -> None:
        """Takes back what `count_trade` added, but for the time; a total that no longer fitted stays empty."""
        bought, sold = (quantity, 0) if buys else (0, quantity)
        paid, earned = (value, 0) if buys else (0, value)
        self._execute(sql.UNCOUNT_TRADE, (base, quote, bought, sold, paid, earned, fee))

    def count_order(self, counter: str, instrument: Instrument) -> None:
        """`counter` is a column of the statistics: orders_placed and so on."""
        self._execute(sql.COUNT_ORDER[counter], (instrument.base.code, instrument.quote.code))
