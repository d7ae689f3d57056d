"""A journal row: how an entry is stored, and the hash that chains it to the row before.

Always: the hash covers the stored bytes of every column and the previous row's hash, never a re-encoding; events hold no personal data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from credit_trading.errors import FileCorrupt, VersionUnsupported
from credit_trading.exchange.events import KINDS, Entry, Event

SCHEMA = """
CREATE TABLE journal (
    sequence INTEGER PRIMARY KEY,
    time_us INTEGER NOT NULL,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    cause TEXT NOT NULL,
    content TEXT,
    user_a INTEGER,
    number_a INTEGER,
    previous_a INTEGER,
    user_b INTEGER,
    number_b INTEGER,
    previous_b INTEGER,
    payload TEXT NOT NULL,
    hash BLOB NOT NULL,
    note BLOB
) STRICT;
CREATE INDEX journal_money_causes ON journal (cause)
    WHERE content IS NOT NULL AND kind IN ('deposited', 'withdrawn', 'traded_off_book', 'transaction_recorded',
    'transaction_entered', 'order_filled_outside');
CREATE INDEX journal_references_a ON journal (user_a, json_extract(payload, '$.external_reference'))
    WHERE kind IN ('transaction_entered', 'order_filled_outside', 'traded_off_book')
    AND json_extract(payload, '$.external_reference') IS NOT NULL;
CREATE INDEX journal_references_b ON journal (user_b, json_extract(payload, '$.external_reference'))
    WHERE kind IN ('transaction_entered', 'order_filled_outside', 'traded_off_book')
    AND json_extract(payload, '$.external_reference') IS NOT NULL AND user_b IS NOT NULL;
"""
"""`journal_money_causes` keeps the keys of money movements for ever; all other command ids are remembered by the replica. The references
that others know a movement by are kept for ever too, for each of its users (`journal_references_a`, `journal_references_b`).

`note` is the salted digest of what stands beside the row in `command_notes`: who acted cannot be changed afterwards, only erased.
"""

MIGRATIONS = {
    2: "ALTER TABLE journal ADD COLUMN note BLOB;\n",
    3: """
DROP INDEX journal_money_causes;
CREATE INDEX journal_money_causes ON journal (cause)
    WHERE content IS NOT NULL AND kind IN ('deposited', 'withdrawn', 'traded_off_book', 'transaction_recorded');
""",
    4: """
DROP INDEX journal_money_causes;
CREATE INDEX journal_money_causes ON journal (cause)
    WHERE content IS NOT NULL AND kind IN ('deposited', 'withdrawn', 'traded_off_book', 'transaction_recorded',
    'transaction_entered', 'order_filled_outside');
CREATE INDEX journal_references_a ON journal (user_a, json_extract(payload, '$.external_reference'))
    WHERE kind IN ('transaction_entered', 'order_filled_outside', 'traded_off_book')
    AND json_extract(payload, '$.external_reference') IS NOT NULL;
CREATE INDEX journal_references_b ON journal (user_b, json_extract(payload, '$.external_reference'))
    WHERE kind IN ('transaction_entered', 'order_filled_outside', 'traded_off_book')
    AND json_extract(payload, '$.external_reference') IS NOT NULL AND user_b IS NOT NULL;
""",
}
"""By the format of exchange.db that they lead to."""

MONEY = (
    "content IS NOT NULL AND kind IN ('deposited', 'withdrawn', 'traded_off_book', 'transaction_recorded',"
    " 'transaction_entered', 'order_filled_outside')"
)
"""Which rows `journal_money_causes` covers; as the index has it, or SQLite would not use it."""

MONEY_KINDS = frozenset(
    (
        *("deposited", "withdrawn", "traded_off_book", "transaction_recorded"),
        *("transaction_entered", "order_filled_outside"),
    )
)

REFERENCE = "json_extract(payload, '$.external_reference')"
REFERRED = f"kind IN ('transaction_entered', 'order_filled_outside', 'traded_off_book') AND {REFERENCE} IS NOT NULL"
"""What the indices of references hold, and which rows they cover; as they have it."""

COLUMNS = (
    "sequence, time_us, kind, version, cause, content, user_a, number_a, previous_a, user_b, number_b, previous_b,"
    " payload, hash, note"
)
INSERT = f"INSERT INTO journal ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

Row = tuple[Any, ...]

KIND, CONTENT, USERS, PREVIOUS, HASH, NOTE = 2, 5, (6, 9), (8, 11), 13, 14
"""Places in a row."""

FIRST_HASH = bytes(32)
"""What the first row is chained to."""

_HASHED = "\n".join(["%s"] * 13)

_encode = msgspec.json.Encoder().encode
_DECODERS = {key: msgspec.json.Decoder(cls).decode for key, cls in KINDS.items()}


def encode(entry: Entry, previous_hash: bytes, note: bytes | None = None) -> Row:
    """The row of `entry`, in the order of `COLUMNS`; the next row is chained to its `hash`. `note` is the digest of a note."""
    event = entry.event
    row: Row = (
        entry.sequence,
        entry.time_us,
        event.kind,
        event.version,
        entry.cause,
        entry.content,
        entry.user_a,
        entry.number_a,
        entry.previous_a,
        entry.user_b,
        entry.number_b,
        entry.previous_b,
        _encode(event).decode(),
        None,
        note,
    )
    return (*row[:HASH], row_hash(row, previous_hash), note)


def row_hash(row: Row, previous_hash: bytes) -> bytes:
    """SHA-256 over the previous hash and the row's other columns, one to a line, the note's as hex and only where there is one.

    No column may hold a line end; JSON has none outside of its strings, and writes those inside as `\\n`.
    """
    content = _HASHED % row[:HASH] if row[NOTE] is None else f"{_HASHED % row[:HASH]}\n{row[NOTE].hex()}"
    return hashlib.sha256(previous_hash + content.encode()).digest()


def check_chain(stored: Sequence[Row], sequence: int, previous_hash: bytes) -> bytes:
    """The last hash of rows that follow on that sequence and hash. Raises FileCorrupt where they do not."""
    for row in stored:
        sequence += 1
        if row[0] != sequence or row[HASH] != row_hash(row, previous_hash):
            raise damaged(row[0], "the chain is broken here")
        previous_hash = row[HASH]
    return previous_hash


def decode(row: Row) -> Entry:
    """Raises VersionUnsupported for a kind of a newer version, FileCorrupt for a payload that does not fit its kind."""
    decode_payload = _DECODERS.get((row[2], row[3]))
    if decode_payload is None:
        raise VersionUnsupported(
            "journal",
            f"sequence {row[0]}",
            f"unknown event {row[2]} version {row[3]}",
            hint="Use a newer credit_trading.",
        )
    try:
        event: Event = decode_payload(row[12])
    except msgspec.MsgspecError as error:
        raise damaged(row[0], f"the payload does not fit its kind ({error})") from error
    return Entry(row[0], row[1], row[4], row[5], event, row[6], row[7], row[8], row[9], row[10], row[11])


def damaged(sequence: int, problem: str) -> FileCorrupt:
    return FileCorrupt("journal", f"sequence {sequence}", problem, hint="Restore exchange.db from a backup.")
