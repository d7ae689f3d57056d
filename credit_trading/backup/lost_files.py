"""Users' files beside an exchange.db that was made anew from an archive: which of them are not on its history.

Here: looking at a file, and what is told of it. Never here: what becomes of it (lost_exchange_db).
Always: nothing is changed; a file that cannot be read is told of like one that knows more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import attrs

from credit_trading.backup.ground import Ground
from credit_trading.errors import FileCorrupt, FileForeign, TradingError
from credit_trading.store.sqlite import Connection, connect
from credit_trading.users import private
from credit_trading.users.beyond import Beyond, beyond
from credit_trading.users.catalogue import StoredUser
from credit_trading.users.handles import DAMAGED, as_user_file, check_format
from credit_trading.users.history import history
from credit_trading.users.scratch import scratch_file
from credit_trading.users.standing import Standing

FOREIGN, UNUSED = "it belongs to another exchange", "it was never used"


@attrs.frozen(kw_only=True)
class LostFile:
    """A file that is not on the history of the new exchange.db, or not in its place there.

    `why` says which; `sequence` is where it stands, None where it does not say. `beyond` is what it shows and the journal does not.
    `user` is the one of the new catalogue whose file it goes on to be; None for a file that has no place any more, and only `kept` is it.
    """

    name: str
    user_id: str | None
    why: str
    sequence: int | None
    beyond: Beyond
    user: StoredUser | None = attrs.field(default=None, repr=False)
    kept: Path | None = None
    carried_over: Sequence[str] = ()

    @property
    def is_ours(self) -> bool:
        """Whether it says that it is of this exchange."""
        return self.sequence is not None and self.why not in (FOREIGN, UNUSED)

    @property
    def report(self) -> Path | None:
        """Where all of it is told: beside the kept file."""
        return None if self.kept is None else Path(f"{self.kept}.json")

    @property
    def plain(self) -> dict[str, object]:
        """All of it, for the report."""
        return {
            "file": self.name,
            "becomes": None if self.user is None else self.user.file_name,
            "user_id": self.user_id,
            "why": self.why,
            "sequence": self.sequence,
            "kept": None if self.kept is None else self.kept.name,
            "carried_over": list(self.carried_over),
            "beyond": attrs.asdict(self.beyond, filter=lambda field, _: field.name != "user_id"),
        }


@attrs.frozen
class InPlace:
    """A file that is as it should be, or behind, with its private tables."""

    user: StoredUser
    private_tables: list[str]


class LostFiles:
    """Of one folder; `users` are those in the new catalogue."""

    def __init__(self, ground: Ground, home: Path, users: Sequence[StoredUser], empty: Connection) -> None:
        self._ground = ground
        self._home = home
        active = [user for user in users if user.state == "active"]
        self._by_number = {user.number: user for user in active}
        self._by_name = {user.file_name: user for user in active}
        self._empty = empty

    def look(self, path: Path) -> LostFile | InPlace:
        """Raises VersionUnsupported for a file of a newer version."""
        try:
            with _opened(path) as connection:
                return self._looked_at(connection, path)
        except (FileCorrupt, FileForeign, *DAMAGED) as error:
            problem = error.problem if isinstance(error, TradingError) else str(error)
            return LostFile(name=path.name, user_id=None, why=problem, sequence=None, beyond=Beyond(problem=problem))

    def _looked_at(self, connection: Connection, path: Path) -> LostFile | InPlace:
        check_format(connection, path)
        standing = Standing.of(connection, path)
        standing.check_version(path)
        user = self._owner(standing, path)
        why = self._why(standing, user, path)
        if user is not None and not why:
            return InPlace(user, private.tables_of(connection, self._empty))
        found = self._beyond(connection, user)
        return LostFile(
            name=path.name,
            user_id=found.user_id,
            why=why,
            sequence=standing.position.sequence,
            beyond=found,
            user=user,
        )

    def _owner(self, standing: Standing, path: Path) -> StoredUser | None:
        """The user of the new catalogue whose file it is; of one that nobody has used yet the name decides."""
        if standing.owner == (None, None):
            return self._by_name.get(path.name)
        with history(self._ground.live) as log:
            exchange_id = log.exchange_id
        exchange, number = standing.owner
        return self._by_number.get(number) if exchange == exchange_id and number is not None else None

    def _why(self, standing: Standing, user: StoredUser | None, path: Path) -> str:
        """Why the file cannot stay as it is; nothing if it can."""
        with history(self._ground.live) as log:
            if standing.owner[0] not in (None, log.exchange_id):
                return FOREIGN
            if user is None:
                return "the set does not know this user" if standing.owner[1] else UNUSED
            try:
                standing.check_history(log, path)
            except FileForeign as error:
                return error.problem
        return "" if user.file_name == path.name else f"the set knows it as {user.file_name}"

    def _beyond(self, connection: Connection, user: StoredUser | None) -> Beyond:
        if user is None:
            return beyond(connection, self._empty)
        with self._ground.live.reading() as replica:
            found = replica.users[user.number]
            sequence, events = found.last_sequence, found.event_count
        with self._ground.projector.rebuilt(user.number, sequence=sequence, events=events) as scratch:
            return beyond(connection, scratch)


@contextmanager
def looking(ground: Ground, home: Path, users: Sequence[StoredUser]) -> Iterator[LostFiles]:
    with scratch_file() as empty:
        yield LostFiles(ground, home, users, empty)


@contextmanager
def _opened(path: Path) -> Iterator[Connection]:
    """For reading; "ro" would leave its -shm behind."""
    with as_user_file(path), closing(connect(path, mode="rw", synchronous="NORMAL")) as connection:
        connection.execute("PRAGMA query_only = 1")
        yield connection
