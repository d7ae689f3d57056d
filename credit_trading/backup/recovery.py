"""Users' files, and what else is in the folder, brought onto the history of an exchange.db that was made anew.

Here: what becomes of each file. Never here: whether it is on the history (lost_files), how its old content is kept (users/replacing),
giving the new exchange.db its name (lost_exchange_db).
Always: nothing is thrown away; each file is changed in one step, and one that has been is found to be as it should when all is repeated.
"""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import attrs

from credit_trading.backup.archive import Archive
from credit_trading.backup.copies import newest_copy
from credit_trading.backup.ground import Ground
from credit_trading.backup.lost_files import FOREIGN, InPlace, LostFile, looking
from credit_trading.backup.lost_report import Report
from credit_trading.backup.moment import Moment
from credit_trading.backup.refounding import Refounded
from credit_trading.backup.restoring_user import RestoredUser, put_back
from credit_trading.clock import Clock, format_time
from credit_trading.errors import (
    FileCorrupt,
    FileForeign,
    NotFound,
    PrivateFactsMissing,
    StorageError,
    VersionUnsupported,
)
from credit_trading.journal import checkpoint
from credit_trading.journal.log import FILE_NAME
from credit_trading.marketdata import prints
from credit_trading.marketdata.trade_file import FILE_NAME as MARKET_DATA
from credit_trading.store.files import rename_durably
from credit_trading.store.sqlite import connect, sqlite3, translated
from credit_trading.users import catalogue, mark
from credit_trading.users.catalogue import StoredUser
from credit_trading.users.history import history
from credit_trading.users.kept import keep_moved
from credit_trading.users.naming import path_in
from credit_trading.users.repair import Repair
from credit_trading.verify.steps import Steps


@attrs.frozen(kw_only=True)
class Recovered:
    """The exchange as of `sequence`, out of `set`. `lost` are files that were not on its history.

    `restored` are users whose file came out of the archive, `without_private_facts` those of whom facts are lost that the journal does not
    know. `left_alone` are files that nothing could be done about, `aside` is what else was put into quarantine.
    """

    path: Path
    set: str
    sequence: int
    time_us: int
    users: int
    looked_at: int
    lost: list[LostFile]
    restored: list[str]
    without_private_facts: list[str]
    left_alone: list[tuple[str, str]]
    aside: list[Path]
    notes: list[str]

    @property
    def as_of(self) -> str:
        return format_time(self.time_us)


class Recovery:
    """One folder; the new exchange.db is there, under a name that nobody looks for."""

    def __init__(
        self,
        archive: Archive,
        home: Path,
        moment: Moment,
        refounded: Refounded,
        ground: Ground,
        clock: Clock,
        steps: Steps,
    ) -> None:
        self._archive = archive
        self._home = home
        self._moment = moment
        self._users = refounded.users
        self._ground = ground
        self._clock = clock
        self._steps = steps
        self._repair = Repair(ground.live, ground.files, ground.projector)
        self._lost: list[LostFile] = []
        self._restored: list[str] = []
        self._without: list[str] = []
        self._left_alone: list[tuple[str, str]] = []
        self._aside: list[Path] = []
        self._looked_at = 0
        self._notes = [
            *moment.notes,
            *(
                f"The e-mail of user {user.user_id} is not known; it is {user.email} now."
                for user in refounded.other_emails
            ),
        ]

    def run(self, report: Report) -> None:
        """Raises FileForeign for the archive of another exchange; then nothing was changed."""
        found = self._look()
        report.begin(found)
        self._put_aside()
        for one in found:
            self._lost.append(self._settled(one))
            self._steps.advance()
        self._make_missing()
        for path in report.finish(self._lost):
            self._notes.append(f"An earlier try, which was cut short, has kept a file: {path} tells of it.")

    def told(self) -> Recovered:
        return Recovered(
            path=self._home / FILE_NAME,
            set=self._moment.set,
            sequence=self._moment.sequence,
            time_us=self._moment.time_us,
            users=sum(user.state == "active" for user in self._users),
            looked_at=self._looked_at,
            lost=self._lost,
            restored=self._restored,
            without_private_facts=self._without,
            left_alone=self._left_alone,
            aside=self._aside,
            notes=self._notes,
        )

    def _look(self) -> list[LostFile]:
        """Looks at every file; nothing is changed, but that users with private facts are marked in the new exchange.db."""
        paths = users_files(self._home)
        self._steps.expect(len(paths))
        lost, ours = [], 0
        with looking(self._ground, self._home, self._users) as files:
            for path in paths:
                try:
                    found = files.look(path)
                except VersionUnsupported as error:
                    self._left_alone.append((path.name, error.problem))
                else:
                    if isinstance(found, LostFile):
                        lost.append(found)
                    self._mark(found)
                    ours += isinstance(found, InPlace) or found.is_ours
                self._looked_at += 1
                self._steps.advance()
        if not ours and any(one.why == FOREIGN for one in lost):
            raise FileForeign(
                "backup.restore",
                self._archive.url,
                f"it is the archive of another exchange than the one whose files are in {self._home}",
                hint="Give the place of that one's archive.",
            )
        self._steps.expect(len(lost))
        return lost

    def _mark(self, found: LostFile | InPlace) -> None:
        tables = found.private_tables if isinstance(found, InPlace) else found.beyond.private_tables
        if found.user is not None and tables:
            self._ground.projector.admission.mark_private(found.user.number)

    def _put_aside(self) -> None:
        """What else knows more than the new exchange.db, or belongs to the lost one."""
        if any(os.path.lexists(f"{self._home / FILE_NAME}{suffix}") for suffix in ("-wal", "-shm")):
            self._keep(self._home / FILE_NAME)
        if (self._home / mark.FILE_NAME).exists():
            self._keep(self._home / mark.FILE_NAME)
        with history(self._ground.live) as log:
            checkpoints = checkpoint.inspect(self._home / "checkpoints", log)
        for one in checkpoints:
            if one.problem is not None:
                self._keep(one.path)
        if (self._home / MARKET_DATA).exists() and not self._follows(self._home / MARKET_DATA):
            self._keep(self._home / MARKET_DATA)

    def _follows(self, path: Path) -> bool:
        """Whether market data is on this history."""
        try:
            with translated("market_data", path), closing(connect(path, mode="rw", synchronous="NORMAL")) as connection:
                position = prints.position(connection)
            with history(self._ground.live) as log:
                if position is not None:
                    position.check(log, follower=str(path))
        except (StorageError, sqlite3.Error):
            return False
        return True

    def _settled(self, lost: LostFile) -> LostFile:
        """The file after it was put on the new history, or aside."""
        path, user = self._home / lost.name, lost.user
        if user is not None and not self._has_its_name(path, user):
            user = None
        if user is None:
            return attrs.evolve(lost, kept=self._keep(path))
        row = self._row(user)
        try:
            rebuilt = self._repair.rebuild(row, any_history=True)
        except PrivateFactsMissing:
            restored = self._put_back(row)
            if restored is not None:
                return attrs.evolve(lost, kept=restored.kept)
            rebuilt = self._repair.rebuild(row, accept_loss=True)
            self._without.append(user.user_id)
        return attrs.evolve(lost, kept=rebuilt.kept, carried_over=rebuilt.carried_over)

    def _has_its_name(self, path: Path, user: StoredUser) -> bool:
        """Gives the file the name that the catalogue has for it, if that is free."""
        assert user.file_name is not None
        right = path_in(self._home, user.file_name)
        if right == path:
            return True
        if right.exists():
            return False
        for suffix in ("-wal", "-shm", ""):
            if os.path.lexists(f"{path}{suffix}"):
                rename_durably(f"{path}{suffix}", f"{right}{suffix}")
        return True

    def _make_missing(self) -> None:
        """Files that are not there: from the archive where they held private facts, else from the journal."""
        admission = self._ground.projector.admission
        for user in self._users:
            if user.state != "active" or user.file_name is None or path_in(self._home, user.file_name).exists():
                continue
            if not admission.is_private(user.number):
                with self._ground.projector.caught_up(user.number):
                    continue
            if self._put_back(self._row(user)) is None:
                self._without.append(user.user_id)

    def _put_back(self, user: catalogue.User) -> RestoredUser | None:
        """Out of the archive, if there is a copy."""
        try:
            search = newest_copy(
                self._archive, self._ground.live, user.number, set_id=self._moment.set, though_altered=True
            )
            self._notes += [f"User {user.user_id}: {note}" for note in search.notes]
            if search.found is None:
                return None
            restored = put_back(self._ground, self._archive, user, search.found, any_history=True)
        except (FileCorrupt, NotFound) as error:
            self._notes.append(f"The copy of the file of user {user.user_id} is of no use: {error.problem}.")
            return None
        self._restored.append(user.user_id)
        return restored

    def _row(self, user: StoredUser) -> catalogue.User:
        with history(self._ground.live) as log:
            return catalogue.by_number(log.connection, user.number)

    def _keep(self, path: Path) -> Path:
        kept = keep_moved(path, now_us=self._clock.now_us(), home=self._home)
        if not path.name.startswith("trading_"):
            self._aside.append(kept)
        return kept


def users_files(home: Path) -> list[Path]:
    """By their names."""
    return sorted(path for path in home.glob("trading_*.db") if path.is_file())
