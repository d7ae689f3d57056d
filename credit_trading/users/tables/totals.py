"""What a user's events add up to: balances, statistics, and the assets that they are counted in.

Here: sums, each moved by one statement. Never here: the rows that tell how they came about (order_rows, projection).
Always: an asset is known before anything is counted in it.
"""

from __future__ import annotations

from collections.abc import Callable

from credit_trading.money import Asset, Instrument
from credit_trading.money.amount import format_units
from credit_trading.store.sqlite import Connection
from credit_trading.users.tables import statements as sql
from credit_trading.users.tables.changes import Booking, Changes


class Totals:
    """Moves the sums in the caller's transaction; `assets` looks one up by its code."""

    def __init__(self, connection: Connection, assets: Callable[[str], Asset], changes: Changes) -> None:
        self._execute = connection.execute
        self._asset = assets
        self._changes = changes
        self._known: set[str] = {row[0] for row in connection.execute("SELECT asset FROM assets")}

    def know(self, instrument: Instrument) -> None:
        """Both assets of a pair."""
        self._know(instrument.base.code)
        self._know(instrument.quote.code)

    def _know(self, asset: str) -> None:
        if asset not in self._known:
            self._known.add(asset)
            self._execute("INSERT INTO assets (asset, decimals) VALUES (?, ?)", (asset, self._asset(asset).decimals))

    def post(self, asset: str, posted: int, held: int, booking: Booking | None = None) -> None:
        """Adds to the balance and to the part of it that is held, in smallest units. What is posted, and not only held, has a booking."""
        self._know(asset)
        ((balance, holds),) = self._execute(sql.POST, (asset, posted, held)).fetchall()
        decimals = self._asset(asset).decimals
        if posted:
            assert booking is not None, f"{posted} of {asset} is posted for no transaction"
            self._execute(
                sql.INSERT_BALANCE_CHANGE,
                (
                    asset,
                    booking.booked_at,
                    booking.sequence,
                    booking.transaction_id,
                    booking.transaction_date,
                    posted,
                    balance,
                ),
            )
            self._changes.add(
                f"posted {asset}", format_units(balance - posted, decimals), format_units(balance, decimals)
            )
        if held:
            self._changes.add(f"held {asset}", format_units(holds - held, decimals), format_units(holds, decimals))

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

    def moved(
        self,
        *,
        transaction_id: int,
        at: int,
        transaction_type: str,
        asset: str,
        quantity: int,
        currency: str | None,
        total: int | None,
        fee: int,
    ) -> None:
        """A transaction is settled, now or by its own date in the past; its row stands."""

    def busted(
        self, *, at: int, asset: str, currency: str, trade_id: int | None, trade_reference: str | None = None
    ) -> None:
        """The trade of that number or, imported, of that name, is taken back; the row of the bust stands."""

    def order_done(
        self,
        *,
        asset: str,
        currency: str,
        quantity: int,
        filled_quantity: int,
        accepted_at: int,
        closed_at: int,
        status: str,
    ) -> None:
        """An order is filled, canceled or expired."""

    def method_changed(self, method: str) -> None:
        """From here on cost is reckoned so."""

    def finish(self) -> None:
        """After the last event of the caller's transaction: what is late is brought up."""
