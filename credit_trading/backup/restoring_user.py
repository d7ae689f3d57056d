"""One user's file put back out of an archive, while everybody trades.

Here: which copy, what it is compared with, and what is told. Never here: putting it into the live file (users/replacing).
Always: what the journal knows is as the journal gives it now: shared facts of a live user are never rewound. What only the file held is as
of the copy, and the file of before is kept aside.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

import attrs

from credit_trading.backup.archive import Archive
from credit_trading.backup.copies import Found, laid_out, newest_copy, of_no_use
from credit_trading.backup.ground import Ground
from credit_trading.clock import format_time
from credit_trading.errors import InvalidInput, NotFound
from credit_trading.journal.live import LiveReplica
from credit_trading.users import catalogue
from credit_trading.users.catalogue import User
from credit_trading.users.difference import differing_rows
from credit_trading.users.history import history
from credit_trading.users.repair import Repair
from credit_trading.users.standing import Standing


@attrs.frozen(kw_only=True)
class RestoredUser:
    """The copy showed the user's events up to `copy_sequence`, and `caught_up` more came out of the journal, up to `sequence`.

    `private_tables` are as of the copy, made after the set was begun. `copy_differs` and `file_differed` count, by table, rows that were
    not as the journal gives them: in the copy, and in the file that was there (None: there was none, or it could not be read). `kept` is
    where that is now, with the private tables `left_behind` that the copy does not have.
    """

    user_id: str
    path: Path
    set: str
    copied_at_us: int
    copy_sequence: int
    sequence: int
    caught_up: int
    private_tables: Sequence[str]
    copy_differs: dict[str, int]
    file_differed: dict[str, int] | None
    changed: bool
    kept: Path | None
    left_behind: Sequence[str]
    notes: Sequence[str] = ()

    @property
    def copied_at(self) -> str:
        """When the set was begun."""
        return format_time(self.copied_at_us)


def restore_user(
    ground: Ground,
    archive: Archive,
    user_id: str,
    *,
    set_id: str | None = None,
    sequence: int | None = None,
    time_us: int | None = None,
) -> RestoredUser:
    """Puts the user's file back: from the newest copy, or the newest of the sets up to one, up to a sequence, or finished by a time.

    Raises NotFound for an unknown or deleted user and where there is no copy; FileCorrupt for a copy that is not as it was written;
    FileAhead and FileForeign for a live file that knows more than the journal, or another history; Busy.
    """
    user = _one_who_is_there(ground.live, archive, user_id)
    last = wanted(ground.live, sequence=sequence, time_us=time_us)
    search = newest_copy(archive, ground.live, user.number, set_id=set_id, sequence=last, time_us=time_us)
    if search.found is None:
        raise NotFound(
            "backup.restore",
            user_id,
            f"no set at {archive.url} has a copy of this user's file"
            + ("" if last is None else " as old as that")
            + (" that is of use. " if search.notes else "")
            + " ".join(search.notes).rstrip("."),
            hint=f"Make the file from the journal: credit-trading rebuild {user_id}.",
        )
    return put_back(ground, archive, user, search.found, notes=search.notes)


def put_back(
    ground: Ground,
    archive: Archive,
    user: User,
    found: Found,
    *,
    notes: Sequence[str] = (),
    any_history: bool = False,
) -> RestoredUser:
    """The same from a copy that was found; with `any_history` also over a file that knows more than the journal, or another history."""
    with laid_out(archive, ground.live, found) as (copy, standing):
        with of_no_use(archive, found):
            ground.projector.build(copy, user.number)  # goes on from where it stands
        now = Standing.of(copy, ground.files.path_of(user.number))
        with ground.projector.rebuilt(user.number, sequence=now.position.sequence, events=now.events) as scratch:
            with of_no_use(archive, found):
                differs = differing_rows(copy, scratch)
            put = Repair(ground.live, ground.files, ground.projector).restore(
                user, scratch, copy, any_history=any_history
            )
    return RestoredUser(
        user_id=user.user_id,
        path=put.path,
        set=found.manifest.set,
        copied_at_us=found.manifest.began_at_us,
        copy_sequence=standing.position.sequence,
        sequence=now.position.sequence,
        caught_up=now.events - standing.events,
        private_tables=list(put.carried_over),
        copy_differs=differs,
        file_differed=put.differing_rows,
        changed=put.changed,
        kept=put.kept,
        left_behind=list(put.left_behind),
        notes=list(notes),
    )


def wanted(live: LiveReplica, *, sequence: int | None, time_us: int | None) -> int | None:
    """The sequence that is meant, at a time that of the last event that had happened by then; None for now.

    Raises InvalidInput for both, for a sequence that the journal does not have, and for a time before its first event.
    """
    if sequence is not None and time_us is not None:
        raise InvalidInput(
            "backup.restore", sequence, "both a sequence and a time were given", hint="Give one of them."
        )
    with history(live) as log:
        last, _ = log.head()
        if time_us is not None:
            sequence = bisect_right(range(1, last + 1), time_us, key=lambda one: log.rows_at([one])[0][1])
            if not sequence:
                raise InvalidInput(
                    "backup.restore", format_time(time_us), "the exchange did not exist then", hint="Give a later time."
                )
    if sequence is not None and not 1 <= sequence <= last:
        problem = f"the journal has the sequences 1 to {last}"
        raise InvalidInput("backup.restore", f"sequence {sequence}", problem, hint="Give one of these.")
    return sequence


def _one_who_is_there(live: LiveReplica, archive: Archive, user_id: str) -> User:
    with history(live) as log:
        user = catalogue.former(log.connection, user_id)
    if user.state == "active":
        return user
    raise NotFound(
        "backup.restore",
        user_id,
        "the user is deleted, and nothing is put back into the exchange",
        hint=f"Take the file out: credit-trading backup restore --from {archive.url} --user {user_id} --to FILE.db.",
    )
