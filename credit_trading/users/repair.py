"""Making a user's file anew from the journal, and taking it out of quarantine.

Here: what is kept of the old file, what is carried over from it, and when repair refuses. Never here: which files may be used (admission),
how rows are made (projector).
Always: nothing is deleted: the old file is kept before the new one is written, and a crash leaves one of the two in place. A file that
can be opened is written into, in one transaction; only one that cannot be is moved, closed. Facts that the journal does not know are
never lost unless somebody has accepted it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import attrs

from credit_trading.errors import FileCorrupt, FileForeign, FileQuarantined, TradingError
from credit_trading.journal.live import LiveReplica
from credit_trading.progress import Progress
from credit_trading.store.sqlite import Connection, connect, file_id, translated
from credit_trading.users import catalogue, private
from credit_trading.users.catalogue import User
from credit_trading.users.difference import differing_rows, same_schema
from credit_trading.users.files import UserFiles
from credit_trading.users.handles import DAMAGED, as_user_file, check_format
from credit_trading.users.history import history
from credit_trading.users.kept import keep_copy, keep_moved
from credit_trading.users.projector import LOCK_WAIT_MS, Projector
from credit_trading.users.scratch import scratch_file, write_into
from credit_trading.users.standing import Standing

T = TypeVar("T")

_ALIKE = ("PRAGMA page_size", "PRAGMA encoding")
"""What a database that is written into must have in common with ours."""


@attrs.frozen(kw_only=True)
class Rebuilt:
    """What came of one file. `kept` is where the old one is now; None if there was none, or if it was as it should be.

    `differing_rows` counts by table what was not as the journal gives it; None if that could not be read. `carried_over` names the
    private tables of the old file that are in the new one, `left_behind` those that are in the kept one only.
    """

    user_id: str
    path: Path
    kept: Path | None = None
    changed: bool = True
    differing_rows: dict[str, int] | None = None
    carried_over: Sequence[str] = ()
    left_behind: Sequence[str] = ()


@attrs.frozen(kw_only=True)
class RebuiltAll:
    """`unchanged` counts the files that were as they should be; `refused` names users whose file was left as it was, and why."""

    rebuilt: list[Rebuilt]
    unchanged: int
    refused: list[tuple[str, TradingError]]


class _Unusable(Exception):
    """The old file is gone, or cannot be written into and has to be moved away."""

    def __init__(self, path: Path, problem: str) -> None:
        self.file_id = file_id(path)
        super().__init__(problem)


class Repair:
    """Of one exchange's users' files."""

    def __init__(self, live: LiveReplica, files: UserFiles, projector: Projector) -> None:
        self._live = live
        self._files = files
        self._projector = projector
        self._admission = projector.admission

    def rebuild(self, user: User, *, accept_loss: bool = False) -> Rebuilt:
        """Makes the file what the journal gives, and takes it out of quarantine. One that is so already stays untouched.

        Raises PrivateFactsMissing if facts would be lost that the journal does not know, and FileForeign for a file that has followed
        another history or more of it (FileAhead), both unless `accept_loss`; VersionUnsupported for a file of a newer version; Busy.
        """
        with suppress(TradingError), self._projector.caught_up(user.number):
            pass  # one that is only behind differs in nothing then
        rebuilt = None
        while rebuilt is None:
            try:
                with scratch_file() as scratch:
                    with translated("users.rebuild", self._files.path_of(user.number)):
                        self._projector.build(scratch, user.number)  # takes long, and others use the old file meanwhile
                    rebuilt = self._in_place(user, scratch, accept_loss=accept_loss)
            except _Unusable as reason:
                rebuilt = self._moved(user, reason, accept_loss=accept_loss)
        with self._projector.caught_up(user.number):
            return rebuilt

    def rebuild_all(self, numbers: Sequence[int], *, accept_loss: bool, progress: Progress) -> RebuiltAll:
        """Each in its turn; one that is refused does not hold up the others."""
        rebuilt: list[Rebuilt] = []
        refused: list[tuple[str, TradingError]] = []
        unchanged = 0
        for done, number in enumerate(numbers, 1):
            with history(self._live) as log:
                user = catalogue.by_number(log.connection, number)
            if user.state == "active":  # it may have been deleted meanwhile
                try:
                    one = self.rebuild(user, accept_loss=accept_loss)
                except TradingError as error:
                    refused.append((user.user_id, error))
                else:
                    unchanged += not one.changed
                    rebuilt += [one] if one.changed else []
            progress(done, len(numbers))
        return RebuiltAll(rebuilt=rebuilt, unchanged=unchanged, refused=refused)

    def release(self, user: User) -> bool:
        """Looks at the file again and takes it off the list if it is whole; whether it was on it.

        Raises FileQuarantined, saying what is still wrong; whatever else keeps the file from being looked at.
        """
        listed = self._admission.listed(user.number)
        try:
            with self._projector.caught_up(user.number, though_listed=True) as connection:
                path = self._files.path_of(user.number)
                _check_integrity(connection, path)
                standing = Standing.of(connection, path)
                sequence, events = standing.position.sequence, standing.events
                with self._projector.rebuilt(user.number, sequence=sequence, events=events) as scratch:
                    if differing_rows(connection, scratch) or not same_schema(connection, scratch):
                        raise _corrupt(path, "it is not what the journal gives")
        except (FileCorrupt, FileForeign) as error:
            if listed is None:
                raise
            raise FileQuarantined(
                "quarantine.release",
                error.subject,
                f"it stays in quarantine: {error.problem}",
                hint=f"Make it anew from the journal: credit-trading rebuild {user.user_id}.",
            ) from error
        if listed is not None:
            self._admission.take_off(user.number)
        return listed is not None

    def _in_place(self, user: User, scratch: Connection, *, accept_loss: bool) -> Rebuilt:
        """`scratch` may be a little behind. Raises _Unusable if there is no file, or none that can be written into."""
        with self._files.laid_open(user.number) as path, self._opened(path) as live, as_user_file(path):
            is_own = self._is_own(live, path, user, accept_loss=accept_loss)
            is_private = self._admission.is_private(user.number)
            self._projector.build(scratch, user.number)
            found = _or_none(lambda: private.tables_of(live, scratch)) or []
            carried, problem = _carry_over(live, scratch) if is_own else ([], "the file that is there is another's")
            if problem and not accept_loss and (is_private or (is_own and found)):
                raise private.missing(user.user_id, path, problem)
            differing = _or_none(lambda: differing_rows(live, scratch)) if is_own else None
            changed = differing != {} or bool(problem) or not same_schema(live, scratch) or not _is_whole(live)
            kept = self._written(live, scratch, path) if changed else None
            self._settle(user.number, private_facts_are_gone=is_private and bool(problem))
        return Rebuilt(
            user_id=user.user_id,
            path=path,
            kept=kept,
            changed=changed,
            differing_rows=differing,
            carried_over=carried,
            left_behind=[table for table in found if table not in carried],
        )

    def _moved(self, user: User, reason: _Unusable, *, accept_loss: bool) -> Rebuilt | None:
        """The old file is closed and moved, for another to be made. None if it is another by now: somebody else was faster."""
        if file_id(self._files.path_of(user.number)) != reason.file_id:
            return None
        with self._files.laid_open(user.number, alone=True) as path:
            if file_id(path) != reason.file_id:
                return None
            gone = reason.file_id is None
            is_private = self._admission.is_private(user.number)
            if is_private and not accept_loss:
                problem = "the file is gone" if gone else f"it cannot be read ({reason})"
                raise private.missing(user.user_id, path, problem)
            if not gone:  # a crash in between leaves it refused, whatever part of it is where
                self._admission.put(user.number, _corrupt(path, str(reason)))
            kept = None if gone else keep_moved(path, now_us=self._admission.clock.now_us())
            self._settle(user.number, private_facts_are_gone=is_private)
        return Rebuilt(user_id=user.user_id, path=path, kept=kept)

    @contextmanager
    def _opened(self, path: Path) -> Iterator[Connection]:
        """The old file, whatever it is, as long as SQLite takes it for a database of our page size."""
        if not path.exists():
            raise _Unusable(path, "the file is gone")
        try:
            with as_user_file(path):
                connection = connect(path, mode="rw", synchronous="FULL", busy_timeout_s=LOCK_WAIT_MS / 1000)
        except FileCorrupt as error:
            raise _Unusable(path, error.problem) from error
        try:
            yield connection
        except FileCorrupt as error:
            if error.subject == str(path):
                raise _Unusable(path, error.problem) from error
            raise
        finally:
            connection.close()

    def _is_own(self, live: Connection, path: Path, user: User, *, accept_loss: bool) -> bool:
        """Whether the file is this user's, of this exchange. Raises FileForeign, VersionUnsupported for one that is not to be replaced."""
        with history(self._live) as log:
            exchange_id = log.exchange_id
        try:
            standing = Standing.of(live, path)
            standing.check_owner(path, exchange_id=exchange_id, number=user.number)
        except (*DAMAGED, FileCorrupt, FileForeign):
            return False
        standing.check_version(path)
        with suppress(FileCorrupt):
            check_format(live, path)
        try:
            with history(self._live) as log:
                standing.check_history(log, path)
        except FileForeign as error:  # it has seen what this journal does not say
            if not accept_loss:
                hint = (
                    "If exchange.db is an old one or was edited, put the right one back; nothing is lost then."
                    f" Rebuild the file all the same: credit-trading rebuild {user.user_id} --accept-loss."
                )
                raise type(error)(error.operation, path, error.problem, hint=hint) from error
        return True

    def _written(self, live: Connection, scratch: Connection, path: Path) -> Path:
        """Keeps a copy of the old content and puts the new in its place; raises _Unusable where SQLite cannot."""
        for pragma in _ALIKE:
            if live.execute(pragma).fetchone() != scratch.execute(pragma).fetchone():
                raise _Unusable(path, "a database of another shape")
        kept = keep_copy(live, path, now_us=self._admission.clock.now_us())
        write_into(live, scratch)
        live.execute("PRAGMA journal_mode = WAL")
        _check_integrity(live, path)
        return kept

    def _settle(self, number: int, *, private_facts_are_gone: bool) -> None:
        if self._admission.listed(number) is not None or private_facts_are_gone:
            self._admission.take_off(number, private_facts_are_gone=private_facts_are_gone)


def _check_integrity(connection: Connection, path: Path) -> None:
    """Raises FileCorrupt."""
    (told,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if told != "ok":
        raise _corrupt(path, f"the database is damaged ({told})")


def _is_whole(connection: Connection) -> bool:
    (told,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    return str(told) == "ok"


def _carry_over(live: Connection, scratch: Connection) -> tuple[list[str], str]:
    """The private tables that `scratch` has now, or none and what keeps them from being read."""
    try:
        return private.carry_over(live, scratch), ""
    except DAMAGED as error:
        return [], f"its private tables cannot be read ({error})"


def _corrupt(path: Path, problem: str) -> FileCorrupt:
    return FileCorrupt(
        "users.file", path, problem, hint="Move it away; it is rebuilt from the journal when next opened."
    )


def _or_none(look: Callable[[], T]) -> T | None:
    """What a damaged file may not be able to tell."""
    try:
        return look()
    except DAMAGED:
        return None
