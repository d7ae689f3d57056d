"""More than one history in an archive: an older exchange was restored, or a copy of one, and it has written to the same place.

Here: seeing that it is so. Never here: which set is taken (moment), which one a new set adds to (planning).
Always: it is for a person to say which history is meant; nothing is chosen by the time at which a set was made.
"""

from __future__ import annotations

from collections.abc import Sequence

from credit_trading.backup.archive import Archive
from credit_trading.backup.history import History
from credit_trading.backup.manifest import Manifest
from credit_trading.errors import InvalidInput, TradingError
from credit_trading.journal.live import LiveReplica

_BESIDE = " of another exchange.db, which goes on beside"


def check_newest(archive: Archive, newest: Manifest, history: History, sets: Sequence[Manifest]) -> None:
    """Raises InvalidInput if one of all these sets is of later than the newest one, or beside it: nobody can tell which is meant.

    Reads each segment of the history once at most, and those only within which a set ends.
    """
    beside = {one.set for one in sets} - {one.set for one in leading_to(newest, sets)}
    for one in sorted(sets, key=lambda one: (one.sequence, one.set), reverse=True):
        if one.sequence > newest.sequence:
            where = ""
        elif not _is_on(history, one):
            where = " on another history"
        elif one.set in beside:
            where = _BESIDE
        else:
            continue
        raise InvalidInput(
            "backup",
            newest.set,
            f"it is the newest set, of sequence {newest.sequence}, and {one.set} is one of sequence {one.sequence}{where}:"
            " an exchange was restored, or a copy of it, and both have written here",
            hint=f"Name the set that is meant; they are listed by: credit-trading backup list --from {archive.url}.",
        )


def leading_to(newest: Manifest, sets: Sequence[Manifest]) -> list[Manifest]:
    """Those of all these sets that its exchange.db made up to that one, or another one before it made the first."""
    began = min((one.set for one in sets if one.lineage == newest.lineage), default=newest.set)
    return [one for one in sets if one.set <= (newest.set if one.lineage == newest.lineage else began)]


def told_of_newest(archive: Archive, live: LiveReplica, lineage: str) -> str | None:
    """A line if the newest set is not of this exchange's history, or of one that goes on beside it; None too if it cannot be read."""
    ids = archive.set_ids()
    newest = _readable(archive, ids[-1]) if ids else None
    if newest is None:
        return None
    with live.history() as log:
        found, (last, _) = log.hash_at(newest.sequence), log.head()
    if newest.sequence > last:
        where = f", and this exchange has come to {last}"
    elif found is None or found.hex() != newest.hash:
        where = " on another history than this exchange's"
    elif newest.lineage != lineage and _has_any(archive, ids, lineage):
        where = f"{_BESIDE} this one"
    else:
        return None
    return (
        f"The newest set before this one, {newest.set}, is of sequence {newest.sequence}{where}. An exchange was restored, or a copy of"
        " it, and both write here: give one of them a place of its own. Until then, whoever restores from here has to name the set."
    )


def _has_any(archive: Archive, ids: Sequence[str], lineage: str) -> bool:
    """The newest are looked at first."""
    found = (_readable(archive, one) for one in reversed(ids))
    return any(manifest.lineage == lineage for manifest in found if manifest is not None)


def _readable(archive: Archive, set_id: str) -> Manifest | None:
    try:
        return archive.manifest(set_id)
    except TradingError:
        return None


def _is_on(history: History, one: Manifest) -> bool:
    """Taken for granted where the journal cannot be read there: whoever restores it is told."""
    try:
        return history.hash_at(one.sequence) == one.hash
    except TradingError:
        return True
