"""Putting a user's file that was made beside the live one into its place.

Here: what is kept of the old file, what is carried over from it or put back from a copy, and when that is refused. Never here: how the new
one is made (repair, projector), which files may be used (admission).
Always: nothing is deleted: the old file is kept before the new one is written, and a crash leaves one of the two in place. A file that
can be opened is written into, in one transaction; only one that cannot be is moved, closed. Facts that the journal does not know are
never lost unless somebody has accepted it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import attrs

from credit_trading.errors import FileCorrupt, FileForeign
from credit_trading.journal.live import LiveReplica
from credit_trading.store.files import remove_database
from credit_trading.store.sqlite import Connection, connect, file_id
from credit_trading.users import private
from credit_trading.users.catalogue import User
from credit_trading.users.difference import differing_rows, same_schema
from credit_trading.users.files import UserFiles
from credit_trading.users.handles import DAMAGED, as_user_file, check_format
from credit_trading.users.history import history
from credit_trading.users.kept import keep_copy, keep_moved
from credit_trading.users.projector import LOCK_WAIT_MS, Projector
from credit_trading.users.scratch import publish_copy, write_into
from credit_trading.users.standing import Standing
from credit_trading.users.tables import words

T = TypeVar("T")

_ALIKE = ("PRAGMA page_size", "PRAGMA encoding")
"""What a database that is written into must have in common with ours."""


@attrs.frozen(kw_only=True)
class Rebuilt:
    """What came of one file. `kept` is where the old one is now; None if there was none, or if it was as it should be.

    `differing_rows` counts by table what was not as the journal gives it; None if that could not be read. `carried_over` names the
    private tables of the old file, or of the copy that was put back, that are in the new one; `left_behind` those that are in the kept
    one only.
    """

    user_id: str
    path: Path
    kept: Path | None = None
    changed: bool = True
    differing_rows: dict[str, int] | None = None
    carried_over: Sequence[str] = ()
    left_behind: Sequence[str] = ()


class _Unusable(Exception):
    """The old file is gone, or cannot be written into and has to be moved away."""

    def __init__(self, path: Path, problem: str) -> None:
        self.file_id = file_id(path)
        super().__init__(problem)


class Replacing:
    """One user's file by another that is what the journal gives, and may be a little behind.

    `restored` names the private tables that the new file has already, from a copy; None has them carried over from the old file, and where
    they cannot be read nothing is done unless `accept_loss`. `any_history`: also where the old file knows more than the journal, or another
    history.
    """

    def __init__(
        self,
        live: LiveReplica,
        files: UserFiles,
        projector: Projector,
        user: User,
        *,
        restored: Sequence[str] | None = None,
        accept_loss: bool = False,
        any_history: bool = False,
    ) -> None:
        self._live = live
        self._files = files
        self._projector = projector
        self._admission = projector.admission
        self._user = user
        self._restored = restored
        self._accept_loss = accept_loss
        self._any_history = any_history or accept_loss

    def put(self, scratch: Connection) -> Rebuilt | None:
        """None if somebody else has replaced the file meanwhile: look again.

        Raises PrivateFactsMissing, FileForeign, FileAhead, VersionUnsupported, Busy.
        """
        try:
            return self._in_place(scratch)
        except _Unusable as reason:
            return self._moved(scratch, reason)

    def _in_place(self, scratch: Connection) -> Rebuilt:
        """Raises _Unusable if there is no file, or none that can be written into."""
        user, restored = self._user, self._restored
        with self._files.laid_open(user.number) as path, self._opened(path) as live, as_user_file(path):
            is_own = self._is_own(live, path)
            is_private = self._admission.is_private(user.number)
            self._projector.build(scratch, user.number)
            found = _or_none(lambda: private.tables_of(live, scratch)) or []
            carried, problem = (restored, "") if restored is not None else _carried_over(live, scratch, is_own=is_own)
            if problem and not self._accept_loss and (is_private or (is_own and found)):
                raise private.missing(user.user_id, path, problem)
            differing = _or_none(lambda: differing_rows(live, scratch)) if is_own else None
            changed = differing != {} or bool(problem) or not same_schema(live, scratch) or not _is_whole(live)
            if restored is not None and (carried or found or is_private):
                changed = True  # no matter whether private rows are the same
                self._admission.mark_private(user.number)
            kept = self._written(live, scratch, path) if changed else None
            self._settle(private_facts_are_gone=is_private and bool(problem))
        return Rebuilt(
            user_id=user.user_id,
            path=path,
            kept=kept,
            changed=changed,
            differing_rows=differing,
            carried_over=carried,
            left_behind=[table for table in found if table not in carried],
        )

    def _moved(self, scratch: Connection, reason: _Unusable) -> Rebuilt | None:
        """The old file is closed and moved. The new one is put there if it has a copy's tables; else it is made when it is next opened."""
        user, restored = self._user, self._restored
        if file_id(self._files.path_of(user.number)) != reason.file_id:
            return None
        with self._files.laid_open(user.number, alone=True) as path:
            if file_id(path) != reason.file_id:
                return None
            gone = reason.file_id is None
            is_private = self._admission.is_private(user.number)
            if is_private and restored is None and not self._accept_loss:
                problem = "the file is gone" if gone else f"it cannot be read ({reason})"
                raise private.missing(user.user_id, path, problem)
            if restored or (restored is not None and is_private):  # or a crash would have the file made anew without
                self._admission.mark_private(user.number)
            if not gone:  # a crash in between leaves it refused, whatever part of it is where
                self._admission.put(user.number, corrupt(path, str(reason)))
            kept = keep_moved(path, now_us=self._admission.clock.now_us()) if _is_there(path) else None
            if restored is not None:
                remove_database(path)  # what SQLite left beside it
                publish_copy(scratch, path)
            self._settle(private_facts_are_gone=is_private and restored is None)
        return Rebuilt(user_id=user.user_id, path=path, kept=kept, carried_over=restored or ())

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

    def _is_own(self, live: Connection, path: Path) -> bool:
        """Whether the file is this user's, of this exchange. Raises FileForeign, VersionUnsupported for one that is not to be replaced."""
        with history(self._live) as log:
            exchange_id = log.exchange_id
        try:
            standing = Standing.of(live, path)
            standing.check_owner(path, exchange_id=exchange_id, number=self._user.number)
        except (*DAMAGED, FileCorrupt, FileForeign):
            return False
        standing.check_version(path)
        with suppress(FileCorrupt):
            check_format(live, path)
        try:
            with history(self._live) as log:
                standing.check_history(log, path)
        except FileForeign as error:  # it has seen what this journal does not say
            if not self._any_history:
                hint = (
                    "If exchange.db is an old one or was edited, put the right one back; nothing is lost then."
                    f" Rebuild the file all the same: credit-trading rebuild {self._user.user_id} --accept-loss."
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
        check_integrity(live, path)
        return kept

    def _settle(self, *, private_facts_are_gone: bool) -> None:
        number = self._user.number
        if self._admission.listed(number) is not None or private_facts_are_gone:
            self._admission.take_off(number, private_facts_are_gone=private_facts_are_gone)


def check_integrity(connection: Connection, path: Path) -> None:
    """Raises FileCorrupt."""
    words.look_again(connection)
    (told,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if told != "ok":
        raise corrupt(path, f"the database is damaged ({told})")


def corrupt(path: Path, problem: str) -> FileCorrupt:
    """A user's file that is of no use any more; it can be made anew."""
    return FileCorrupt(
        "users.file", path, problem, hint="Move it away; it is rebuilt from the journal when next opened."
    )


def _is_whole(connection: Connection) -> bool:
    (told,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    return str(told) == "ok"


def _is_there(path: Path) -> bool:
    """A WAL without its database counts: what it holds is in no other file, and it would be replayed into the next one of that name."""
    return any(os.path.lexists(one) and os.lstat(one).st_size for one in (path, f"{path}-wal"))


def _carried_over(live: Connection, scratch: Connection, *, is_own: bool) -> tuple[list[str], str]:
    """The private tables that `scratch` has now; or none, and what keeps those of the old file from being read."""
    if not is_own:
        return [], "the file that is there is another's"
    try:
        return private.carry_over(live, scratch), ""
    except DAMAGED as error:
        return [], f"its private tables cannot be read ({error})"


def _or_none(look: Callable[[], T]) -> T | None:
    """What a damaged file may not be able to tell."""
    try:
        return look()
    except DAMAGED:
        return None
