"""What a user's events add up to: balances, the assets that they are counted in, and with the tally the statistics.

Here: sums, each moved by one statement. Never here: the rows that tell how they came about (order_rows, projection), statistics (tally).
Always: an asset is known before anything is counted in it.
"""

from __future__ import annotations

from collections.abc import Callable

from credit_trading.money import Asset, Instrument
from credit_trading.money.amount import format_units
from credit_trading.store.sqlite import Connection
from credit_trading.users.tables import statements as sql
from credit_trading.users.tables.changes import Booking, Changes
from credit_trading.users.tables.tally import Tally


class Totals(Tally):
    """Moves the sums in the caller's transaction; `assets` looks one up by its code."""

    def __init__(self, connection: Connection, assets: Callable[[str], Asset], changes: Changes) -> None:
        super().__init__(connection)
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
