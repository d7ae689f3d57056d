"""More than one history in an archive: an older exchange was restored, or a copy of one, and it has written to the same place.

Here: seeing that it is so. Never here: which set is taken (moment), which one a new set adds to (planning).
Always: it is for a person to say which history is meant; nothing is chosen by the time at which a set was made.
"""

from __future__ import annotations

from collections.abc import Iterable

from credit_trading.backup.archive import Archive
from credit_trading.backup.history import History
from credit_trading.backup.manifest import Manifest
from credit_trading.errors import InvalidInput, TradingError
from credit_trading.journal.live import LiveReplica


def check_newest(archive: Archive, newest: Manifest, history: History, sets: Iterable[Manifest]) -> None:
    """Raises InvalidInput if one of the sets is of later than the newest one, or not on its history: nobody can tell which is meant.

    Reads each segment of the history once at most, and those only within which a set ends.
    """
    for one in sorted(sets, key=lambda one: (one.sequence, one.set), reverse=True):
        if one.sequence <= newest.sequence and _is_on(history, one):
            continue
        where = "" if one.sequence > newest.sequence else " on another history"
        raise InvalidInput(
            "backup",
            newest.set,
            f"it is the newest set, of sequence {newest.sequence}, and the set {one.set} is of sequence {one.sequence}{where}:"
            " an older exchange was restored, or a copy of one, and has written here",
            hint=f"Name the set that is meant; they are listed by: credit-trading backup list --from {archive.url}.",
        )


def told_of_newest(archive: Archive, live: LiveReplica) -> str | None:
    """A line if the newest set is not on this exchange's history; None if it is, or cannot be read."""
    ids = archive.set_ids()
    if not ids:
        return None
    try:
        newest = archive.manifest(ids[-1])
    except TradingError:
        return None
    with live.history() as log:
        found, (last, _) = log.hash_at(newest.sequence), log.head()
    if found is not None and found.hex() == newest.hash:
        return None
    where = (
        f"and this exchange has come to {last}" if newest.sequence > last else "on another history than this exchange's"
    )
    return (
        f"The newest set there, {newest.set}, is of sequence {newest.sequence} {where}: one of the two is a restored copy, or was restored."
        " Give each a place of its own; until then whoever restores from there has to name the set."
    )


def _is_on(history: History, one: Manifest) -> bool:
    """Taken for granted where the journal cannot be read there: whoever restores it is told."""
    try:
        return history.hash_at(one.sequence) == one.hash
    except TradingError:
        return True
