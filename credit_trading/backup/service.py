"""What an administrator can ask about backups of an opened exchange; each is a thin call into its own module.

Never here: what needs no exchange (verification, restoring a folder, listing).
"""

from __future__ import annotations

from credit_trading.backup.archive import Archive
from credit_trading.backup.archiving import KEEP_EVENTS, Archiving, Moved
from credit_trading.backup.creation import Created, Creation
from credit_trading.backup.erasing import Rewritten, erase_from
from credit_trading.backup.plain import PlainCopy, create_user
from credit_trading.backup.planning import Kind
from credit_trading.backup.restoring_user import RestoredUser, restore_user
from credit_trading.backup.retention import Pruned, Rules, prune
from credit_trading.backup.turn import alone
from credit_trading.backup.user_as_of import UserAsOf, user_as_of
from credit_trading.journal import archived
from credit_trading.marketdata.market_data import MarketData
from credit_trading.progress import Progress, no_progress
from credit_trading.store.sqlite import StrPath
from credit_trading.trading.desk import Desk
from credit_trading.users.follower import Follower


class Backups:
    """Copies of this exchange. Everybody trades on meanwhile."""

    def __init__(self, desk: Desk, follower: Follower, market_data: MarketData) -> None:
        self._desk = desk
        self._follower = follower
        self._market_data = market_data

    def archive(self, place: StrPath) -> Archive:
        """The archive at `place`. Raises InvalidInput, FileForeign if it is another exchange's or other things lie there."""
        archive = Archive.at(place)
        with self._desk.live.history() as log:
            archive.check(log.exchange_id)
        return archive

    def create(self, to: StrPath, kind: Kind | None = None, *, progress: Progress = no_progress) -> Created:
        """Adds a set to the archive at `to`: incremental where there is one to add to, else full, unless `kind` says which.

        Users whose file could not be copied are in `Created.skipped`, and are tried again by the next set. Raises InvalidInput for what is
        no place for an archive, NotFound for an incremental set without one to add to, FileForeign for another exchange's archive, Busy
        while another backup is under way, StorageError.
        """
        return Creation(self._desk, Archive.at(to), progress=progress).create(kind)

    def create_user(self, user_id: str, to: StrPath, *, overwrite: bool = False) -> PlainCopy:
        """One user's file, caught up, as the plain SQLite file `to`. Raises what `plain.create_user` raises."""
        return create_user(self._desk, user_id, to, overwrite=overwrite)

    def restore_user(
        self,
        place: StrPath,
        user_id: str,
        *,
        set_id: str | None = None,
        sequence: int | None = None,
        time_us: int | None = None,
    ) -> RestoredUser:
        """Puts one user's file back: what the journal knows as of now, private facts as of a copy. See `restoring_user.restore_user`."""
        return restore_user(self._desk, Archive.at(place), user_id, set_id=set_id, sequence=sequence, time_us=time_us)

    def user_as_of(
        self,
        place: StrPath,
        user_id: str,
        to: StrPath,
        *,
        set_id: str | None = None,
        sequence: int | None = None,
        time_us: int | None = None,
    ) -> UserAsOf:
        """Writes a user as of a moment into a file of its own, read-only. See `user_as_of.user_as_of`."""
        return user_as_of(self._desk, Archive.at(place), user_id, to, set_id=set_id, sequence=sequence, time_us=time_us)

    def archive_journal(
        self, to: StrPath, *, keep_events: int = KEEP_EVENTS, dry_run: bool = False, progress: Progress = no_progress
    ) -> Moved:
        """Moves the older part of the journal out of exchange.db: from then on it is read in the archive at `to`, where it stands already.

        As far as a verified full set goes, all files, market data and both checkpoints have come, and `keep_events` from the end. Safe to
        repeat. Raises InvalidInput, FileForeign, BackupUnverified, ArchiveUnreachable, Busy, StorageError.
        """
        history = self._market_data._trade_history
        archiving = Archiving(
            self._desk, self._follower, history, Archive.at(to), keep_events=keep_events, progress=progress
        )
        return archiving.move(dry_run=dry_run)

    def prune(self, place: StrPath, rules: Rules, *, dry_run: bool = False, progress: Progress = no_progress) -> Pruned:
        """Removes sets that no rule keeps, and takes erased users out of the others. No backup of this exchange runs meanwhile.

        Raises what `retention.prune` raises, FileForeign for another exchange's archive, and Busy.
        """
        archive = Archive.at(place)
        with alone(self._desk.live, "backup.prune"):
            with self._desk.live.history() as log:
                archive.check_owner(log.exchange_id)
                protected = [one.name for one in archived.list_all(log.connection)]
            pruned = prune(archive, rules, protected=protected, dry_run=dry_run, progress=progress)
            if not dry_run:
                erase_from(archive, self._desk.live, progress=progress)
        return pruned

    def erase_users(self, place: StrPath, *, progress: Progress = no_progress) -> Rewritten:
        """Takes all users who are erased out of every set of the archive, at once. Raises Busy, FileCorrupt, StorageError."""
        with alone(self._desk.live, "backup.erase"):
            return erase_from(Archive.at(place), self._desk.live, progress=progress)
