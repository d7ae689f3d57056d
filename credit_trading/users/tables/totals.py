"""What a user's events add up to: balances, the assets that they are counted in, and with the tally the statistics.

Here: sums, each moved by one statement. Never here: the rows that tell how they came about (order_rows, projection), statistics (tally).
Always: an asset is known before anything is counted in it. Sums stand in the tables once `finish` has written them: a row that is written
once for many events costs less than all else that an event does.
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
    """Moves the sums and writes them with `finish`, in the caller's transaction; `assets` looks one up by its code."""

    def __init__(self, connection: Connection, assets: Callable[[str], Asset], changes: Changes) -> None:
        super().__init__(connection)
        self._execute = connection.execute
        self._executemany = connection.executemany
        self._asset = assets
        self._changes = changes
        self._balances: dict[str, tuple[int, int]] = {
            asset: (posted, held) for asset, posted, held in connection.execute(sql.BALANCES)
        }
        self._moved: set[str] = set()
        self._booked: list[tuple[str | int, ...]] = []

    def know(self, instrument: Instrument) -> None:
        """Both assets of a pair."""
        self._know(instrument.base.code)
        self._know(instrument.quote.code)

    def _know(self, asset: str) -> None:
        if asset not in self._balances:
            self._balances[asset] = (0, 0)
            known = self._asset(asset)
            self._execute(
                "INSERT INTO assets (asset, decimals, project_id) VALUES (?, ?, ?)",
                (asset, known.decimals, known.project_id),
            )

    def post(self, asset: str, posted: int, held: int, booking: Booking | None = None) -> None:
        """Adds to the balance and to the part of it that is held, in smallest units. What is posted, and not only held, has a booking."""
        self._know(asset)
        balance, holds = self._balances[asset]
        decimals = self._asset(asset).decimals
        if posted:
            assert booking is not None, f"{posted} of {asset} is posted for no transaction"
            before, balance = balance, balance + posted
            self._booked.append((asset, *booking, posted, balance))
            self._changes.add(f"posted {asset}", format_units(before, decimals), format_units(balance, decimals))
        if held:
            before, holds = holds, holds + held
            self._changes.add(f"held {asset}", format_units(before, decimals), format_units(holds, decimals))
        self._balances[asset] = (balance, holds)
        self._moved.add(asset)

    def finish(self) -> None:
        """After the last event of the transaction: balances, what was posted, and what the tally has counted."""
        self._executemany(sql.SET_BALANCE, [(asset, *self._balances[asset]) for asset in sorted(self._moved)])
        self._executemany(sql.INSERT_BALANCE_CHANGE, self._booked)
        self._moved.clear()
        self._booked.clear()
        super().finish()
