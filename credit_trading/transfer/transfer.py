"""What an admin can do with histories as files: write them out, and take them in."""

from __future__ import annotations

from credit_trading.progress import Progress, no_progress
from credit_trading.store.sqlite import StrPath
from credit_trading.trading.desk import Desk
from credit_trading.trading.principal import Principal
from credit_trading.transfer.export import Exported, export
from credit_trading.transfer.importing import Import, Imported
from credit_trading.transfer.schema import Limits


class Transfer:
    """Exports and imports of one exchange. Everybody trades on meanwhile."""

    def __init__(self, desk: Desk, principal: Principal) -> None:
        self._desk = desk
        self._principal = principal

    def export(self, path: StrPath, *, user_id: str | None = None, progress: Progress = no_progress) -> Exported:
        """Writes the history of that user, or of all, into a new zip file (0600) of JSON Lines and CSV: see `transfer.schema`.

        All are shown as of one moment. Two exports of the same content are equal. `progress` is told how many users are done; it begins
        again if one is deleted meanwhile. Raises NotFound, AlreadyExists for a file that is there, StorageError.
        """
        return export(self._desk, path, user_id=user_id, progress=progress)

    def import_(
        self,
        path: StrPath,
        *,
        dry_run: bool = False,
        limits: Limits | None = None,
        progress: Progress = no_progress,
    ) -> Imported:
        """Checks all of an export, or of a .jsonl or .csv file of transactions, and takes it over: all of it or, with a problem, nothing.

        Assets, instruments and users that are missing are created; those that are there must agree. Transactions enter each user's history
        in the order of the file, against the outside world; those that are here already with the same content are passed over. Orders, and
        transactions that are not settled, are not taken over. With `dry_run` it is only checked. Raises InvalidInput for a file of another
        kind, Busy, StorageError; what is wrong inside the file is in `problems`.
        """
        return Import(
            self._desk, self._principal, path, dry_run=dry_run, limits=limits or Limits(), progress=progress
        ).run()
