"""A user as of a moment, in a file of its own that nothing else uses.

Here: which events and which copy that is, and the file. Never here: the live file, which is left alone (restoring_user).
Always: shared tables are what the journal gives up to the moment; private ones are those of the newest copy that is not younger. The file
is read-only, whole by itself, and appears under its name complete or not at all.
"""

from __future__ import annotations

import os
import tempfile
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

import attrs

from credit_trading.backup.archive import Archive
from credit_trading.backup.copies import laid_out, newest_copy, of_no_use
from credit_trading.backup.ground import Ground, bare
from credit_trading.backup.moment import Moment, choose
from credit_trading.backup.plain import checked_place, plain
from credit_trading.backup.refounding import make_exchange_db
from credit_trading.backup.restoring_user import wanted
from credit_trading.clock import format_time
from credit_trading.errors import FileForeign, InvalidInput
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.log import FILE_NAME
from credit_trading.store.files import publish_new
from credit_trading.store.snapshot import Snapshots
from credit_trading.store.sqlite import Connection, StrPath, translated
from credit_trading.users import catalogue, private
from credit_trading.users.catalogue import User
from credit_trading.users.history import history

_READ_ONLY = 0o400


@attrs.frozen(kw_only=True)
class UserAsOf:
    """The file at `path` shows the user as of `sequence`; `last_event` is the user's last one by then, at `time_us`.

    `private_tables` are those of the copy in `set`, None where no set of by then has one.
    """

    user_id: str
    path: Path
    sequence: int
    last_event: int
    time_us: int
    events: int
    set: str | None
    private_tables: Sequence[str] = ()
    notes: Sequence[str] = ()

    @property
    def as_of(self) -> str:
        """The time of the user's last event by then."""
        return format_time(self.time_us)


def user_as_of(
    ground: Ground,
    archive: Archive,
    user_id: str,
    to: StrPath,
    *,
    set_id: str | None = None,
    sequence: int | None = None,
    time_us: int | None = None,
) -> UserAsOf:
    """Writes the file from this exchange's journal: as of now, of a set, a sequence or a time. A deleted user comes from the archive alone.

    Raises AlreadyExists, InvalidInput and NotFound for a place where no such file can be; NotFound for an unknown user, InvalidInput for a
    moment at which there was no such user.
    """
    path = checked_place(to, ground.live.path.parent, operation="backup.restore")
    with history(ground.live) as log:
        user = catalogue.former(log.connection, user_id)
    if user.state != "active":
        return _from_archive(archive, user_id, path, set_id=set_id, sequence=sequence, time_us=time_us)
    if set_id is not None and sequence is None and time_us is None:
        sequence = _sequence_of(archive, ground.live, set_id)
    last = wanted(ground.live, sequence=sequence, time_us=time_us)
    return _write(ground, archive, user, path, last=last, set_id=set_id, time_us=time_us)


def user_as_of_archive(
    archive: Archive,
    user_id: str,
    to: StrPath,
    home: Path,
    *,
    set_id: str | None = None,
    sequence: int | None = None,
    time_us: int | None = None,
) -> UserAsOf:
    """The same where there is no exchange: by the journal of the newest set, or of the one that is named; nothing is put into `home`.

    A user who is deleted by then is shown as of just before that, unless a moment was given.
    """
    path = checked_place(to, home, operation="backup.restore")
    return _from_archive(archive, user_id, path, set_id=set_id, sequence=sequence, time_us=time_us)


def _from_archive(
    archive: Archive, user_id: str, path: Path, *, set_id: str | None, sequence: int | None, time_us: int | None
) -> UserAsOf:
    moment = choose(archive, set_id=set_id, sequence=sequence, time_us=time_us)
    found = _write_as_of(archive, moment, user_id, path)
    if isinstance(found, UserAsOf):
        return found
    if sequence is not None or time_us is not None:
        problem = f"the user was deleted by then, at sequence {found}"
        raise InvalidInput("backup.restore", user_id, problem, hint=f"Give an earlier moment: --sequence {found - 1}.")
    found = _write_as_of(archive, choose(archive, set_id=moment.set, sequence=found - 1), user_id, path)
    assert isinstance(found, UserAsOf), "nobody is deleted twice"
    return found


def _write_as_of(archive: Archive, moment: Moment, user_id: str, path: Path) -> UserAsOf | int:
    """By an exchange.db that is made for it and thrown away; the sequence at which the user was deleted if that is earlier."""
    with translated("backup.restore", tempfile.gettempdir()), tempfile.TemporaryDirectory() as folder:
        make_exchange_db(archive, moment, Path(folder) / FILE_NAME)
        with bare(Path(folder)) as ground:
            with history(ground.live) as log:
                user = catalogue.former(log.connection, user_id)
            if user.state == "active":
                return _write(
                    ground,
                    archive,
                    user,
                    path,
                    last=moment.sequence,
                    set_id=moment.set,
                    time_us=moment.until_us,
                    notes=moment.notes,
                )
            with ground.live.reading() as replica:
                return replica.users[user.number].last_sequence


def _write(
    ground: Ground,
    archive: Archive,
    user: User,
    path: Path,
    *,
    last: int | None,
    set_id: str | None,
    time_us: int | None,
    notes: Sequence[str] = (),
) -> UserAsOf:
    sequences = _events_of(ground.live, user, last=last)
    search = newest_copy(archive, ground.live, user.number, set_id=set_id, sequence=last, time_us=time_us)
    with ground.projector.rebuilt(user.number, sequence=sequences[-1], events=len(sequences)) as scratch:
        carried: list[str] = []
        if search.found is not None:
            with laid_out(archive, ground.live, search.found) as (copy, _), of_no_use(archive, search.found):
                carried = private.carry_over(copy, scratch)
        _publish(scratch, path)
    with history(ground.live) as log:
        time_us = log.rows_at(sequences[-1:])[0][1]
        head, _hash = log.head()
    return UserAsOf(
        user_id=user.user_id,
        path=path,
        sequence=head if last is None else last,
        last_event=sequences[-1],
        time_us=time_us,
        events=len(sequences),
        set=search.found.manifest.set if search.found else None,
        private_tables=carried,
        notes=[*notes, *search.notes],
    )


def _events_of(live: LiveReplica, user: User, *, last: int | None) -> list[int]:
    """The sequences of the user's events up to that one, at least one. Raises InvalidInput where there is none."""
    with live.reading() as replica:
        end = replica.users[user.number].last_sequence
    with history(live) as log:
        sequences = log.history_of(user.number, last=end, after=0)
    found = sequences if last is None else sequences[: bisect_right(sequences, last)]
    if not found:
        problem = f"there was no such user at sequence {last}"
        raise InvalidInput(
            "backup.restore", user.user_id, problem, hint=f"The user was created at sequence {sequences[0]}."
        )
    return found


def _publish(scratch: Connection, path: Path) -> None:
    with Snapshots() as snapshots:
        content, _ = plain(snapshots.take(scratch))
    publish_new(path, content)
    with translated("backup.restore", path):
        os.chmod(path, _READ_ONLY)


def _sequence_of(archive: Archive, live: LiveReplica, set_id: str) -> int:
    """What a set stands for. Raises FileForeign if that is not on this journal's history."""
    manifest = choose(archive, set_id=set_id)
    with history(live) as log:
        found = log.hash_at(manifest.sequence)
    if found is None or found.hex() != manifest.hash:
        raise FileForeign(
            "backup.restore",
            set_id,
            "the set is not on this exchange's history",
            hint="Give a time or a sequence instead.",
        )
    return manifest.sequence
