"""What is kept of a user's file when the user is deleted: a copy that has been proven.

Here: the folder `deleted` in the exchange's folder, and what a copy must be. Never here: deleting (manager, files), erasing the copies
(erasure).
Always: a copy under its name is whole, durable, and shows what the journal gives, up to the user's last event before the deletion; one that
does not is not left there. What time alone brings about in the same moment (orders that expire) is part of the deletion.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import attrs

from credit_trading.errors import Busy, FileCorrupt, StorageError
from credit_trading.exchange.replica import Replica
from credit_trading.store.files import discard_database
from credit_trading.store.sqlite import Connection, connect
from credit_trading.users import private
from credit_trading.users.difference import differing_rows, same_schema
from credit_trading.users.handles import as_user_file
from credit_trading.users.kept import free_name
from credit_trading.users.projector import Projector
from credit_trading.users.scratch import publish_copy
from credit_trading.users.standing import Standing

FOLDER = "deleted"

TRIES = 4
"""How often the file is copied while its user goes on trading."""


@attrs.frozen
class Copied:
    """The copy, and the user's last event in it."""

    path: Path
    sequence: int


class Outdated(Busy):
    """The user's history has gone on since the copy was made; the user was not deleted."""


def keep_verified(live: Connection, path: Path, number: int, projector: Projector) -> Copied:
    """A copy of the user's file at `path`, open as `live`, caught up, and not written into meanwhile. Raises FileCorrupt, StorageError."""
    kept = free_name(path.parent, path.name, now_us=projector.admission.clock.now_us(), folder=FOLDER)
    with as_user_file(path):
        publish_copy(live, kept)
    try:
        with as_user_file(kept), closing(connect(kept, mode="rw")) as copy:
            sequence = _verify(copy, path, number, projector)
    except BaseException:
        discard_database(kept)
        raise
    return Copied(kept, sequence)


def check_current(copied: Copied, replica: Replica, number: int) -> None:
    """Within the turn that deletes the user. Raises Outdated."""
    user = replica.users[number]
    if user.last_sequence != copied.sequence:
        problem = "the user's history went on while the file was copied"
        raise Outdated("users.delete", f"user #{number}", problem, hint="Copy it again.")


def still_trading(user_id: str) -> Busy:
    """Once it has been tried often enough."""
    return Busy(
        "users.delete",
        user_id,
        f"something new happened to the user each of the {TRIES} times that the file was copied; the user was not deleted",
        hint=f"Try again, or first suspend the user: credit-trading users suspend {user_id}.",
    )


def tell_no_copy(error: StorageError, user_id: str) -> None:
    """Adds to the error that kept the copy from being made what came of it, and the other way out."""
    hint = f"{error.hint} Or delete the user without a copy: credit-trading users delete {user_id} --no-backup."
    error.adding("no copy could be made, and the user was not deleted").advising(hint.lstrip())


def _verify(copy: Connection, path: Path, number: int, projector: Projector) -> int:
    """The sequence at which it stands. Errors name the user's file: it is what the copy is like."""
    (told,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
    if told != "ok":
        raise _not_whole(path, f"the database is damaged ({told})")
    standing = Standing.of(copy, path)
    with projector.rebuilt(number, sequence=standing.position.sequence, events=standing.events) as scratch:
        private.carry_over(copy, scratch)
        if differing_rows(copy, scratch) or not same_schema(copy, scratch):
            raise _not_whole(path, "it is not what the journal gives")
    return standing.position.sequence


def _not_whole(path: Path, problem: str) -> FileCorrupt:
    return FileCorrupt("users.delete", path, problem, hint="Make it anew from the journal first.")
