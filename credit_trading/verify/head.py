"""The journal's head, to be kept somewhere else, and the proof that history up to a kept one is unchanged.

Always: the proof reads the stored rows and computes their hashes anew; a stored hash proves nothing.
"""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import attrs

from credit_trading.checks import checked_number, checked_text, shown
from credit_trading.clock import format_time
from credit_trading.errors import InvalidInput
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.rows import FIRST_HASH, row_hash
from credit_trading.progress import Progress, no_progress
from credit_trading.verify.finding import EXCHANGE, RESTORE, Finding, guarded
from credit_trading.verify.journal import at, broken_chain
from credit_trading.verify.rows import stretch_from

_HASH = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)


@attrs.frozen
class JournalHead:
    """The last row; `hash` as hex, `time` as ISO 8601. Whoever keeps the first two can prove later that nothing before was changed."""

    sequence: int
    hash: str
    time: str


def journal_head(live: LiveReplica) -> JournalHead:
    """As of now."""
    with live.history() as log:
        sequence, last_hash = log.head()
        entry = log.entry(sequence)
    assert entry is not None, "rows are never deleted"
    return JournalHead(sequence, last_hash.hex(), format_time(entry.time_us))


def check_head(live: LiveReplica, sequence: int, hash_hex: str, *, progress: Progress = no_progress) -> Finding | None:
    """None if the rows up to `sequence` lead to that hash; else what is wrong with them. Raises InvalidInput."""
    sequence = checked_number(
        sequence,
        what="journal",
        problem="a sequence is a whole number from 1 on",
        hint="As journal head told it.",
        least=1,
    )
    if _HASH.fullmatch(checked_text(hash_hex, what="journal")) is None:
        raise InvalidInput(
            "journal", shown(hash_hex), "a hash is 64 hexadecimal digits", hint="As journal head told it."
        )
    found = guarded(lambda: _check(live, sequence, bytes.fromhex(hash_hex), progress), file=EXCHANGE, repair=RESTORE)
    return next(found, None)


def check_head_in(
    home: Path, sequence: int, hash_hex: str, *, lock_timeout_s: int, progress: Progress = no_progress
) -> Finding | None:
    """The same in the folder of an exchange that is too damaged to be opened."""
    with closing(LiveReplica(home.absolute(), lock_timeout_s=lock_timeout_s)) as live:
        return check_head(live, sequence, hash_hex, progress=progress)


def _check(live: LiveReplica, sequence: int, kept: bytes, progress: Progress) -> list[Finding]:
    done, computed = 0, FIRST_HASH
    while done < sequence:
        stretch = stretch_from(live, done + 1, up_to=sequence)
        for row in stretch.rows:
            if row[0] != done + 1:
                return [at(done + 1, "rows are missing here", found=f"sequence {row[0]}")]
            broken = broken_chain(row, computed)
            if broken is not None:
                return [broken]
            done, computed = row[0], row_hash(row, computed)
        if stretch.unreadable is not None:
            return [stretch.unreadable[1]]
        if not stretch.rows:
            return [at(done, "the journal ends before the head that was kept", expected=f"sequence {sequence}")]
        progress(done, sequence)
    if computed == kept:
        return []
    return [at(sequence, "history up to here is not what it was", expected=kept.hex(), found=computed.hex())]
