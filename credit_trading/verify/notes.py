"""Whether the notes beside the journal are those that were written with it."""

from __future__ import annotations

from collections.abc import Iterator

from credit_trading.journal.live import LiveReplica
from credit_trading.journal.notes import Stored, outside
from credit_trading.journal.rows import NOTE, USERS, Row
from credit_trading.verify.erased import Erased
from credit_trading.verify.finding import EXCHANGE, RESTORE, Finding


def check_note(row: Row, stored: Stored | None, erased: Erased) -> Iterator[Finding]:
    """What stands beside a journal row; what was written before there were digests passes."""
    sequence, digest = row[0], row[NOTE]
    if digest is None:
        if stored is not None and stored.salt is not None:
            yield _finding(sequence, "a note that the journal knows nothing of")
    elif stored is None:
        if erased.may_be(row[place] for place in USERS):
            erased.note(sequence)
        else:
            yield _finding(sequence, "the note on this row is missing")
    elif stored.digest != digest:
        yield _finding(
            sequence,
            "this is not the note that was written",
            digest.hex(),
            stored.digest.hex() if stored.digest else "no salt",
        )


def check_strays(live: LiveReplica) -> Iterator[Finding]:
    """Notes on rows that the journal does not have."""
    with live.history() as log:
        strays = outside(log.connection)
    for sequence in strays:
        yield _finding(sequence, "a note on a row that does not exist")


def _finding(sequence: int, problem: str, expected: str | None = None, found: str | None = None) -> Finding:
    return Finding(
        file=EXCHANGE, row=f"command_notes {sequence}", problem=problem, expected=expected, found=found, repair=RESTORE
    )
